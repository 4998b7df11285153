"""Levers, lookers, flags and the desk of the simulation: they keep their ports' promises, and fail as clouds do."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

from pointsman.core.errors import Refused, Transient
from pointsman.core.fabric import Cloud, GcpSite
from pointsman.core.incidents import Ask, Incident, Letter, Ticket, phase_after
from pointsman.core.members import gcp_tunnel_key, index
from pointsman.core.plan import FlagState
from pointsman.core.sightings import Aspect, Health, Notice, Sighting, Source, Vantage
from pointsman.core.steering import LeverKind, Observed, Setting, Verified
from pointsman.core.values import replace
from pointsman.ports.clouds import Clock, FenceLost, Lever, LeverBusy, LeverFailed, LeverUnsure, Look
from pointsman.testing.inprocess import MemoryFlag, Twin, TwinLooker
from pointsman.testing.simulation.evidence import Asked, Landed, Spoken, Told
from pointsman.testing.simulation.functions import caller
from pointsman.testing.simulation.kinds import FaultKind, Request
from pointsman.testing.simulation.nature import Nature, in_nobodys_name

LATE_APPLY = 90.0
"""Longest time that a cloud takes to carry out a write it gave no answer to, in seconds."""
LEVER_TIMEOUT = 20.0
"""Longest time until whoever asked a cloud for a write gives it up, in seconds."""
LOOKING = 0.03
"""Longest time that a look takes beyond a lever's reading, in seconds."""
SEARCH_LAG = 25.0
"""Longest time until a desk's search shows a new ticket: below a letter's lease, which is what the service counts on."""

BREATHER = timedelta(seconds=5)
"""How long a desk that gave no answer is left alone."""


def _homeless(nature: Nature) -> bool:
    who = caller()
    return who is not None and who.cloud in nature.gone


def _blind() -> tuple[Cloud, ...]:
    who = caller()
    return tuple(cloud for cloud in Cloud if who is not None and cloud in who.blind)


def _frozen() -> float:
    who = caller()
    return 0.0 if who is None else who.frozen


@dataclass
class SimulatedLever:
    """Keeps ``Lever`` over the twin's. ``asked`` lists every setting that was to be written."""

    inner: Lever
    cloud: Cloud
    clock: Clock
    nature: Nature
    asked: list[Asked] = field(default_factory=list)
    landed: list[Landed] = field(default_factory=list)
    late: int = 0
    _before: dict[str, Observed] = field(default_factory=dict)

    @property
    def kind(self) -> LeverKind:
        """What it steers by."""
        return self.inner.kind

    @property
    def _place(self) -> str:
        return f"levers {self.cloud}"

    async def observe(self, target: str) -> Observed:
        """Read it; what a read gives may be what another gave before."""
        kind = self._struck(Request.OBSERVE)
        found = await self.inner.observe(target)
        before = self._before.get(target, found)
        self._before[target] = found
        return before if kind is FaultKind.LEVER_STALE_READ else found

    def _struck(self, request: Request) -> FaultKind | None:
        kind = self.nature.strike(request, self._place)
        if _homeless(self.nature):
            raise LeverFailed("no credentials: see to the cloud's identity service")
        if kind is FaultKind.LEVER_THROTTLED:
            raise LeverBusy("throttled: look again later")
        return kind

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Write it, or not, or not surely, or later."""
        self.asked.append(
            Asked(at=self.clock.monotonic(), cloud=self.cloud, setting=want, over=observed.setting, blind=_blind(), frozen=_frozen())
        )
        self.nature.tell(f"asks its lever for {want}")
        match self._struck(Request.APPLY):
            case FaultKind.LEVER_REFUSED:
                raise LeverFailed("no right to write: grant it")
            case FaultKind.LEVER_TIMED_OUT:
                await asyncio.sleep(LEVER_TIMEOUT * self.nature.dice.random())
                self.nature.pause()
            case FaultKind.LEVER_APPLIED_TIMED_OUT:
                await self._land(want, observed, token)
            case FaultKind.LEVER_LATE:
                self._later(want, observed, token)
            case _:
                await self._land(want, observed, token)
                return
        raise LeverUnsure("no answer: observe before anything else")

    async def _land(self, want: Setting, observed: Observed, token: str, *, late: bool = False) -> None:
        await self.inner.apply(want, observed, token)
        self.nature.pause()
        if not late and (who := caller()) is not None:
            who.wrote_at = self.clock.monotonic()
        self.landed.append(Landed(at=self.clock.monotonic(), cloud=self.cloud, setting=want, late=late, frozen=_frozen()))

    def _later(self, want: Setting, observed: Observed, token: str) -> None:
        self.late += 1

        async def late() -> None:
            try:
                await self._land(want, observed, token, late=True)
            except (FenceLost, LeverFailed):
                pass  # nobody waits for this answer
            finally:
                self.late -= 1

        in_nobodys_name(lambda: asyncio.ensure_future(late()), LATE_APPLY * self.nature.dice.random())

    async def undo(self, observed: Observed, token: str) -> None:
        """Bring it back."""
        await self.inner.undo(observed, token)

    async def verify(self, want: Setting) -> Verified:
        """Read back."""
        self._struck(Request.VERIFY)
        return await self.inner.verify(want)


@dataclass
class Hearing:
    """Who first spoke against which link, and when."""

    world: Twin
    first: dict[tuple[str, Vantage, bool], Spoken] = field(default_factory=dict)

    def hear(self, claims: Sequence[Sighting]) -> None:
        """Note what claims say against links."""
        for one in claims:
            if one.health in {Health.DOWN, Health.DEGRADED}:
                link, look = index(self.world.fabric)[one.member].link, one.source is Source.LOOK
                at = self.world.clock.monotonic()
                self.first.setdefault((link, one.vantage, look), Spoken(at=at, link=link, vantage=one.vantage, look=look))


@dataclass
class SimulatedLooker:
    """Keeps ``Looker`` over the twin's, and adds the IPsec state of Google's tunnels.

    Every second look that fails is one that a cloud answers with an error for each thing: what it says of them is ``unknown``.
    """

    world: Twin
    cloud: Cloud
    nature: Nature
    heard: Hearing
    failed: int = 0
    _before: dict[tuple[str, ...], tuple[Sighting, ...]] = field(default_factory=dict)

    async def look(self, links: Sequence[str]) -> Look:
        """Look at sessions and tunnels; what a look gives may be what another gave before."""
        kind = self.nature.strike(Request.LOOK, f"looks {self.cloud}")
        fails = kind is FaultKind.LOOK_THROTTLED
        self.failed += fails
        if (fails and self.failed % 2) or _homeless(self.nature):
            raise Transient("throttled: look again later")
        await asyncio.sleep(LOOKING * self.nature.dice.random())
        seen = (await TwinLooker(self.world, self.cloud).look(links)).claims
        if fails:
            return Look(claims=tuple(replace(claim, health=Health.UNKNOWN) for claim in seen))
        self.nature.pause()
        found = (*seen, *(self._claim(site, name) for site, name in self._tunnels(links)))
        self.heard.hear(found)
        before = self._before.get(tuple(links), found)
        self._before[tuple(links)] = found
        return Look(claims=before if kind is FaultKind.LOOK_STALE else found)

    def _tunnels(self, links: Sequence[str]) -> list[tuple[GcpSite, str]]:
        if self.cloud is not Cloud.GCP:
            return []
        found = map(self.world.fabric.link, links)
        return [(self.world.fabric.gcp_site(link), member.gcp.tunnel) for link in found for member in link.members if member.gcp.tunnel]

    def _claim(self, site: GcpSite, tunnel: str) -> Sighting:
        up = self.world.network.tunnel_up(f"{site.name}/{tunnel}")
        return Sighting(
            vantage=Vantage.GCP,
            member=gcp_tunnel_key(tunnel, site.project, site.region),
            source=Source.LOOK,
            aspect=Aspect.IPSEC,
            health=Health.UP if up else Health.DOWN,
            seen_at=self.world.clock.now(),
        )


@dataclass
class AnnouncingLooker(SimulatedLooker):
    """Keeps ``Announcer`` too: whoever asks is given what the cloud announces without an event."""

    announced: Callable[[], tuple[Notice, ...]] = tuple

    async def notices(self) -> tuple[Notice, ...]:
        """Read what is announced or taken back."""
        kind = self.nature.strike(Request.NOTICES, f"looks {self.cloud}")
        if kind is FaultKind.LOOK_THROTTLED or _homeless(self.nature):
            raise Transient("throttled: ask again later")
        await asyncio.sleep(LOOKING * self.nature.dice.random())
        self.nature.pause()
        return self.announced()


class SimulatedFlag(MemoryFlag):
    """Keeps ``Flag``."""

    def __init__(self, cloud: Cloud, nature: Nature, set_flag: Callable[[Cloud, FlagState], None]) -> None:
        super().__init__(cloud)
        self.note = ""
        self._nature = nature
        self._set = set_flag

    async def read(self) -> FlagState:
        """Read it, over a network."""
        kind = self._nature.strike(Request.FLAG, f"flag {self.cloud}")
        await asyncio.sleep(0.002 + 0.01 * self._nature.dice.random())
        unreadable = kind is FaultKind.FLAG_UNREADABLE or _homeless(self._nature)
        who = caller()
        if who is not None:
            (who.blind.add if unreadable else who.blind.discard)(self.cloud)
        return FlagState.UNREADABLE if unreadable else self.state

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own yes or no
        """Set or clear it, over a network; what is not answered may have been written."""
        kind = self._nature.strike(Request.FLAG, f"flag {self.cloud}")
        await asyncio.sleep(0.002 + 0.01 * self._nature.dice.random())
        if _homeless(self._nature):
            raise Transient(f"no credentials for the flag of {self.cloud}")
        self.note = note
        self._set(self.cloud, FlagState.SET if frozen else FlagState.CLEAR)
        if kind is FaultKind.FLAG_UNREADABLE:
            raise Transient(f"the flag of {self.cloud} gave no answer: write it again")


@dataclass
class Sheet:
    """A ticket as the desk keeps it."""

    number: str
    key: str
    incident: str
    at: float
    found_after: float
    open: bool = True


@dataclass
class SimulatedDesk:
    """A desk that is searched by key before a ticket is made, and times out before, after or long before it does as asked."""

    clock: Clock
    nature: Nature
    name: str = "noc"
    book: list[Told] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    late: int = 0
    _numbers: count = field(default_factory=lambda: count(1))  # type: ignore[type-arg]

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        """Open, update or resolve."""
        if (who := caller()) is not None:
            who.asked[Request.TELL] += 1
        kind = self.nature.strike(Request.TELL, "desk")
        await asyncio.sleep(0.05 + self.nature.dice.random())
        self.nature.tell(f"tells the desk to {letter.ask} {incident.id}")
        match kind:
            case FaultKind.DESK_REFUSED:
                raise Refused("the desk refuses this letter: see to its settings")
            case FaultKind.DESK_TIMED_OUT:
                await asyncio.sleep(5 * self.nature.dice.random())
            case FaultKind.DESK_CREATED_TIMED_OUT:
                self._do(incident, letter, key, lag=SEARCH_LAG * self.nature.dice.random())
            case FaultKind.DESK_LATE:
                self._later(incident, letter, key)
            case _:
                number = self._do(incident, letter, key, lag=SEARCH_LAG if kind is FaultKind.DESK_SEARCH_LAG else 0.0)
                return Ticket(desk=self.name, reference=number, phase=phase_after(incident, letter))
        raise Transient("the desk did not answer: try again", retry_after=BREATHER)

    def _do(self, incident: Incident, letter: Letter, key: str, lag: float = 0.0) -> str:
        """Search, then act on what was found."""
        return self._act(incident, letter, key, self._found(incident, key), lag)

    def _found(self, incident: Incident, key: str) -> list[Sheet]:
        """Give the tickets that the incident names or the search shows, the oldest first."""
        now, known = self.clock.monotonic(), {ticket.reference for ticket in incident.tickets}
        return [sheet for sheet in self.sheets if sheet.number in known or (sheet.key == key and now >= sheet.at + sheet.found_after)]

    def _act(self, incident: Incident, letter: Letter, key: str, found: list[Sheet], lag: float = 0.0) -> str:
        """Act on the oldest ticket that was found, and close the others; open one where there is none."""
        now = self.clock.monotonic()
        if not found:
            found = [Sheet(number=f"T{next(self._numbers)}", key=key, incident=incident.id, at=now, found_after=lag)]
            self.sheets += found
        lease = incident.outbox[letter.serial].claimed_until
        shown = self.clock.now() + timedelta(seconds=found[0].found_after)
        overdue = lease is not None and lease < shown
        oldest, *losers = found
        asked = [] if letter.ask is Ask.DEDUPLICATE else [(oldest, letter.ask)]
        for sheet, ask in [*asked, *((loser, Ask.RESOLVE) for loser in losers)]:
            sheet.open = ask is not Ask.RESOLVE
            self.book.append(Told(at=now, incident=incident.id, ask=ask, ticket=sheet.number, overdue=overdue))
        return oldest.number

    def _later(self, incident: Incident, letter: Letter, key: str) -> None:
        """Do as asked long after the answer was given up, by what the search showed when it was asked."""
        self.late += 1
        found = self._found(incident, key)

        def late() -> None:
            self.late -= 1
            self._act(incident, letter, key, found)

        in_nobodys_name(late, self.nature.dice.uniform(1, 60))

    def close_by_hand(self, much: float) -> bool:
        """Let a person close an open ticket; False when there is none."""
        sheets = [sheet for sheet in self.sheets if sheet.open]
        if not sheets:
            return False
        sheet = sheets[int(much * len(sheets))]
        sheet.open = False
        self.book.append(Told(at=self.clock.monotonic(), incident=sheet.incident, ask=Ask.RESOLVE, ticket=sheet.number, by_hand=True))
        return True
