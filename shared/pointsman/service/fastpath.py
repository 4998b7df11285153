"""The fast path: one failure that was foreseen is acted on beside the agreement, two round trips after its event.

Own cloud only, and only while every clause of ``CLAUSES`` holds: then the lever's write, the prepare and the row that says
what is being done (``core.intents``) go out together. The agreement is then bound to the plan that was read. Whatever else
it comes to, the next pass makes the levers equal to the newest plan, at once and whatever the hold-down; while no majority
answers they stay as they are. Anything that a clause refuses takes the normal path.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from pointsman.core.case import Case
from pointsman.core.contingency import Contingency, contingency, failure_like, outcome
from pointsman.core.drains import discretion
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud, Fabric, Flow, LinkName, Mode
from pointsman.core.intents import failure_of, intent
from pointsman.core.members import index
from pointsman.core.plan import FlagState, LinkState, Placement, Plan
from pointsman.core.sightings import Health, Sighting
from pointsman.core.steering import FailoverTest, RoutePolicies, Setting
from pointsman.core.values import canonical, replace
from pointsman.core.wants import fallbacks
from pointsman.service.enact import Step, differing, target_of, wishes, write
from pointsman.service.gather import Gathered, Target, note
from pointsman.service.house import House

LEAVING_TURNS = 8
"""Turns of the loop in which a request that was begun gets under way."""
FRESH_SECONDS = 2.0
"""How long ago this attempt may have begun to read what it steers by."""


@dataclass(frozen=True)
class Ground:
    """What one attempt stands on: what was gathered since ``age`` seconds, the plan that was read, and what was decided on it.

    ``concern`` are the levers that this pass observed for itself.
    """

    house: House
    gathered: Gathered
    plan: Plan
    decided: Plan
    age: float
    concern: tuple[Target, ...] = ()

    @property
    def fabric(self) -> Fabric:
        """The fabric that counts."""
        return self.house.current

    @cached_property
    def found(self) -> Contingency | None:
        """What was decided, in the form of a contingency."""
        return outcome(self.fabric, self.plan, self.decided)

    @cached_property
    def left(self) -> tuple[LinkName, ...]:
        """The links that are newly left."""
        after = self.decided.links.items()
        return tuple(name for name, state in after if state.drain and not self.plan.links.get(name, LinkState()).drain)

    @cached_property
    def targets(self) -> frozenset[LinkName]:
        """The links that traffic is put onto: by placement, and, since AWS can only withdraw a link, by BGP's own order there."""
        moved = {one.link for name, one in self.decided.flows.items() if one.link != self.plan.flows.get(name, Placement()).link}
        return frozenset(name for name in (*moved, *(name for _, names in self.falls for name in names)) if name is not None)

    @cached_property
    def falls(self) -> tuple[tuple[Flow, tuple[LinkName, ...]], ...]:
        """Each flow that AWS leaves to BGP by withdrawing its link, with the links that either end may take it to."""
        if self.house.here is not Cloud.AWS:
            return ()
        homes = ((flow, self.plan.flows.get(flow.name, Placement()).link) for flow in self.fabric.flows)
        ways = ((flow, fallbacks(self.fabric, self.decided, flow, at)) for flow, at in homes if at is not None and at in self.left)
        return tuple((flow, tuple(name for names in ends.values() for name in names)) for flow, ends in ways)

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """The own cloud's settings that differ from what was seen, as far as they are this pass's business."""
        asked = wishes(self.house, self.fabric, self.plan, self.gathered)
        wanted = wishes(self.house, self.fabric, self.decided, self.gathered, self.plan)
        return differing([one for one in wanted if target_of(one) in self.concern or one not in asked], self.gathered)


Clause = Callable[[Ground], bool]
"""One condition of the fast path."""


def _confirmed(ground: Ground) -> bool:
    """Say whether a majority holds the plan that was read, and there is one."""
    return ground.gathered.reading.confirmed and ground.plan.epoch > 0


def _same_rules(ground: Ground) -> bool:
    """Say whether the plan was made by these rules for this fabric, so that the other cloud foresees the same."""
    return ground.plan.decider == ground.house.rules.version and ground.plan.fabric_hash == ground.fabric.hash


def _rows_readable(ground: Ground) -> bool:
    """Say whether both clouds' rows were read whole, and the event's own claims are noted where the other cloud reads them."""
    return not ground.gathered.view.unreadable and not ground.gathered.unrecorded


def _unfrozen(ground: Ground) -> bool:
    """Say whether both freeze flags could be read and are clear, and the plan is not frozen."""
    flags = ground.gathered.view.flags
    return ground.plan.freeze is None and all(flags.get(cloud) is FlagState.CLEAR for cloud in Cloud)


def _young(ground: Ground) -> bool:
    """Say whether what was read is young enough to write on."""
    return ground.age <= FRESH_SECONDS


def _one_failure(ground: Ground) -> bool:
    """Say whether exactly one failure domain differs from the agreed verdicts."""
    return ground.found is not None


def _automatic(ground: Ground) -> bool:
    """Say whether every link that is left, and every one that traffic is put onto, may be steered without asking."""
    return all(ground.fabric.link(name).mode is Mode.AUTO for name in (*ground.left, *ground.targets))


def _in_budget(ground: Ground) -> bool:
    """Say whether a move that no outage forces would be allowed too: nothing flaps, and the stores gave the time."""
    case = Case(fabric=ground.fabric, view=ground.gathered.view, plan=ground.plan, now=ground.gathered.now, claims={})
    return discretion(case)


def _fits(ground: Ground) -> bool:
    """Say whether every flow fits where it is put."""
    return not any(one.squeezed_by for one in ground.decided.flows.values())


def _permitted(ground: Ground) -> bool:
    """Say whether every flow that is left to BGP has a link to go to, and may use each that BGP may choose."""
    return all(names and set(names) <= set(flow.prefer) for flow, names in ground.falls)


def _targets_up(ground: Ground) -> bool:
    """Say whether the own cloud's live look of this attempt sees all of every target, up, and nothing about it otherwise."""
    seen: dict[LinkName, list[Health]] = {name: [] for name in ground.targets}
    places = index(ground.fabric)
    told = [(claim.member, claim.health) for claim in ground.gathered.looked]
    for member, health in (*told, *((key, Health.UNKNOWN) for key in ground.gathered.unseen)):
        place = places.get(member)
        if place is not None and place.link in seen:
            seen[place.link].append(health)
    return all(healths and set(healths) == {Health.UP} for healths in seen.values())


def _levers_read(ground: Ground) -> bool:
    """Say whether every lever to be written rides BGP, was observed in this attempt, and is at rest."""
    held = [ground.gathered.observed.get(target_of(one)) for one in ground.settings]
    rides = all(isinstance(one, RoutePolicies | FailoverTest) for one in ground.settings)
    return rides and all(one is not None and one.settled for one in held)


def _as_foreseen(ground: Ground) -> bool:
    """Say whether what was decided is the contingency, byte for byte: more is new than the failure otherwise."""
    found = ground.found
    failure = None if found is None else failure_like(ground.fabric, found.failed)
    if found is None or failure is None:
        return True  # that exactly one thing failed is a clause of its own
    return canonical(found) == canonical(contingency(ground.fabric, ground.plan, failure, ground.gathered.now))


CLAUSES: Mapping[str, Clause] = {
    "a majority holds the plan that was read": _confirmed,
    "the plan is of this fabric and these rules": _same_rules,
    "both clouds' rows are readable": _rows_readable,
    "both freeze flags are readable and clear": _unfrozen,
    "what was read is young": _young,
    "exactly one failure domain differs": _one_failure,
    "every link concerned is steered without asking": _automatic,
    "budget is left": _in_budget,
    "nothing is overloaded": _fits,
    "every flow may go where BGP takes it": _permitted,
    "the targets are seen up": _targets_up,
    "the levers were read": _levers_read,
    "what was decided is what was foreseen": _as_foreseen,
}
"""The precondition, the cheap part first."""


def refusal(ground: Ground) -> str:
    """Name the first clause that does not hold; "" when the fast path is open."""
    return next((name for name, holds in CLAUSES.items() if not holds(ground)), "")


class Ahead:
    """What one pass does beside its agreement: nothing, or the contingency's steer of the own cloud with its intent.

    ``begun`` is when the pass began (monotonic seconds); ``written`` is told as soon as a lever's write has ended.
    """

    def __init__(self, house: House, gathered: Gathered, concern: Sequence[Target], begun: float, written: Callable[[], None]) -> None:
        self._house = house
        self._gathered = gathered
        self._concern = tuple(concern)
        self._begun = begun
        self._written = written
        self._writing: asyncio.Task[tuple[Step, ...]] | None = None
        self.settings: tuple[Setting, ...] = ()
        self.intents: tuple[Sighting, ...] = ()

    async def __aenter__(self) -> Self:
        """Begin with nothing sent."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Wait for what was sent, unless the whole attempt is torn down."""
        if kind is None or issubclass(kind, PointsmanError):
            await self.steps()
        elif self._writing is not None:
            self._writing.cancel()

    async def begin(self, plan: Plan, decided: Plan) -> bool:
        """Send the steer and its intent if every clause holds; says whether it was, and the agreement is bound to ``plan``."""
        if not any(state.drain and not plan.links.get(name, LinkState()).drain for name, state in decided.links.items()):
            return False
        age = self._house.clock.monotonic() - self._begun
        ground = Ground(self._house, self._gathered, plan, decided, age, self._concern)
        if refusal(ground) or not ground.settings:
            return False
        self.settings, self.intents = ground.settings, (self._intent(ground),)
        noting = asyncio.ensure_future(note(self._house, self.intents))
        await _leave()  # the intent goes first, so that whoever dies right after the write has sent it
        self._writing = asyncio.ensure_future(self._send(decided, noting))
        await _leave()  # before the prepare is worked out
        return True

    def _intent(self, ground: Ground) -> Sighting:
        failure = None if ground.found is None else failure_like(ground.fabric, ground.found.failed)
        name = ",".join(ground.left) if failure is None else failure.name
        return intent(self._house.here, name, ground.plan.epoch, ground.gathered.now)

    async def _send(self, decided: Plan, noting: Awaitable[str]) -> tuple[Step, ...]:
        steps = await write(self._house, decided, self.settings, self._gathered)
        if any(step.written for step in steps):
            self._written()
        await noting
        return steps

    async def steps(self) -> tuple[Step, ...]:
        """Wait for the steer's end."""
        return () if self._writing is None else await self._writing

    def left_of(self, settings: Sequence[Setting]) -> tuple[Setting, ...]:
        """List the settings that are not written beside the agreement."""
        written = {target_of(one) for one in self.settings}
        return tuple(one for one in settings if target_of(one) not in written)

    @property
    def remark(self) -> str:
        """Say what stands should nothing be agreed now; "" when nothing was steered."""
        return "".join(f"the steer that was foreseen for {failure_of(one)} stands until a majority decides; " for one in self.intents)


async def _leave() -> None:
    """Let what was begun get under way before anything else is worked out."""
    for _ in range(LEAVING_TURNS):
        await asyncio.sleep(0)


def with_intents(gathered: Gathered, intents: Sequence[Sighting]) -> Gathered:
    """Add the intents of this very call to the rows that its first round trip read."""
    return replace(gathered, stored=gathered.stored | {one.row: one for one in intents}) if intents else gathered
