"""Change the set of stores: seal each register under the old set, let the next one hold its value, copy the journal.

The plan goes first. Whoever then still works on the old set knows no plan after the sealed one, so that the only
registers it may touch are those that are there by then and those that the sealed plan names. Every step leaves alone
what is done already: a move that stopped anywhere is carried on by starting it again, by several at once too.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec

from pointsman.core.adopting import carried_by
from pointsman.core.alone import register_of as diary
from pointsman.core.errors import Refused, Transient
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.journal import KEPT
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, parse
from pointsman.ports.stores import Listed, ListedStore, RowUnreadable, StoreDown, StoreUnsure
from pointsman.quorum.outcomes import NoMajority, Outcome, Unknown
from pointsman.quorum.sealing import opening, seal_in
from pointsman.service.archiving import archive_register
from pointsman.service.gather import Scope, gather
from pointsman.service.house import House, incident_register
from pointsman.service.registers import Registers
from pointsman.service.trial import seal_of

AT_ONCE = 4
"""Registers, or journal entries, that are moved at the same time: the stores go on serving reactions."""
PAGES_LIMIT = 10_000
"""Pages that listing one store may take; past it the move says so and stops."""

T = TypeVar("T")

Tell = Callable[[str], None]
"""Hears of progress, a line at a time."""


class Stage(StrEnum):
    """How far a register has come."""

    HERE = "to be moved"
    SEALED = "sealed, to be copied"
    MOVED = "moved"


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of stores holds once every register has come to it: the set they came from."""

    after: str


@dataclass(frozen=True, kw_only=True)
class Move:
    """One change of a fabric's stores. ``registers`` are those of the set that is left, and know the following one.

    ``leaving`` and ``coming`` are the stores of either set by slot, a store that belongs to both being one object; ``now`` is
    when the move began.
    """

    fabric: Fabric
    registers: Registers
    leaving: dict[str, ListedStore]
    coming: dict[str, ListedStore]
    now: datetime

    @property
    def following(self) -> Registers:
        """The registers of the set that comes."""
        assert self.registers.following is not None, "a move has somewhere to go"
        return self.registers.following

    @property
    def plan_register(self) -> str:
        """The register that goes first."""
        return f"plan/{self.fabric.name}"


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a move did: registers that it went through, journal entries that it copied, and what it could not copy."""

    registers: int
    entries: int
    left_behind: tuple[str, ...]


async def uncarried(house: House) -> tuple[str, ...]:
    """Name the clouds whose functions were not lately seen to carry the next fabric: they would stop when the plan is moved."""
    gathered = await gather(house, (), Scope(witness=True))
    carrying = carried_by(gathered.view.rows, house.fabrics[-1], gathered.now)
    return tuple(cloud.value for cloud in Cloud if cloud not in carrying)


async def survey(move: Move) -> dict[str, Stage]:
    """Say how far each register has come; nothing is written. Raises ``Transient`` or ``Refused`` when the move could not be made."""
    await _ready(move)
    names = await _names(move)
    return dict(zip(names, await _each(names, lambda name: _stage(move, name)), strict=True))


async def carry_out(move: Move, tell: Tell) -> Moved:
    """Move everything. Raises ``Transient`` when a majority of either set does not answer, ``Refused`` when the next set was used before."""
    await _ready(move)
    await _moved(move, move.plan_register, tell)
    names = await _names(move)
    await _each(names, lambda name: _moved(move, name, tell))
    copied, trouble = await _journals(move, tell)
    await _open(move)
    return Moved(registers=len(names), entries=copied, left_behind=trouble)


async def _ready(move: Move) -> None:
    """Look whether both sets answer, and whether the next one is new: what is sealed there cannot be taken up again."""
    for registers in (move.registers, move.following):
        reading = await registers.look(move.plan_register)
        if not reading.reached:
            raise Transient(f"no majority of stores {registers.stores.id} answers: " + "; ".join(reading.faults.values()))
    there = seal_in(reading.value)
    if there is not None:
        raise Refused(f"stores {move.following.stores.id} were left before, for {there.to}: give them a higher stores.generation")
    here = seal_in((await move.registers.look(move.plan_register)).value)
    if here is not None and here.to != move.following.stores.id:
        raise Refused(f"the registers are being moved to stores {here.to} already: name those as next")


async def _names(move: Move) -> list[str]:
    """List the fabric's registers: those that any of a majority of stores holds, and those that the plan names.

    What a cloud notes down while it is alone is in its own store and nowhere else, so no majority can move it.
    """
    lists = await asyncio.gather(*(_listed(store) for store in move.leaving.values()))
    answered = [rows for rows in lists if not isinstance(rows, str)]
    if len(answered) < move.registers.majority:
        raise Transient("no majority of the stores lists its registers: " + "; ".join(rows for rows in lists if isinstance(rows, str)))
    registers = {move.registers.stores.register(row) for rows in answered for row in rows}
    ours = {name for name in registers if name is not None and opening(name) == opening(move.plan_register)}
    ours |= {move.plan_register, archive_register(move.fabric.name), *await _named(move)}
    apart = {opening(move.plan_register), *(diary(move.fabric.name, cloud) for cloud in Cloud)}
    return sorted(ours - apart)


async def _listed(store: ListedStore) -> list[str] | str:
    try:
        return [name async for page in _in_pages(store.registers) for name in page]
    except (StoreDown, RowUnreadable) as error:
        return str(error)


async def _named(move: Move) -> set[str]:
    """Name the registers of incidents that the plan knows, also of those that nobody has written down yet."""
    value = (await move.registers.look(move.plan_register)).value
    seal = seal_in(value)
    text = value if seal is None else seal.value
    if text is None:
        return set()
    try:
        plan = parse(text, Plan)
    except msgspec.DecodeError as error:
        raise Refused("the agreed plan was written by a newer version: move the stores with that version") from error
    return {incident_register(incident) for incident, *_ in open_incidents(move.fabric, plan)}


async def _stage(move: Move, name: str) -> Stage:
    here, there = await asyncio.gather(move.registers.look(name), move.following.look(name))
    seal = seal_in(here.value)
    if seal is None or not here.confirmed:
        return Stage.HERE
    return Stage.MOVED if seal.value is None or (there.confirmed and there.value is not None) else Stage.SEALED


async def _moved(move: Move, name: str, tell: Tell) -> None:
    seal = seal_of(_certain(name, await move.registers.seal(name)))
    assert seal is not None, "what was sealed for certain holds a seal"
    await move.registers.hand_over(name, seal)
    tell(f"{name}: {Stage.MOVED}")


def _certain(name: str, outcome: Outcome) -> Outcome:
    match outcome:
        case NoMajority(faults=faults) | Unknown(faults=faults):
            raise Transient(f"{name} is not certain to be moved, so start the move again: " + "; ".join(faults.values()))
        case _:
            return outcome


async def _open(move: Move) -> None:
    """Say in the next set that everything has come to it, so that functions may make registers of their own there."""
    text = canonical(Opened(after=move.registers.stores.id)).decode()
    _certain("the opening", await move.following.begin(opening(move.plan_register), text))


async def _journals(move: Move, tell: Tell) -> tuple[int, tuple[str, ...]]:
    """Copy the entries of every store that is left for good, into the one of its slot that comes in its place.

    Two stores may bear one name, in two Regions, projects or places: which one stays is told by the store itself.
    """
    copied, trouble = 0, []
    for slot, store in move.leaving.items():
        if any(store is one for one in move.coming.values()):
            continue
        onto = move.coming.get(slot) or next(iter(move.coming.values()))
        try:
            copied += await _journal(store, onto, move.now + KEPT, tell)
        except (StoreDown, StoreUnsure, RowUnreadable) as error:
            trouble.append(f"journal of {store.name}: {error}")
    return copied, tuple(trouble)


async def _journal(store: ListedStore, onto: ListedStore, until: datetime, tell: Tell) -> int:
    """Copy one store's entries, to be kept ``until`` then. Each is kept under its name once, however often it is copied."""

    async def copy(name: str) -> None:
        entry = await store.entry(name)
        if entry is not None:
            await onto.put_entry(name, entry, until)

    count = 0
    async for page in _in_pages(store.entries):
        await _each(page, copy)
        count += len(page)
        tell(f"journal of {store.name}: {count} entries copied")
    return count


async def _in_pages(ask: Callable[[str], Awaitable[Listed]]) -> AsyncIterator[tuple[str, ...]]:
    after: str | None = ""
    for _ in range(PAGES_LIMIT):
        if after is None:
            return
        page = await ask(after)
        yield page.names
        after = page.after
    raise StoreDown(f"a store lists more than {PAGES_LIMIT} pages: remove what is not pointsman's from it")


async def _each(names: Sequence[str], act: Callable[[str], Awaitable[T]]) -> list[T]:
    """Do something with each name, a few at a time, in their order; the first error ends it."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(name: str) -> T:
        async with turns:
            return await act(name)

    tasks = [asyncio.ensure_future(in_turn(name)) for name in names]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
