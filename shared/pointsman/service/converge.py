"""The one loop that every door leads into: note, decide, agree, write, verify, look again.

Round trips to the lever's write: (1) note, rows, register, flags, lever fences and live look in parallel;
(2) prepare; (3) accept; (4) write. A pass that brings nothing new ends after the first.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pointsman.core.errors import Transient
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.members import index
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import Plan
from pointsman.core.sightings import Sighting
from pointsman.core.steering import Level, LeverKind, Setting
from pointsman.service.agree import Agreement, agree, plan_in
from pointsman.service.enact import Step, acknowledge, differing, observe_missing, prove, target_of, wishes, write
from pointsman.service.gather import Gathered, Scope, Target, gather, note, quietly, worth_noting
from pointsman.service.house import House

PASSES_LIMIT = 4
"""Passes of one call: each newer epoch or stale view found costs one; at the bound the event is delivered again."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one call did: the plan it ended on, whether it made it, the levers it wrote, and how long each stage took (seconds)."""

    plan: Plan
    agreed: bool
    steps: tuple[Step, ...] = ()
    stages: dict[str, float] = field(default_factory=dict)
    hints_lost: tuple[str, ...] = ()
    stored: dict[str, Sighting] = field(default_factory=dict)


async def converge(house: House, claims: Sequence[Sighting], scope: Scope | None = None, *, closed: tuple[str, ...] = ()) -> Report:
    """Bring the world in line with what is known, the given claims included.

    Raises ``Transient`` when it must be tried again: no majority, claims that could not be noted, a lever that is busy.
    """
    wide = scope or scope_of(house, claims)
    begun = house.clock.monotonic()
    for _ in range(PASSES_LIMIT):
        report = await _Pass(house, tuple(claims), wide, closed, begun).run()
        if report is not None:
            return report
        wide = replace(wide, witness=True)  # rows that are missing here may have been noted there
    raise Transient("newer decisions kept coming while this one was carried out: deliver again")


def scope_of(house: House, claims: Sequence[Sighting]) -> Scope:
    """Look at the links that the claims speak of, and observe the levers of every link that could take or lose their flows."""
    places = index(house.current)
    links = {places[claim.member].link for claim in claims if claim.member in places}
    return Scope(look=tuple(sorted(links)), levers=levers_of(house, links))


def levers_of(house: House, links: set[LinkName]) -> tuple[Target, ...]:
    """List this cloud's levers on these links, on the links their flows may move to, and on those flows."""
    fabric = house.current
    flows = [flow for flow in fabric.flows if links & set(flow.prefer)]
    near = links | {name for flow in flows for name in flow.prefer}
    by_link: list[Target] = [(kind, name) for name in sorted(near) for kind in _link_levers(fabric, name) if kind in house.levers]
    pins: list[Target] = [
        (LeverKind.PREFIX_LIST_PIN, flow.name) for flow in flows if flow.aws_prefix_list and LeverKind.PREFIX_LIST_PIN in house.levers
    ]
    return tuple(by_link + pins)


def _link_levers(fabric: Fabric, name: LinkName) -> tuple[LeverKind, ...]:
    link = fabric.link(name)
    policies = (LeverKind.ROUTE_POLICY,) if link.gcp.import_policy and link.gcp.export_policy else ()
    tests = (LeverKind.FAILOVER_TEST,) if any(member.aws.virtual_interface for member in link.members) else ()
    return policies + tests


class _Pass:
    """One time round the loop. Ends in None when a newer plan or newer rows came in between and it must be made again."""

    def __init__(self, house: House, claims: tuple[Sighting, ...], scope: Scope, closed: tuple[str, ...], begun: float) -> None:
        self._house = house
        self._claims = claims
        self._scope = scope
        self._closed = closed
        self._begun = begun
        self._stages: dict[str, float] = {}

    async def run(self) -> Report | None:
        """Go round once."""
        gathered = await gather(self._house, self._claims, self._scope, closed=self._closed)
        self._over("noted")
        agreement = await agree(self._house, gathered)
        if agreement.stale:
            return None
        self._over("agreed")
        fabric = self._house.fabric_of(agreement.plan)
        settings = wishes(self._house, fabric, agreement.plan, gathered)
        wrong = differing([one for one in settings if self._concerns(one, agreement)], gathered)
        if await observe_missing(self._house, wrong, gathered) and await self._newer(agreement.plan, gathered):
            return None
        wrong = differing(wrong, gathered)
        steps = await write(self._house, agreement.plan, wrong, gathered)
        if steps:
            self._over("written")
        steps, lost = await self._afterwards(fabric, agreement, gathered, settings, steps)
        if steps and (_lost_fence(steps) or await self._newer(agreement.plan, gathered)):
            return None
        return self._report(agreement, gathered, steps, lost)

    def _over(self, stage: str) -> None:
        self._stages[stage] = self._house.clock.monotonic() - self._begun

    def _concerns(self, setting: Setting, agreement: Agreement) -> bool:
        """Say whether a lever is this pass's business: it was to be observed, or a new plan may have changed it."""
        return agreement.changed or target_of(setting) in self._scope.levers

    async def _newer(self, plan: Plan, gathered: Gathered) -> bool:
        """Look at the plan once more; True when a newer epoch is agreed or can't be ruled out."""
        reading = await self._house.registers.read(self._house.plan_register)
        return not reading.confirmed or plan_in(self._house.current, reading.value, gathered).epoch != plan.epoch

    async def _afterwards(
        self, fabric: Fabric, agreement: Agreement, gathered: Gathered, settings: Sequence[Setting], steps: tuple[Step, ...]
    ) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        """Off the reaction path: keep the looks, wake the other cloud and the desks' function, prove the writes and say so."""
        house = self._house
        looks = worth_noting(fabric, gathered.looked, gathered.stored)
        hints = quietly(*_hints(house, fabric, agreement))
        lost, proved, _ = await asyncio.gather(hints, prove(house, steps), note(house, looks))
        if proved:
            self._over("verified")
        done = _done(settings, proved, gathered)
        if len(done) == len(settings):
            await acknowledge(house, fabric, agreement.plan, done, gathered)
        return proved, lost

    def _report(self, agreement: Agreement, gathered: Gathered, steps: tuple[Step, ...], lost: tuple[str, ...]) -> Report:
        again = [step.trouble for step in steps if step.again]
        if gathered.unrecorded or again:
            raise Transient("; ".join([gathered.unrecorded, *again]).strip("; ") + ": deliver again")
        return Report(
            plan=agreement.plan, agreed=agreement.changed, steps=steps, stages=self._stages, hints_lost=lost, stored=gathered.stored
        )


def _lost_fence(steps: Sequence[Step]) -> bool:
    return any(step.fence_lost for step in steps)


def _done(settings: Sequence[Setting], proved: Sequence[Step], gathered: Gathered) -> list[Setting]:
    """List the settings that are in force: seen so before, or proved now."""
    tried = {target_of(step.setting) for step in proved}
    seen = [one for one in settings if target_of(one) in gathered.observed and target_of(one) not in tried]
    held = [one for one in seen if one not in differing(seen, gathered)]
    return held + [step.setting for step in proved if step.verified.level is not Level.NONE]


def _hints(house: House, fabric: Fabric, agreement: Agreement) -> Iterator[Awaitable[None]]:
    """Wake the other cloud after an agreement (a new suspect is one), and the desks' function while an incident has news."""
    if not agreement.changed:
        return
    if house.nudge is not None:
        yield house.nudge(fabric.name, agreement.plan.epoch)
    if house.post is not None:
        for incident, *_ in open_incidents(fabric, agreement.plan):
            yield house.post(incident)
