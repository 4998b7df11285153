"""The one loop that every door leads into: note, decide, agree, write, verify, look again.

Round trips to the lever's write: (1) note, rows, register, flags, lever fences and live look in parallel;
(2) prepare; (3) accept; (4) write. A failure that was foreseen is written beside the prepare instead (``service.fastpath``).
A pass that brings nothing new ends after the first.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from datetime import datetime

from pointsman.core.errors import Transient
from pointsman.core.fabric import Fabric, FlowName, Link, LinkName
from pointsman.core.incidents import incident_id
from pointsman.core.leftovers import pinned
from pointsman.core.members import index
from pointsman.core.modes import NoQuorum
from pointsman.core.outbox import news
from pointsman.core.pins import acknowledged
from pointsman.core.plan import Plan
from pointsman.core.refusals import standing
from pointsman.core.sightings import Health, Sighting
from pointsman.core.silence import turns
from pointsman.core.steering import FailoverTest, Level, LeverKind, PrefixListPin, Setting
from pointsman.core.unforced import Known, unforced
from pointsman.core.values import Frozen, replace
from pointsman.core.wants import withdrawal_losses
from pointsman.service.agree import Agreement, agree, plan_in
from pointsman.service.alone import stand_alone
from pointsman.service.carrying import proved_for_others, raised
from pointsman.service.enact import (
    Step,
    acknowledge,
    acknowledge_pins,
    differing,
    observe_missing,
    prove,
    target_of,
    tell_refusals,
    wishes,
    write,
)
from pointsman.service.fastpath import Ahead, with_intents
from pointsman.service.gather import Gathered, Scope, Target, correct, gather, note, quietly, with_flags_anew, worth_noting
from pointsman.service.house import House

CALL_SECONDS = 50.0
"""Hard end of one call: whatever it still wanted to write is left to the next, which looks afresh."""
AGREED_SECONDS = 2.0
"""How old a majority's answer may be when a lever is written on its strength."""
FLAGS_SECONDS = 2.0
"""How old the freeze flags may be when a lever is written; older ones are read once more."""
PASSES_LIMIT = 4
"""Passes of one call: each newer epoch or stale view found costs one; at the bound the event is delivered again."""


class Report(Frozen):
    """What one call did: the plan it ended on, whether it made it, the levers it wrote, and how long each stage took (seconds).

    ``carried`` tells of levers that this process has proved effective, now or earlier, whether packets have been seen to pass
    since; ``settled`` means that all of this cloud's levers are proved to be set as the plan asks; ``again`` says why the
    event must be delivered again ("" when it need not be); ``by_hand`` which tickets a person has to close;
    ``untold`` which desks could not be told, and why;
    ``doubts`` what the journal does not bear out, and ``alone`` what the record now has of what was done without a
    majority, in words; ``repaired`` which stores were brought up to the majority; ``audited`` what an audit newly found;
    ``windows`` what announced maintenance could not be noted; ``unread`` which registers this version cannot read, and what
    to do. ``now`` is the stores' time of the last pass.
    """

    plan: Plan
    agreed: bool
    began: datetime
    steps: tuple[Step, ...] = ()
    carried: tuple[Step, ...] = ()
    stages: dict[str, float] = {}
    hints_lost: tuple[str, ...] = ()
    stored: dict[str, Sighting] = {}
    settled: bool = False
    again: str = ""
    by_hand: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    audited: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    now: datetime | None = None


async def converge(house: House, claims: Sequence[Sighting], scope: Scope | None = None, *, closed: tuple[str, ...] = ()) -> Report:
    """Bring the world in line with what is known, the given claims included.

    Raises ``Transient`` when nothing could be decided; a report whose ``again`` is not empty must be tried again too.
    """
    diary, wide = _Diary(house), scope or scope_of(house, claims)
    try:
        async with asyncio.timeout(CALL_SECONDS):
            for _ in range(PASSES_LIMIT):
                one = _Pass(house, tuple(claims), wide, closed, diary)
                report = await one.run()
                if report is not None:
                    return report
                # rows that are missing here may have been noted in the witness; another fabric has other links and levers
                house, wide = one.house, replace(wide, witness=True) if one.house is house else everywhere(one.house)
    except TimeoutError as error:
        raise Transient(f"not done within {CALL_SECONDS} s, so this attempt ends here: deliver again") from error
    raise Transient("newer decisions or newer rows kept coming while this one was carried out: deliver again")


class _Diary:
    """What one call did over all its passes: when each stage was first over, and every lever it wrote."""

    def __init__(self, house: House) -> None:
        self._clock = house.clock
        self._begun = house.clock.monotonic()
        self.began = house.clock.now()
        self.stages: dict[str, float] = {}
        self.steps: list[Step] = []
        self.intents: list[Sighting] = []
        self.agreed = False

    def over(self, stage: str) -> None:
        self.stages.setdefault(stage, self._clock.monotonic() - self._begun)


def scope_of(house: House, claims: Sequence[Sighting]) -> Scope:
    """Look at the links that somebody speaks against and at their heirs, and observe the levers that leaving them would take.

    Good news moves nothing at once: should it end a drain, its levers are observed then.
    """
    places = index(house.current)
    against = (claim for claim in claims if claim.health is not Health.UP)
    links = {places[claim.member].link for claim in against if claim.member in places}
    return Scope(look=tuple(sorted(links | heirs(house.current, links))), levers=levers_of(house, links))


def heirs(fabric: Fabric, links: set[LinkName]) -> set[LinkName]:
    """Name the links that the flows of these may be put onto, as far as the same calls show them: those of the same kinds and regions."""
    asked = {_asked_of(fabric, name) for name in links}
    near = {name for flow in fabric.flows if links & set(flow.prefer) for name in flow.prefer}
    return {name for name in near if _asked_of(fabric, name) in asked}


def _asked_of(fabric: Fabric, name: LinkName) -> tuple[str, str, str]:
    link = fabric.link(name)
    return link.kind, fabric.aws_site(link).region, fabric.gcp_site(link).region


def everywhere(house: House) -> Scope:
    """Look at every link, observe every lever that leaving one may take, and read all rows."""
    links = {link.name for link in house.current.links}
    return Scope(look=tuple(sorted(links)), levers=levers_of(house, links), witness=True)


def levers_of(house: House, links: set[LinkName]) -> tuple[Target, ...]:
    """List this cloud's levers that leaving these links may take.

    Route policies there and where their flows may go; failover tests there; pins of flows on a link that has neither.
    """
    fabric = house.current
    flows = [flow for flow in fabric.flows if links & set(flow.prefer)]
    near = sorted(links | {name for flow in flows for name in flow.prefer})
    stiff = {name for name in links if not _has_interface(fabric.link(name))}
    found: list[Target] = [(LeverKind.ROUTE_POLICY, name) for name in near if fabric.link(name).has_policies]
    found += [(LeverKind.FAILOVER_TEST, name) for name in sorted(links - stiff)]
    found += [(LeverKind.PREFIX_LIST_PIN, flow.name) for flow in flows if flow.aws_prefix_list and stiff & set(flow.prefer)]
    return tuple(target for target in found if target[0] in house.levers)


def _has_interface(link: Link) -> bool:
    return any(member.aws.virtual_interface for member in link.members)


class _Pass:
    """One time round the loop. Ends in None when a newer plan or newer rows came in between and it must be made again.

    ``house`` is then what to make it with: another when the plan names another fabric of this artefact.
    """

    def __init__(self, house: House, claims: tuple[Sighting, ...], scope: Scope, closed: tuple[str, ...], diary: _Diary) -> None:
        self.house = house
        self._claims = claims
        self._scope = scope
        self._closed = closed
        self._diary = diary

    async def run(self) -> Report | None:
        """Go round once."""
        looked_at, begun = self.house, self.house.clock.monotonic()
        gathered = await gather(self.house, self._claims, self._scope, closed=self._closed)
        read_by = self.house.clock.monotonic()
        self._diary.over("noted")
        if self._moves(plan_in(self.house.current, gathered.reading.value, gathered)):
            return None
        async with Ahead(self.house, gathered, self._scope.levers, begun, lambda: self._diary.over("written")) as ahead:
            agreement = await self._agreed(gathered, ahead)
            self._diary.intents += ahead.intents
            report = await self._carried_out(gathered, agreement, ahead, begun, read_by)
        if report is None:
            self._diary.steps += await prove(looked_at, await ahead.steps())
        return report

    async def _agreed(self, gathered: Gathered, ahead: Ahead) -> Agreement:
        """Agree on what follows; without a majority do what this cloud may do by itself, and let the event come again all the same."""
        try:
            return await agree(self.house, gathered, ahead.begin)
        except NoQuorum as error:
            await ahead.steps()
            plan = plan_in(self.house.current, gathered.reading.value, gathered)
            raise NoQuorum(str(error), alone=ahead.remark + await stand_alone(self.house, gathered, plan)) from error

    async def _carried_out(self, gathered: Gathered, agreement: Agreement, ahead: Ahead, begun: float, read_by: float) -> Report | None:
        """Set the levers as the agreed plan asks, less what was written beside the agreement."""
        if agreement.stale or self._moves(agreement.plan):
            return None
        self._diary.over("agreed")
        self._diary.agreed |= agreement.changed
        fabric = self.house.fabric_of(agreement.plan)
        settings = wishes(self.house, fabric, agreement.plan, gathered, agreement.before)
        wrong = await self._wrong(ahead.left_of(settings), agreement, gathered, read_by if agreement.changed else begun)
        if wrong is None:
            return None
        if wrong and self.house.clock.monotonic() - begun > FLAGS_SECONDS:
            gathered = await with_flags_anew(self.house, gathered)
        steps = await write(self.house, agreement.plan, wrong, gathered)
        if steps:
            self._diary.over("written")
        known = with_intents(gathered, self._diary.intents)
        return await self._afterwards(fabric, agreement, known, settings, (*await ahead.steps(), *steps))

    def _moves(self, plan: Plan) -> bool:
        """Say whether a plan names another fabric than the one that was looked at and whose levers were observed, and move there."""
        before, self.house = self.house, self.house.under(plan)
        return self.house is not before

    async def _wrong(
        self, settings: Sequence[Setting], agreement: Agreement, gathered: Gathered, since: float
    ) -> tuple[Setting, ...] | None:
        """List the levers to write; None when the plan is not certain to be the newest any more.

        A fence counts only when it was observed before the plan was agreed or read: beside it is not before it, so a plan
        that this pass did not make itself is read again. The agreement itself counts only while it is young: no older
        than ``since``, when it was asked for, for a process may sleep while the answer waits.
        """
        wrong = differing(self._concerned(settings, agreement, gathered), gathered)
        late = await observe_missing(self.house, wrong, gathered)
        old = not agreement.changed or self.house.clock.monotonic() - since > AGREED_SECONDS
        if (late or (wrong and old)) and await self._newer(agreement.plan, gathered):
            return None
        return differing(wrong, gathered)

    def _concerned(self, settings: Sequence[Setting], agreement: Agreement, gathered: Gathered) -> list[Setting]:
        """List the settings that are this pass's business: their levers were to be observed, or the new plan asks them to change.

        A pass that looks everywhere also sees to every pin that is asked for or may still stand: who agreed on that was the other cloud.
        """
        standing = pinned(self.house.here, gathered.view.rows) if self._scope.witness else None
        asked = wishes(self.house, self.house.fabric_of(agreement.before), agreement.before, gathered) if agreement.changed else settings
        return [one for one in settings if target_of(one) in self._scope.levers or _is_pin(one, standing) or one not in asked]

    async def _newer(self, plan: Plan, gathered: Gathered) -> bool:
        """Look at the plan once more; True when a newer epoch is agreed or can't be ruled out."""
        reading = await self.house.registers.read(self.house.plan_register)
        return not reading.confirmed or plan_in(self.house.current, reading.value, gathered).epoch != plan.epoch

    async def _afterwards(
        self, fabric: Fabric, agreement: Agreement, gathered: Gathered, settings: Sequence[Setting], steps: tuple[Step, ...]
    ) -> Report | None:
        """Off the reaction path: keep the looks, bring rows home, wake the other cloud and the desks' function, prove, look again."""
        house, diary = self.house, self._diary
        looks = worth_noting(fabric, gathered.looked, gathered.stored, gathered.view.rows)
        looks += turns(fabric, looks, gathered.stored)
        hints = tuple(_hints(house, fabric, agreement))
        answers = (one for one in gathered.belied if one in gathered.looked)  # what the witness is told stands at home too
        notes = tuple(dict.fromkeys((*looks, *gathered.astray, *answers)))
        lost, proved = tuple[str, ...](), tuple[Step, ...]()
        if hints or steps or notes or gathered.belied:
            correcting = correct(house, gathered.belied)
            lost, proved, _, _ = await asyncio.gather(quietly(*hints), prove(house, steps), note(house, notes), correcting)
        diary.steps += proved
        if proved:
            diary.over("verified")
        done = _done(settings, proved, gathered)
        settled = len(done) == len(settings)
        await acknowledge_pins(house, agreement.plan, done, gathered)
        refused = await tell_refusals(house, agreement.plan, proved, done, gathered)
        lost += await quietly(*_refused(house, fabric, agreement.plan, refused, gathered))
        if settled:
            await acknowledge(house, agreement.plan, done, proved, gathered)
        if proved and (_lost_fence(proved) or await self._newer(agreement.plan, gathered)):
            return None
        if settled:
            lost += await quietly(*_withdrawn(house, fabric, agreement.plan, done, gathered))
        if settled and self._scope.witness and not proved:
            await proved_for_others(house, agreement.plan, done, gathered)
        reasons = (gathered.unrecorded, *(step.trouble for step in proved if step.again))
        return Report(
            plan=agreement.plan,
            agreed=diary.agreed,
            began=diary.began,
            steps=tuple(diary.steps),
            carried=raised(house, agreement.plan, gathered, settings=settings, proved=diary.steps),
            stages=diary.stages,
            hints_lost=lost,
            stored=gathered.stored,
            settled=settled,
            again="; ".join(reason for reason in reasons if reason),
            now=gathered.now,
        )


def _is_pin(setting: Setting, standing: frozenset[FlowName] | None) -> bool:
    """Say whether a setting is a pin that is asked for or may still stand; None where not every row was read."""
    return standing is not None and isinstance(setting, PrefixListPin) and (setting.attachment is not None or setting.flow in standing)


def _lost_fence(steps: Sequence[Step]) -> bool:
    return any(step.fence_lost for step in steps)


def _done(settings: Sequence[Setting], proved: Sequence[Step], gathered: Gathered) -> list[Setting]:
    """List the settings that are in force: seen so before, or proved now."""
    tried = {target_of(step.setting) for step in proved}
    seen = [one for one in settings if target_of(one) not in tried and _at_rest(gathered, one)]
    held = [one for one in seen if one not in differing(seen, gathered)]
    return held + [step.setting for step in proved if step.verified.level is not Level.NONE]


def _at_rest(gathered: Gathered, setting: Setting) -> bool:
    observed = gathered.observed.get(target_of(setting))
    return observed is not None and observed.settled


def _hints(house: House, fabric: Fabric, agreement: Agreement) -> Iterator[Awaitable[None]]:
    """Wake the other cloud after an agreement (a new suspect is one), and the desks' function while an incident has news."""
    if not agreement.changed:
        return
    if house.nudge is not None:
        yield house.nudge(fabric.name, agreement.plan.epoch)
    if house.post is not None:
        for incident in news(fabric, agreement.before, agreement.plan):
            yield house.post(incident)


def _withdrawn(house: House, fabric: Fabric, plan: Plan, done: Sequence[Setting], gathered: Gathered) -> Iterator[Awaitable[None]]:
    """Wake the desks' function for every link that AWS's own drain is newly seen to empty, though it overfills others: no new plan says so."""
    for name in (one.link for one in done if isinstance(one, FailoverTest) and one.running):
        state, known = plan.links[name], tuple(gathered.stored.values())
        if (
            house.post is None
            or state.drain is None
            or state.down_since_epoch is None
            or acknowledged(known, house.here, name, state.drain)
        ):
            continue
        if withdrawal_losses(fabric, plan, name):
            yield house.post(incident_id(fabric.name, name, state.down_since_epoch))


def _refused(house: House, fabric: Fabric, plan: Plan, new: Sequence[Sighting], gathered: Gathered) -> Iterator[Awaitable[None]]:
    """Wake the desks' function for every outage whose drain a lever is newly refused for: no new plan says so."""
    known = Known(rows=(*gathered.stored.values(), *new))
    fresh = set(standing(fabric, new))
    for name, state in plan.links.items() if house.post is not None and fresh else ():
        missing = unforced(fabric, plan, name, known)
        if house.post is not None and missing is not None and state.down_since_epoch is not None and fresh & set(missing.refusals):
            yield house.post(incident_id(fabric.name, name, state.down_since_epoch))
