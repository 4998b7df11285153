"""What must hold after every outage, whatever was wrong with the stores and functions meanwhile."""

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, TypeVar

from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.incidents import Incident, Letter
from pointsman.core.members import lever_key
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, parse
from pointsman.service.house import House, incident_register
from pointsman.service.journal import find_in
from pointsman.service.registers import Registers
from pointsman.service.verify import Reach, verify
from pointsman.testing.faces.timing import monotonic, wait
from pointsman.testing.inprocess import MemoryFlag, house, table, twin
from pointsman.testing.stage import Stage
from pointsman.testing.virtual import VirtualClock

Seen = TypeVar("Seen", bound=Stage)
"""The stage that is watched."""
LINK = "ix-a"
PASSES = 0.005
OFF_LIMIT, BACK_LIMIT, TICKET_LIMIT, AGREED_LIMIT = (timedelta(seconds=count) for count in (15, 30, 45, 10))
"""Within these, whatever is wrong: all flows are off a grey link; back on a healed one; its ticket is open, or closed; and
both clouds' functions and a majority of the stores speak of one plan. They allow for two busy cores, and for the lease of a function that died while it told a desk (30 s)."""


@dataclass
class Judge(Generic[Seen]):
    """Watches a stage and counts its outages."""

    stage: Seen
    outages: int = 0
    took: list[tuple[str, float]] = field(default_factory=list)

    def until(self, what: str, holds: Callable[[], Any], limit: timedelta) -> None:
        """Wait for something; it must come about within its limit."""
        begun = monotonic()
        while not holds():
            assert monotonic() - begun < limit.total_seconds(), f"after {limit} it is not so that {what}: {self._told()}"
            wait(0.03)
        self.took.append((what, round(monotonic() - begun, 2)))

    def _told(self) -> str:
        """Give how things stand and the last words of every function."""
        said = [f"{cloud} {name}: {line}" for cloud in Cloud for name in self.stage.functions for line in self.stage.logs(cloud, name)[-4:]]
        newest = asyncio.run(self._newest())
        plan = "no plan of a majority" if newest is None else f"epoch {newest.epoch}: {newest.links}"
        levers = [f"tests running: {self.stage.running_tests()}", *asyncio.run(self._levers())]
        return "\n".join([str(self.stage.state()["flows"]), str(self.stage.desk.book.open_tickets()), plan, *levers, *said])

    async def _levers(self) -> list[str]:
        """Give what each store holds of the levers on the link."""
        reads = [(name, await store.rows(cloud)) for name, store in self.stage.open_stores().items() for cloud in Cloud]
        return [f"{name}: {row}" for name, read in reads for row in read.rows if row.member == lever_key(LinkName(LINK))]

    def flows(self) -> list[dict[str, Any]]:
        return list(self.stage.state()["flows"].values())

    def home(self) -> bool:
        return all(one["to_gcp"] == one["to_aws"] == {LINK: 1.0} and one["loss"] < PASSES for one in self.flows())

    def off(self) -> bool:
        return all(LINK not in one[way] for one in self.flows() for way in ("to_gcp", "to_aws")) and all(
            one["loss"] < PASSES for one in self.flows()
        )

    def is_off(self) -> None:
        self.until("all flows are off the grey link", self.off, OFF_LIMIT)
        self.until("one ticket is open", lambda: len(self.stage.desk.book.open_tickets()) == 1, TICKET_LIMIT)

    def is_recorded(self) -> None:
        """Wait until no desk's letter is half told: the one who told it may still hold its lease."""
        self.until("no letter is half told", lambda: not asyncio.run(self._half_told()), TICKET_LIMIT)

    async def _half_told(self) -> list[Letter]:
        plan = await self._newest()
        if plan is None:
            return []
        ours = self._house()
        names = [incident_register(incident) for incident, *_ in open_incidents(self.stage.fabric, plan)]
        values = [(await ours.registers.read(name)).value for name in names]
        return [letter for value in values if value for letter in parse(value, Incident).outbox if letter.claimed_by and not letter.done]

    def is_back(self) -> None:
        self.until("all flows are back on the healed link", self.home, BACK_LIMIT)
        self.until("its ticket is closed", lambda: not self.stage.desk.book.open_tickets(), TICKET_LIMIT)

    def is_agreed(self) -> None:
        """Both clouds and a majority of the stores speak of one plan, every acknowledged decision is in its chain, and each had one ticket."""
        self.until("both clouds speak of one plan", self._of_one_plan, AGREED_LIMIT)
        self._tickets()
        asyncio.run(self._chain())

    def _of_one_plan(self) -> bool:
        newest = self.newest_epoch()
        return newest > 0 and all(self._said(cloud) == newest for cloud in Cloud)

    def newest_epoch(self) -> int:
        """Give the epoch of the plan that a majority of the stores holds; 0 when none does."""
        newest = asyncio.run(self._newest())
        return 0 if newest is None else newest.epoch

    async def _newest(self) -> Plan | None:
        replies = await asyncio.gather(*(store.read(f"plan/{self.stage.fabric.name}") for store in self.stage.open_stores().values()))
        plans = [parse(reply.row.value, Plan) for reply in replies if reply.row.value]
        newest = max(plans, key=lambda plan: plan.epoch)
        same = sum(canonical(plan) == canonical(newest) for plan in plans)
        return newest if same > len(replies) // 2 else None

    def _said(self, cloud: Cloud) -> int:
        return max((line["epoch"] for line in self._reports(cloud)), default=0)

    def _reports(self, cloud: Cloud) -> list[dict[str, Any]]:
        return [line for name in ("link_changed", "sweep") for line in self.stage.logs(cloud, name) if "epoch" in line]

    def _tickets(self) -> None:
        book = self.stage.desk.book
        tickets = book.tickets()
        assert len(tickets) == self.outages, [ticket.summary for ticket in tickets]
        assert max((book.most_open(ticket.key) for ticket in tickets), default=0) <= 1

    async def _chain(self) -> None:
        """Walk the journal back: nothing acknowledged is lost, everything agreed follows from what was written down before."""
        ours, said = self._house(), [line for cloud in Cloud for line in self._reports(cloud)]
        walk = await verify(ours)
        assert (walk.trouble, walk.ended) == (None, Reach.FIRST), walk
        assert walk.again == walk.entries
        plan = parse((await ours.registers.read(ours.plan_register)).value or "", Plan)
        drained: dict[int, set[str]] = {}
        while plan.epoch:
            drained[plan.epoch] = {name for name, state in plan.links.items() if state.drain}
            entry = (await find_in((ours.journal, *ours.spares), plan.entry)).entry
            assert entry is not None, "verify has just read it"
            plan = entry.before
        for line in said:
            assert set(line["drained"]) == drained[line["epoch"]], line

    def _house(self) -> House:
        """Furnish a reader of the table: what it cannot reach it does not need."""
        stores, clock = self.stage.open_stores(), VirtualClock()
        bare = house(twin(self.stage.fabric, clock), table(clock), Cloud.AWS, flags={one: MemoryFlag(one) for one in Cloud}, nonce=nonce)
        return dataclasses.replace(
            bare,
            registers=Registers(tuple(stores.values()), clock=SystemClock(), nonce=nonce, jitter=jitter),
            rows={cloud: stores[cloud.value] for cloud in Cloud},
            witness=stores["witness"],
            journal=stores["aws"],
            spares=(stores["gcp"], stores["witness"]),
            clock=SystemClock(),
        )
