"""How things stand: the mode, the agreed plan, what has to be done, and how each store keeps up. Reads, and writes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec

from pointsman.core import leftovers, overfilling, unforced
from pointsman.core.adopting import others, shared
from pointsman.core.alone import Diary, Phase, register_of
from pointsman.core.damping import told as told_of_damping
from pointsman.core.errors import ValueUnreadable
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.incidents import Incident
from pointsman.core.intents import remarks
from pointsman.core.modes import standing
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import FlagState, Plan
from pointsman.core.rows import newest
from pointsman.core.sightings import Sighting
from pointsman.core.silence import last_beat
from pointsman.core.unforced import Known
from pointsman.core.values import parse
from pointsman.core.windows import announced
from pointsman.ports.clouds import Clock, Flag
from pointsman.ports.stores import RowsRead, RowUnreadable, Store, StoreDown, StoreUnsure
from pointsman.quorum.ballots import counter
from pointsman.quorum.reading import Reading
from pointsman.quorum.sealing import seal_in
from pointsman.quorum.timing import agreed_time
from pointsman.service.attention import Answer, Done, Status, StoreStatus, Swept, Ticketed, as_declared, todo
from pointsman.service.house import incident_register
from pointsman.service.registers import Registers
from pointsman.service.repair import answer_key, lacking, survey
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

    def time(self, reading: Reading) -> datetime:
        """Give the time by the stores' own, as the functions agree on it; this machine's where too few of them tell theirs."""
        return agreed_time(reading.store_times.values(), self.registers.majority) or self.clock.now()

    def own(self, cloud: Cloud) -> Store:
        """Give the store that a cloud's rows are in."""
        return self.stores.get(cloud.value) or next(iter(self.stores.values()))


async def status(table: Table) -> Status:
    """Read how things stand, from whatever can be reached; what cannot be is said so."""
    return (await known_and_status(table))[1]


async def known_and_status(table: Table) -> tuple[Known, Status]:
    """Read how things stand, and give the rows that it was read from as well."""
    plan_register = f"plan/{table.fabric.name}"
    reading, rows, diaries, flags = await asyncio.gather(
        survey(table.registers, plan_register),
        _by_cloud(lambda cloud: _rows(table.own(cloud), cloud)),
        _by_cloud(lambda cloud: _diary(table, cloud)),
        _by_cloud(lambda cloud: _flag(table, cloud)),
    )
    plan, why = _plan_in(reading)
    names = [] if plan is None else [name for name, *_ in open_incidents(table.fabric, plan)]
    surveys = await asyncio.gather(*(survey(table.registers, incident_register(name)) for name in names))
    readings = {plan_register: reading} | {incident_register(name): one for name, one in zip(names, surveys, strict=True)}
    at = table.time(reading)
    known = _known(rows, at)
    found = Status(
        fabric=table.fabric.name,
        at=at,
        mode=standing(table.fabric.stores, reached=reading.reached, missing=_missing(table, reading)),
        certain=reading.confirmed,
        reached=reading.reached,
        plan=plan,
        unread=why,
        damped={} if plan is None else damped(table.fabric, plan, at),
        flags=flags,
        incidents=tuple(_ticketed(name, one) for name, one in zip(names, surveys, strict=True)),
        stores=tuple(_store(table, slot, readings, rows, at) for slot in table.stores),
        swept=tuple(_swept(cloud, read, at) for cloud, read in rows.items()),
        windows=_windows(table.fabric, known.rows, at),
        intents=tuple(text for cloud, read in rows.items() if read is not None for text in remarks(cloud, read.rows)),
        alone=tuple(
            Done(cloud=cloud, deed=deed)
            for cloud, diary in diaries.items()
            if isinstance(diary, Diary)
            for deed in diary.deeds
            if deed.phase is not Phase.VOID
        ),
    )
    found = found if plan is None else _by_rows(table.fabric, plan, rows, known, found)
    unread = (diary for diary in diaries.values() if isinstance(diary, str))
    strangers = shared(others(known.rows, (table.fabric,), at))
    return known, msgspec.structs.replace(found, todo=(*unread, *strangers, *todo(table.fabric, found)))


def _by_rows(fabric: Fabric, plan: Plan, rows: Mapping[Cloud, RowsRead | None], known: Known, found: Status) -> Status:
    """Add what the rows tell of the plan: of what this file declares alone, where the plan is of another fabric."""
    own = as_declared(fabric, plan)
    return msgspec.structs.replace(
        found,
        leftovers=_leftovers(fabric, plan, rows),
        overfilled=_overfilled(fabric, own, known.rows),
        unforced=unforced.missing(fabric, own, known),
        refused=unforced.remarks(fabric, own, known),
    )


def _missing(table: Table, reading: Reading) -> tuple[str, ...]:
    """List the slots whose stores did not answer."""
    return tuple(slot for slot, store in table.stores.items() if store.name not in reading.replies)


def _windows(fabric: Fabric, known: tuple[Sighting, ...], at: datetime) -> dict[str, tuple[str, ...]]:
    """Say, by link, what maintenance is announced and still to end."""
    told = {link.name: announced(fabric, link.name, known, at) for link in fabric.links}
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


def _store(table: Table, slot: str, readings: Mapping[str, Reading], rows: Mapping[Cloud, RowsRead | None], at: datetime) -> StoreStatus:
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
        answered=tuple(_answer(cloud, name, read, at) for cloud, read in rows.items()),
        quarantined=sum(read.quarantined for read in held),
    )


def _behind(reading: Reading, name: str) -> int:
    return max(1, counter(reading.ballot) - counter(reading.replies[name].row.accepted))


def _answer(cloud: Cloud, store: str, read: RowsRead | None, at: datetime) -> Answer:
    seen = [row.seen_at for row in (read.rows if read else ()) if row.member == answer_key(store) and _by(row, cloud)]
    if read is None or not seen:
        return Answer(cloud=cloud)
    return Answer(cloud=cloud, at=max(seen), age=_age(max(seen), read, at))


def _swept(cloud: Cloud, read: RowsRead | None, at: datetime) -> Swept:
    last = None if read is None else last_beat(read.rows, cloud)
    if read is None or last is None:
        return Swept(cloud=cloud)
    return Swept(cloud=cloud, at=last, age=_age(last, read, at))


def _age(seen_at: datetime, read: RowsRead, at: datetime) -> float:
    """Say how old a row is, in seconds: by the agreed time, and where its store lags behind that by the store's, which it was clamped to."""
    return max(0.0, (min(at, read.store_time or at) - seen_at).total_seconds())


def _by(row: Sighting, cloud: Cloud) -> bool:
    return row.vantage == cloud.value


def damped(fabric: Fabric, plan: Plan, at: datetime) -> dict[LinkName, str]:
    """Say of each link that is damped, or would be, with which penalty and until when."""
    told_of = {name: told_of_damping(state, fabric.policy.damping, at) for name, state in plan.links.items()}
    return {name: f"is {text}" if text.startswith("damped") else text for name, text in told_of.items() if text}
