"""How things stand: the mode, the agreed plan, what has to be done, and how each store keeps up. Reads, and writes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from pointsman.core import leftovers, overfilling, unforced
from pointsman.core.alone import Deed, Diary, Phase, register_of
from pointsman.core.approvals import told
from pointsman.core.damping import told as told_of_damping
from pointsman.core.errors import ValueUnreadable
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.incidents import Incident
from pointsman.core.intents import remarks
from pointsman.core.maintenance import spoken
from pointsman.core.modes import Honest, standing
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import FlagState, LinkState, Placement, Plan, Silence, Verdict
from pointsman.core.rows import newest
from pointsman.core.sightings import Sighting
from pointsman.core.silence import SILENT_AFTER, Kind, headline, last_beat, silence_name
from pointsman.core.unforced import Known
from pointsman.core.values import Frozen, parse
from pointsman.core.windows import announced
from pointsman.ports.clouds import Clock, Flag
from pointsman.ports.stores import RowsRead, RowUnreadable, Store, StoreDown, StoreUnsure
from pointsman.quorum.ballots import counter
from pointsman.quorum.reading import Reading
from pointsman.quorum.sealing import seal_in
from pointsman.service.house import incident_register
from pointsman.service.registers import Registers
from pointsman.service.repair import OVERDUE, answer_key, lacking, survey
from pointsman.service.stored import value_in

ROWS_SECONDS = 5.0
"""How long a store's rows are waited for."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Table:
    """What a status is read from: the compiled fabric, its stores by slot and as registers, the freeze flags."""

    fabric: Fabric
    stores: Mapping[str, Store]
    registers: Registers
    flags: Mapping[Cloud, Flag]
    clock: Clock

    def own(self, cloud: Cloud) -> Store:
        """Give the store that a cloud's rows are in."""
        return self.stores.get(cloud.value) or next(iter(self.stores.values()))


class Answer(Frozen):
    """When a cloud's functions last had an answer of a store, and how old that is in seconds (None: never, or it cannot be read)."""

    cloud: Cloud
    at: datetime | None = None
    age: float | None = None


class StoreStatus(Frozen):
    """One store: whether it answers this shell, or why not; ``lag`` counts, per register, the ballots it is behind a majority whose value it lacks."""

    slot: str
    name: str
    answers: bool
    fault: str = ""
    store_time: datetime | None = None
    lag: dict[str, int] = {}
    answered: tuple[Answer, ...] = ()
    quarantined: int = 0


class Swept(Frozen):
    """When a cloud's functions last ended a sweep, and how old that is in seconds (None: never heard of, or it cannot be read)."""

    cloud: Cloud
    at: datetime | None = None
    age: float | None = None


class Ticketed(Frozen):
    """One incident that is open, or still to be told, with its tickets by desk and what is owed to the desks.

    ``unread`` says why nothing more of it can be shown ("" when it can), and what to do.
    """

    id: str
    link: str
    phase: str = ""
    severity: str = ""
    since: datetime | None = None
    tickets: dict[str, str] = {}
    owed: int = 0
    by_hand: tuple[str, ...] = ()
    latest: str = ""
    unread: str = ""


class Done(Frozen):
    """One thing that a cloud did alone."""

    cloud: Cloud
    deed: Deed


class Status(Frozen):
    """Everything that ``pointsman status`` shows. ``certain`` says that a majority holds this plan; ``todo`` what asks for somebody's attention."""

    fabric: str
    at: datetime
    mode: Honest
    certain: bool
    reached: bool
    plan: Plan | None = None
    damped: dict[LinkName, str] = {}
    flags: dict[Cloud, FlagState] = {}
    incidents: tuple[Ticketed, ...] = ()
    stores: tuple[StoreStatus, ...] = ()
    alone: tuple[Done, ...] = ()
    intents: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    overfilled: tuple[str, ...] = ()
    unforced: dict[LinkName, str] = {}
    refused: tuple[str, ...] = ()
    windows: dict[str, tuple[str, ...]] = {}
    swept: tuple[Swept, ...] = ()
    todo: tuple[str, ...] = ()


async def status(table: Table) -> Status:
    """Read how things stand, from whatever can be reached; what cannot be is said so."""
    plan_register = f"plan/{table.fabric.name}"
    reading, rows, diaries, flags = await asyncio.gather(
        survey(table.registers, plan_register),
        _by_cloud(lambda cloud: _rows(table.own(cloud), cloud)),
        _by_cloud(lambda cloud: _diary(table, cloud)),
        _by_cloud(lambda cloud: _flag(table, cloud)),
    )
    plan, moved = _plan_in(reading)
    names = [] if plan is None else [name for name, *_ in open_incidents(table.fabric, plan)]
    surveys = await asyncio.gather(*(survey(table.registers, incident_register(name)) for name in names))
    readings = {plan_register: reading} | {incident_register(name): one for name, one in zip(names, surveys, strict=True)}
    at = max(reading.store_times.values(), default=table.clock.now())
    found = Status(
        fabric=table.fabric.name,
        at=at,
        mode=standing(table.fabric.stores, reached=reading.reached),
        certain=reading.confirmed,
        reached=reading.reached,
        plan=plan,
        damped={} if plan is None else damped(table.fabric, plan, at),
        flags=flags,
        incidents=tuple(_ticketed(name, one) for name, one in zip(names, surveys, strict=True)),
        stores=tuple(_store(table, slot, readings, rows) for slot in table.stores),
        swept=tuple(_swept(table, cloud, read) for cloud, read in rows.items()),
        windows=_windows(table, reading, rows),
        intents=tuple(text for cloud, read in rows.items() if read is not None for text in remarks(cloud, read.rows)),
        leftovers=() if plan is None else _leftovers(table.fabric, plan, rows),
        overfilled=() if plan is None else _overfilled(table.fabric, plan, _known(rows, at).rows),
        unforced={} if plan is None else unforced.missing(table.fabric, plan, _known(rows, at)),
        refused=() if plan is None else unforced.remarks(table.fabric, plan, _known(rows, at)),
        alone=tuple(
            Done(cloud=cloud, deed=deed)
            for cloud, diary in diaries.items()
            if isinstance(diary, Diary)
            for deed in diary.deeds
            if deed.phase is not Phase.VOID
        ),
    )
    unread = (diary for diary in diaries.values() if isinstance(diary, str))
    return msgspec.structs.replace(found, todo=(*((moved,) if moved else ()), *unread, *todo(table.fabric, found)))


def _windows(table: Table, reading: Reading, rows: Mapping[Cloud, RowsRead | None]) -> dict[str, tuple[str, ...]]:
    """Say, by link, what maintenance is announced and still to end."""
    now = max(reading.store_times.values(), default=table.clock.now())
    known = _known(rows, now).rows
    told = {link.name: announced(table.fabric, link.name, known, now) for link in table.fabric.links}
    return {name: said for name, said in told.items() if said}


def _leftovers(fabric: Fabric, plan: Plan, rows: Mapping[Cloud, RowsRead | None]) -> tuple[str, ...]:
    """Say what the levers of either cloud may still hold that the plan has let go."""
    return tuple(text for cloud, read in rows.items() if read is not None for text in leftovers.remarks(fabric, plan, cloud, read.rows))


def _overfilled(fabric: Fabric, plan: Plan, known: tuple[Sighting, ...]) -> tuple[str, ...]:
    """Say what AWS's own drain overfills while it stands in for Google's finer levers."""
    return tuple(text for name in plan.links if (text := overfilling.told(fabric, plan, name, known)))


def _known(rows: Mapping[Cloud, RowsRead | None], at: datetime) -> Known:
    whole = all(read is not None and not read.quarantined for read in rows.values())
    found = newest(row for read in rows.values() if read is not None for row in read.rows)
    return Known(rows=tuple(found.values()), whole_at=at if whole else None)


async def _by_cloud(read: Callable[[Cloud], Awaitable[T]]) -> dict[Cloud, T]:
    found = await asyncio.gather(*(read(cloud) for cloud in Cloud))
    return dict(zip(Cloud, found, strict=True))


async def _rows(store: Store, cloud: Cloud) -> RowsRead | None:
    try:
        async with asyncio.timeout(ROWS_SECONDS):
            return await store.rows(cloud)
    except (StoreDown, StoreUnsure, RowUnreadable, TimeoutError):
        return None


async def _diary(table: Table, cloud: Cloud) -> Diary | str:
    """Read what a cloud did alone, or say that this version cannot; of a store that does not answer its own line tells."""
    register = register_of(table.fabric.name, cloud)
    try:
        async with asyncio.timeout(ROWS_SECONDS):
            value = (await table.own(cloud).read(register)).row.value
        return Diary() if value is None else value_in(register, value, Diary)
    except (StoreDown, StoreUnsure, RowUnreadable, TimeoutError):
        return Diary()
    except ValueUnreadable as error:
        return str(error)


async def _flag(table: Table, cloud: Cloud) -> FlagState:
    return await table.flags[cloud].read() if cloud in table.flags else FlagState.UNREADABLE


def _plan_in(reading: Reading) -> tuple[Plan | None, str]:
    """Read the plan, and say why it cannot be ("" when it can, or when there is none yet)."""
    seal = seal_in(reading.value)
    if seal is not None:
        return None, f"the plan was moved to stores {seal.to}: name the fabric that declares them"
    try:
        return (None if reading.value is None else parse(reading.value, Plan)), ""
    except msgspec.DecodeError:
        return None, "the plan was written by a newer version: use that version here"


def _ticketed(name: str, reading: Reading) -> Ticketed:
    link = name.partition("/")[2].rpartition("@")[0]
    try:
        one = None if reading.value is None else value_in(incident_register(name), reading.value, Incident)
    except ValueUnreadable as error:
        return Ticketed(id=name, link=link, unread=str(error))
    if one is None:
        return Ticketed(id=name, link=link)
    return Ticketed(
        id=name,
        link=link,
        phase=one.phase.value,
        severity=one.severity.value,
        since=one.opened_at,
        tickets={ticket.desk: f"{ticket.reference} {ticket.phase}" for ticket in one.tickets},
        owed=sum(not letter.done for letter in one.outbox),
        by_hand=one.by_hand,
        latest=one.timeline[-1].text if one.timeline else "",
    )


def _store(table: Table, slot: str, readings: Mapping[str, Reading], rows: Mapping[Cloud, RowsRead | None]) -> StoreStatus:
    name = table.stores[slot].name
    reply = next((one.replies[name] for one in readings.values() if name in one.replies), None)
    behind = {register: _behind(one, name) for register, one in readings.items() if name in lacking(one) and name not in one.faults}
    faults = (one.faults[name] for one in readings.values() if name in one.faults)
    held = [read for cloud, read in rows.items() if read is not None and table.own(cloud).name == name]
    return StoreStatus(
        slot=slot,
        name=name,
        answers=reply is not None,
        fault=next(faults, ""),
        store_time=None if reply is None else reply.store_time,
        lag=behind,
        answered=tuple(_answer(table, cloud, name, read) for cloud, read in rows.items()),
        quarantined=sum(read.quarantined for read in held),
    )


def _behind(reading: Reading, name: str) -> int:
    return max(1, counter(reading.ballot) - counter(reading.replies[name].row.accepted))


def _answer(table: Table, cloud: Cloud, store: str, read: RowsRead | None) -> Answer:
    seen = [row.seen_at for row in (read.rows if read else ()) if row.member == answer_key(store) and _by(row, cloud)]
    if read is None or not seen:
        return Answer(cloud=cloud)
    now = read.store_time or table.clock.now()
    return Answer(cloud=cloud, at=max(seen), age=max(0.0, (now - max(seen)).total_seconds()))


def _swept(table: Table, cloud: Cloud, read: RowsRead | None) -> Swept:
    last = None if read is None else last_beat(read.rows, cloud)
    if read is None or last is None:
        return Swept(cloud=cloud)
    now = read.store_time or table.clock.now()
    return Swept(cloud=cloud, at=last, age=max(0.0, (now - last).total_seconds()))


def _by(row: Sighting, cloud: Cloud) -> bool:
    return row.vantage == cloud.value


def todo(fabric: Fabric, found: Status) -> tuple[str, ...]:
    """List what asks for somebody's attention, the gravest first."""
    plan = found.plan
    said: list[str] = []
    if not found.reached:
        said.append("no majority of the stores could be read from here: what is shown may be out of date")
    elif not found.certain and plan is not None:
        said.append("the newest plan is not settled: the next sweep settles it")
    if plan is None:
        said.append("no plan is known: the first sweep makes one")
    else:
        said += [*found.unforced.values(), *found.refused, *found.overfilled, *_of_plan(fabric, plan, found.unforced)]
        said += [f"{name} {text}" for name, text in found.damped.items()]
    said += [f"the freeze flag of {cloud} is {state}" for cloud, state in found.flags.items() if state is not FlagState.CLEAR]
    said += [_of_incident(one) for one in found.incidents]
    said += [f"{one.cloud} avoided {one.deed.link} alone, and the record has not got it yet" for one in found.alone if not one.deed.told]
    said += [*found.intents, *found.leftovers]
    return (*said, *_of_silence(found), *(text for store in found.stores for text in _of_store(store)))


def _of_silence(found: Status) -> list[str]:
    """Say what is not heard of: as agreed, and of functions also what the rows show, since where all are dead nobody agrees on anything."""
    silences = found.plan.silences if found.plan else {}
    told = {name: headline(name, one) for name, one in silences.items() if one.epoch is not None}
    for one in found.swept:
        name = silence_name(Kind.FUNCTIONS, one.cloud)
        if one.at is not None and (one.age or 0.0) > SILENT_AFTER.total_seconds():
            told.setdefault(name, headline(name, Silence(since=one.at)))
    return list(told.values())


def damped(fabric: Fabric, plan: Plan, at: datetime) -> dict[LinkName, str]:
    """Say of each link that is damped, or would be, with which penalty and until when."""
    told_of = {name: told_of_damping(state, fabric.policy.damping, at) for name, state in plan.links.items()}
    return {name: f"is {text}" if text.startswith("damped") else text for name, text in told_of.items() if text}


def _of_plan(fabric: Fabric, plan: Plan, missed: Iterable[LinkName]) -> list[str]:
    out = dict.fromkeys(missed, ", its drain agreed and not in force")
    said = [
        f"{name} is {state.verdict}{out.get(name, ', drained') if state.drain else ''}"
        for name, state in plan.links.items()
        if not _well(state)
    ]
    windows = ((name, state, state.maintenance) for name, state in plan.links.items() if state.maintenance is not None)
    said += [f"{name}: {spoken(window, state)}" for name, state, window in windows if window.ask]
    said += [f"{name} has no link" for name, one in plan.flows.items() if one.link is None]
    said += [f"{name} on {one.link} {_strain(one)}" for name, one in plan.flows.items() if one.squeezed_by or one.mtu_short]
    said += [f"{pin.flow} is pinned to {pin.link} until {pin.expires_at:%FT%TZ}: {pin.reason}" for pin in plan.pins]
    said += [told(fabric, plan.proposal)] if plan.proposal and not plan.proposal.denied else []
    said += [f"{plan.freeze.author} froze the plan: {plan.freeze.reason}"] if plan.freeze else []
    other = plan.fabric_hash != fabric.hash
    return [*said, *(["the plan names another fabric than this file: give status the one that is adopted"] if other else [])]


def _well(state: LinkState) -> bool:
    return state.verdict is Verdict.UP and state.drain is None


def _strain(one: Placement) -> str:
    squeezed = f"is squeezed by {one.squeezed_by // 10**6} Mbit/s" if one.squeezed_by else ""
    return " and ".join(part for part in (squeezed, "has a smaller MTU than it declares" if one.mtu_short else "") if part)


def _of_incident(one: Ticketed) -> str:
    if one.unread:
        return one.unread
    owed = f", {one.owed} letters to be told" if one.owed else ""
    hand = f", close by hand at {' and '.join(one.by_hand)}" if one.by_hand else ""
    return f"incident {one.id} is {one.phase or 'not written yet'}{owed}{hand}"


def _unread(store: StoreStatus) -> str:
    """Say that a store could not be read and why, naming it once."""
    fault = store.fault.removeprefix(f"{store.name}: ")
    return fault if fault.startswith(f"{store.name} cannot be used") else f"{store.name} could not be read: {fault}"


def _of_store(store: StoreStatus) -> list[str]:
    said = [store.fault] * bool(store.fault) if store.answers else [_unread(store)]
    said += [f"{store.name} is {lag} ballots behind in {register}" for register, lag in store.lag.items()]
    late = [one for one in store.answered if one.age is not None and one.age > OVERDUE.total_seconds()]
    said += [f"{store.name} last answered the functions on {one.cloud} {one.age or 0:.0f} s ago" for one in late]
    return [*said, *([f"{store.name} holds {store.quarantined} rows that nobody can read"] if store.quarantined else [])]
