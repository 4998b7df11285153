"""Alone: no majority of the stores answers, so hold; or, where the fabric permits it, do the one safe thing, and say so at heal.

Own cloud only. The order is claim, journal, note, write, prove: whoever dies in between leaves a claim that ends by itself
and a row that says at heal what may have been done. What is set is the lever as it was read just now, avoided a little
more; the last known plan only narrows that, so a plan that is out of date can make a cloud hold and nothing worse.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from pointsman.core.alone import (
    RENEWED,
    Deed,
    Diary,
    Inputs,
    Phase,
    all_told,
    claim,
    ended,
    forbidden,
    register_of,
    remark,
    row_key,
    row_of,
    standing_rows,
)
from pointsman.core.case import Case, open_case
from pointsman.core.errors import PointsmanError, Transient, ValueUnreadable
from pointsman.core.fabric import Link
from pointsman.core.filling import parallel
from pointsman.core.incidents import Incident, incident_id
from pointsman.core.journal import packed
from pointsman.core.outbox import follow, remarked
from pointsman.core.plan import Plan
from pointsman.core.rows import following, newest
from pointsman.core.safelist import Action, Hold, Levers, dead_from_here, is_safe, safe_action
from pointsman.core.sightings import Health, Sighting
from pointsman.core.steering import Level, LeverKind, Observed
from pointsman.core.values import canonical, digest, replace
from pointsman.ports.stores import StoreDown, StoreUnsure
from pointsman.quorum.outcomes import Agreed, Decline, Declined
from pointsman.quorum.reading import Reading
from pointsman.service.enact import Step, prove, target_of, write
from pointsman.service.gather import Gathered, flags_allow, observe, with_flags_anew
from pointsman.service.house import House, incident_register
from pointsman.service.registers import Registers
from pointsman.service.slowness import ROWS_SECONDS
from pointsman.service.stored import value_in

USE_SECONDS = 5.0
"""How old a claim may be when the lever is written on its strength: whoever slept longer leaves it to the next."""
_RIDES_BGP = (LeverKind.ROUTE_POLICY, LeverKind.FAILOVER_TEST)


async def stand_alone(house: House, gathered: Gathered, plan: Plan) -> str:
    """Do the one safe thing that this cloud may do by itself, if there is one; gives in words what was done, or why nothing was."""
    try:
        return await _Alone(house, gathered, plan).act()
    except PointsmanError as error:
        return f"hold: {error}"


class _Alone:
    """One pass without a majority."""

    def __init__(self, house: House, gathered: Gathered, plan: Plan) -> None:
        self._house = house
        self._gathered = gathered
        self._plan = plan
        self._fabric = house.fabric_of(plan)
        self._register = register_of(self._fabric.name, house.here)
        self._name = house.nonce()

    async def act(self) -> str:
        """Go from what is forbidden through what is seen to what is done."""
        why = forbidden(self._fabric, self._plan, self._gathered.view)
        own = self._house.own
        if why or own is None:
            return why or "hold: this function has no store of its own cloud"
        reading = await own.read(self._register)
        if not reading.confirmed:
            return "hold: the own store does not answer: " + "; ".join(reading.faults.values())
        now = max(reading.store_times.values(), default=self._gathered.now)
        case = open_case(self._fabric, self._gathered.view, self._plan, now)
        dead = dead_from_here(case)
        if not dead:
            return "hold: no path is seen dead from here"
        found = await self._choose(case, dead)
        if isinstance(found, Hold):
            await self._renew(case, dead)
            return f"hold: {found.because}"
        if (await self._house.registers.read(self._house.plan_register)).reached:
            return "hold: a majority of the stores answers again"
        return await self._use(own, reading, case, found)

    async def _choose(self, case: Case, dead: tuple[Link, ...]) -> Action | Hold:
        """Look live, read the levers, and take the first link against which something safe can be done."""
        near = {one.name: one for link in dead for one in (link, *parallel(case.fabric, link))}
        kinds = [kind for kind in _RIDES_BGP if kind in self._house.levers]
        targets = [(kind, name) for kind in kinds for name in near if self._carries(kind, near[name])]
        looking = asyncio.ensure_future(self._look(tuple(near)))
        found = await asyncio.gather(*(observe(self._house, target) for target in targets))
        levers: Levers = {target: one for target, one in zip(targets, found, strict=True) if isinstance(one, Observed)}
        self._gathered.observed.update(levers)
        case = self._seen(case, await looking)
        ends = [safe_action(case, link, levers) for link in dead if link in dead_from_here(case)]
        holds = [one for one in ends if isinstance(one, Hold)]
        return next((one for one in ends if isinstance(one, Action)), holds[0] if holds else Hold(because="a live look sees no dead path"))

    def _carries(self, kind: LeverKind, link: Link) -> bool:
        if kind is LeverKind.ROUTE_POLICY:
            return link.has_policies
        return any(member.aws.virtual_interface for member in link.members)

    async def _look(self, links: tuple[str, ...]) -> tuple[Sighting, ...]:
        try:
            return (await self._house.looker.look(links)).claims
        except Transient:
            return ()

    def _seen(self, case: Case, looked: tuple[Sighting, ...]) -> Case:
        rows = newest((*case.view.rows, *(replace(one, seen_at=min(one.seen_at, case.now)) for one in looked)))
        view = replace(case.view, rows=tuple(row for _, row in sorted(rows.items())))
        return open_case(case.fabric, view, case.plan, case.now)

    async def _renew(self, case: Case, dead: tuple[Link, ...]) -> None:
        """Say again of a link that is avoided alone and still seen dead that it is: its hold-down counts from when that was last so."""
        names = {link.name for link in dead}
        for row in _own_rows(self._house, case.view.rows):
            link = row.member.partition("/")[2]
            if link in names and row.value == case.plan.epoch and case.now - row.seen_at >= RENEWED:
                await self._note(replace(row, seen_at=case.now))

    async def _use(self, own: Registers, reading: Reading, case: Case, action: Action) -> str:
        """Claim the permission and use it at once."""
        inputs = Inputs(fabric_hash=case.fabric.hash, here=self._house.here, plan=case.plan, view=case.view, now=case.now, action=action)
        entry = canonical(inputs)
        deed = self._deed(case, action, digest(entry))
        claimed = self._house.clock.monotonic()
        outcome = await own.change(self._register, _claiming(self._register, deed, self._fabric.policy.hold_down), reading=reading)
        match outcome:
            case Declined(reason=reason):
                return reason
            case Agreed():
                trouble = await self._put_down(case, deed, entry)
            case _:
                return "hold: the permission may or may not be claimed"
        if trouble:
            return f"hold: {trouble}"
        return await self._write(own, action, deed, claimed)

    def _deed(self, case: Case, action: Action, entry: str) -> Deed:
        return Deed(
            at=case.now,
            link=action.link,
            setting=action.setting,
            flows=action.flows,
            because=action.because,
            epoch=case.plan.epoch,
            by=self._name,
            entry=entry,
        )

    async def _put_down(self, case: Case, deed: Deed, entry: bytes) -> str:
        """Keep the journal's entry and the row that says what is about to be done; gives why not, or ""."""
        row = row_of(self._house.here, deed.link, case.plan.epoch, case.now)
        return "; ".join(filter(None, await asyncio.gather(self._keep(deed.entry, entry), self._note(row))))

    async def _keep(self, name: str, entry: bytes) -> str:
        return await _tried(self._house.journal.put_entry(name, packed(entry)))

    async def _note(self, row: Sighting) -> str:
        return await _tried(self._house.rows[self._house.here].note(self._house.here, [row]))

    async def _write(self, own: Registers, action: Action, deed: Deed, claimed: float) -> str:
        gathered = await with_flags_anew(self._house, self._gathered)
        late = self._house.clock.monotonic() - claimed > USE_SECONDS
        if late or not flags_allow(self._house, gathered.view):
            await self._end(own, Phase.VOID)
            return "hold: steering is frozen" if not late else "hold: the permission was not used in time"
        observed = gathered.observed[target_of(action.setting)]
        assert is_safe(action.setting, observed.setting), "only what is on the safe list is written alone"
        step = (await prove(self._house, await write(self._house, self._plan, (action.setting,), gathered)))[0]
        await self._end(own, _phase_of(step))
        return remark(replace(deed, phase=_phase_of(step)), self._house.here) + (f"; {step.trouble}" if step.trouble else "")

    async def _end(self, own: Registers, phase: Phase) -> None:
        await _amend(own, self._register, lambda diary: ended(diary, self._name, phase))


def _phase_of(step: Step) -> Phase:
    if not step.written:
        return Phase.VOID
    return Phase.CLAIMED if step.verified.level is Level.NONE else Phase.DONE


async def _tried(writing: Awaitable[None]) -> str:
    """Await a write of the own store, for as long as rows are waited for; gives why it failed, or ""."""
    try:
        async with asyncio.timeout(ROWS_SECONDS):
            await writing
    except TimeoutError:
        return f"the own store did not answer within {ROWS_SECONDS} s"
    except (StoreDown, StoreUnsure) as error:
        return str(error)
    return ""


def _diary_in(register: str, value: str | None) -> Diary:
    return Diary() if value is None else value_in(register, value, Diary)


def _claiming(register: str, deed: Deed, hold_down: timedelta) -> Callable[[str | None], str | Decline | None]:
    def change(value: str | None) -> str | Decline | None:
        claimed = claim(_diary_in(register, value), deed, hold_down)
        return Decline(reason=claimed) if isinstance(claimed, str) else canonical(claimed).decode()

    return change


async def _amend(own: Registers, register: str, step: Callable[[Diary], Diary]) -> Diary | None:
    """Change the diary; None when the own store does not hold the change for certain."""

    def change(value: str | None) -> str | Decline | None:
        return None if value is None else canonical(step(_diary_in(register, value))).decode()

    try:
        outcome = await own.change(register, change)
    except ValueUnreadable:  # a newer version was here meanwhile, and what it wrote stays
        return None
    return _diary_in(register, outcome.value) if isinstance(outcome, Agreed) else None


def _own_rows(house: House, rows: tuple[Sighting, ...]) -> list[Sighting]:
    here = house.here.value
    return list(standing_rows(tuple(row for row in rows if row.vantage == here)).values())


async def replay(house: House, plan: Plan, stored: Mapping[str, Sighting]) -> tuple[str, ...]:
    """Bring what this cloud did alone into the record, once a plan is agreed again; gives it in words.

    Costs nothing while no row says that anything was done. What cannot be brought in now is brought in by the next sweep.
    """
    rows = _own_rows(house, tuple(stored.values()))
    if not rows or house.own is None:
        return ()
    try:
        return await _replayed(house, house.own, plan, rows)
    except PointsmanError as error:
        return (f"what was done alone is not in the record yet: {error}",)


async def _replayed(house: House, own: Registers, plan: Plan, rows: list[Sighting]) -> tuple[str, ...]:
    register = register_of(house.current.name, house.here)
    reading = await own.read(register)
    if not reading.confirmed:
        return ("what was done alone is not in the record yet: the own store does not answer",)
    deeds = [deed for deed in _diary_in(register, reading.value).deeds if not deed.told and deed.phase is not Phase.VOID]
    unread = {deed.by: why for deed in deeds if (why := await _untold(house, plan, deed))}
    untold = tuple(deed for deed in deeds if deed.by in unread)
    if len(untold) < len(deeds) and await _amend(own, register, lambda diary: all_told(diary, untold)) is None:
        return ("what was done alone is told again by the next sweep",)
    now = max(reading.store_times.values(), default=house.clock.now())
    ends = [row for row in rows if row.member not in {row_key(deed.link) for deed in untold}]
    over = [following(replace(row, health=Health.UP, seen_at=now), row) for row in ends]
    await _tried(house.rows[house.here].note(house.here, over))
    said = (f"what was done alone at {deed.link} is not in the record yet: {unread[deed.by]}" for deed in untold)
    return (*(remark(deed, house.here) for deed in deeds if deed.by not in unread), *said)


async def _untold(house: House, plan: Plan, deed: Deed) -> str:
    """Tell a deed; gives why this version cannot, or ""."""
    try:
        await _tell(house, plan, deed)
    except ValueUnreadable as error:
        return str(error)
    return ""


async def _tell(house: House, plan: Plan, deed: Deed) -> None:
    """Add a deed to the incident of its link, if the plan knows of one."""
    state = plan.links.get(deed.link)
    epochs = () if state is None else (*state.closing, *(() if state.down_since_epoch is None else (state.down_since_epoch,)))
    if not epochs:
        return
    fabric = house.fabric_of(plan)
    register = incident_register(incident_id(fabric.name, deed.link, epochs[-1]))

    def change(value: str | None) -> str | Decline | None:
        before = None if value is None else value_in(register, value, Incident)
        held = follow(fabric, plan, deed.link, epochs[-1], before)
        return canonical(remarked(fabric, plan, held, remark(deed, house.here))).decode()

    outcome = await house.registers.change(register, change)
    if not isinstance(outcome, Agreed):
        raise Transient("no majority holds the incident with it for certain")
