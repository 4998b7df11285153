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
from pointsman.core.journal import KEPT, Altered, check_kept, is_name
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, one_line, parse
from pointsman.ports.stores import Listed, ListedStore, RowUnreadable, StoreDown, StoreUnsure
from pointsman.quorum.outcomes import NoMajority, Outcome, Unknown
from pointsman.quorum.reading import Reading
from pointsman.quorum.sealing import opening, seal_in
from pointsman.quorum.timing import agreed_time
from pointsman.service.archiving import archive_register
from pointsman.service.gather import Scope, gather
from pointsman.service.house import House, incident_register
from pointsman.service.registers import Registers
from pointsman.service.repair import survey as read_everywhere
from pointsman.service.trial import seal_of

AT_ONCE = 4
"""Registers, or journal entries, that are moved at the same time: the stores go on serving reactions."""
PAGES_LIMIT = 10_000
"""Pages that listing one store may take; past it the move says so and stops."""
PAGE_SECONDS = 10.0
"""How long a store may take to list one page."""
COPY_SECONDS = 10.0
"""How long one journal entry may take from a store to the next."""
DARK_LIMIT = 20
"""Entries in a row for which one of the two stores gives no answer before the rest of that journal is given up, for this time."""
NAMED_LIMIT = 5
"""Entries that are named of those that one store keeps back, and of what is not the journal's; all are counted."""
NAME_KEPT = 100
"""Characters that are told of a name that is not pointsman's."""

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
    when the move began by this machine's clock, which counts only where fewer than two stores tell the time.
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
    """What a move did: registers that it went through, journal entries that it copied, and what it could not copy.

    ``foreign`` is what lies in a journal and is not pointsman's: it stays where it is. ``dark`` are the stores that missed the move.
    """

    registers: int
    entries: int
    left_behind: tuple[str, ...]
    foreign: tuple[str, ...] = ()
    dark: tuple[str, ...] = ()


async def uncarried(house: House) -> tuple[str, ...]:
    """Name the clouds whose functions were not lately seen to carry the next fabric: they would stop when the plan is moved."""
    gathered = await gather(house, (), Scope(witness=True))
    carrying = carried_by(gathered.view.rows, house.fabrics[-1], gathered.now)
    return tuple(cloud.value for cloud in Cloud if cloud not in carrying)


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """How far each register has come, and the stores of the set that is left, and of the one that comes, that do not answer."""

    stages: dict[str, Stage]
    dark: tuple[str, ...] = ()
    dark_next: tuple[str, ...] = ()


async def survey(move: Move) -> Foreseen:
    """Say how far each register has come; nothing is written. Raises ``Transient`` or ``Refused`` when the move could not be made."""
    _, dark, dark_next = await _ready(move)
    names = await _names(move)
    stages = await _each(names, lambda name: _stage(move, name))
    return Foreseen(stages=dict(zip(names, stages, strict=True)), dark=dark, dark_next=dark_next)


async def carry_out(move: Move, tell: Tell, *, force: bool = False) -> Moved:
    """Move everything. Raises ``Transient`` when a majority of either set does not answer, ``Refused`` when the next set was used before.

    Without ``force`` every store of the next set must answer: what starts with one store missing survives the loss of no other.
    """
    began, dark, dark_next = await _ready(move)
    if dark_next and not force:
        raise Refused("not every store of the next set answers: mend it, name another, or go on without it with --force", faults=dark_next)
    await _moved(move, move.plan_register, tell)
    names = await _names(move)
    await _each(names, lambda name: _moved(move, name, tell))
    copies = await _journals(move, began, tell)
    await _open(move)
    return Moved(
        registers=len(names),
        entries=sum(one.copied for one in copies),
        left_behind=tuple(text for one in copies for text in one.left.told()),
        foreign=tuple(text for one in copies for text in one.foreign.told()),
        dark=(*dark, *dark_next),
    )


async def _ready(move: Move) -> tuple[datetime, tuple[str, ...], tuple[str, ...]]:
    """Look whether both sets answer, and whether the next one is new: what is sealed there cannot be taken up again.

    Gives the stores' time, and the stores of either set that do not answer.
    """
    here, there = await asyncio.gather(*(read_everywhere(one, move.plan_register) for one in (move.registers, move.following)))
    dark, dark_next = _dark(move.registers, here), _dark(move.following, there)
    for registers, reading in ((move.registers, here), (move.following, there)):
        if not reading.reached:
            raise Transient(f"no majority of stores {registers.stores.id} answers", faults=reading.faults.values())
    if (seal := seal_in(there.value)) is not None:
        raise Refused(f"stores {move.following.stores.id} were left before, for {seal.to}: give them a higher stores.generation")
    if (seal := seal_in(here.value)) is not None and seal.to != move.following.stores.id:
        raise Refused(f"the registers are being moved to stores {seal.to} already: name those as next")
    began = agreed_time((here.store_times | there.store_times).values(), move.registers.majority) or move.now
    return began, dark, dark_next


def _dark(registers: Registers, reading: Reading) -> tuple[str, ...]:
    """Say of each store of a set that does not answer which one it is, and why."""
    told = (why if why.startswith(store) else f"{store}: {why}" for store, why in reading.faults.items())
    return tuple(f"stores {registers.stores.id}: {text}" for text in told)


async def _names(move: Move) -> list[str]:
    """List the fabric's registers: those that any of a majority of stores holds, and those that the plan names.

    What a cloud notes down while it is alone is in its own store and nowhere else, so no majority can move it.
    """
    lists = await asyncio.gather(*(_listed(store) for store in move.leaving.values()))
    answered = [rows for rows in lists if not isinstance(rows, str)]
    if len(answered) < move.registers.majority:
        raise Transient("no majority of the stores lists its registers", faults=(rows for rows in lists if isinstance(rows, str)))
    registers = {move.registers.stores.register(row) for rows in answered for row in rows}
    ours = {name for name in registers if name is not None and opening(name) == opening(move.plan_register)}
    ours |= {move.plan_register, archive_register(move.fabric.name), *await _named(move)}
    apart = {opening(move.plan_register), *(diary(move.fabric.name, cloud) for cloud in Cloud)}
    return sorted(ours - apart)


async def _listed(store: ListedStore) -> list[str] | str:
    try:
        return [name async for page in _in_pages(store.name, store.registers) for name in page]
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
            raise Transient(f"{name} is not certain to be moved, so start the move again", faults=faults.values())
        case _:
            return outcome


async def _open(move: Move) -> None:
    """Say in the next set that everything has come to it, so that functions may make registers of their own there."""
    text = canonical(Opened(after=move.registers.stores.id)).decode()
    _certain("the opening", await move.following.begin(opening(move.plan_register), text))


async def _journals(move: Move, began: datetime, tell: Tell) -> list["_Copying"]:
    """Copy the entries of every store that is left for good, into the one of its slot that comes in its place.

    Two stores may bear one name, in two Regions, projects or places: which one stays is told by the store itself.
    """
    copies: list[_Copying] = []
    for slot, store in move.leaving.items():
        if any(store is one for one in move.coming.values()):
            continue
        copies.append(_Copying(store, move.coming.get(slot) or next(iter(move.coming.values())), began + KEPT))
        await copies[-1].all(tell)
    return copies


class _Named:
    """Things of one journal that are told, the first of them by name."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._named: list[str] = []
        self._count = 0
        self._end: list[str] = []

    def last(self, text: str) -> None:
        self._end.append(text)

    def add(self, text: str) -> None:
        self._count += 1
        if len(self._named) < NAMED_LIMIT:
            self._named.append(text)

    def told(self) -> list[str]:
        rest = [f"and {self._count - NAMED_LIMIT} more"] if self._count > NAMED_LIMIT else []
        return [f"journal of {self._store}: {text}" for text in (*self._named, *rest, *self._end)]


class _Copying:
    """The journal of one store on its way into another, to be kept ``until`` then. An entry is kept under its name once, however often it is copied."""

    def __init__(self, store: ListedStore, onto: ListedStore, until: datetime) -> None:
        self._store, self._onto, self._until = store, onto, until
        self._dark = 0
        self.copied = 0
        self.left = _Named(store.name)
        self.foreign = _Named(store.name)

    async def all(self, tell: Tell) -> None:
        """Copy what can be copied: an entry that cannot stops no other."""
        try:
            async for page in _in_pages(self._store.name, self._store.entries):
                await _each(page, self._tried)
                tell(f"journal of {self._store.name}: {self.copied} entries copied")
        except StoreDown as error:
            self.left.last(str(error))

    async def _tried(self, name: str) -> None:
        """Copy one entry, or note why not. Raises ``StoreDown`` when too many in a row had no answer."""
        if not is_name(name):
            self.foreign.add(f"{one_line(name)[:NAME_KEPT]} is not pointsman's, and stays where it is")
            return
        try:
            async with asyncio.timeout(COPY_SECONDS):
                await self._copy(name)
        except (Altered, RowUnreadable) as error:
            self.left.add(str(error))
        except (StoreDown, StoreUnsure, TimeoutError) as error:
            self._dark += 1
            self.left.add(why := str(error) or f"entry {name} was not copied within {COPY_SECONDS:g} s")
            if self._dark >= DARK_LIMIT:
                raise StoreDown(f"the rest is given up, for {DARK_LIMIT} entries in a row had no answer: {why}") from error
        else:
            self._dark = 0

    async def _copy(self, name: str) -> None:
        entry = await self._store.entry(name)
        if entry is None:
            return
        check_kept(name, entry)
        await self._onto.put_entry(name, entry, self._until)
        self.copied += 1


async def _in_pages(store: str, ask: Callable[[str], Awaitable[Listed]]) -> AsyncIterator[tuple[str, ...]]:
    after: str | None = ""
    for _ in range(PAGES_LIMIT):
        if after is None:
            return
        try:
            async with asyncio.timeout(PAGE_SECONDS):
                page = await ask(after)
        except TimeoutError as error:
            raise StoreDown(f"{store} lists no page within {PAGE_SECONDS:g} s: see whether it answers, and try again") from error
        yield page.names
        after = page.after
    raise StoreDown(f"{store} lists more than {PAGES_LIMIT} pages: remove what is not pointsman's from it")


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
