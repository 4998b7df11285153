"""The journal at work: an entry is kept before the accept of its plan is sent, and the other cloud decides it again.

An entry goes to the own cloud's store; where that does not take it at once, to whichever of the other stores first
does. Without an entry no accept is sent: a plan that no store can explain would need a majority of those same stores.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Fabric
from pointsman.core.journal import KEPT, Adoption, Altered, Entry, Sealed, countersignature_key, countersigned, opened, seal, undecidable
from pointsman.core.plan import Plan, View
from pointsman.core.values import Frozen, canonical
from pointsman.ports.stores import Entries, Journal, RowUnreadable, StoreDown, StoreUnsure
from pointsman.service.house import House

HEDGE_SECONDS = 0.25
"""How long the own cloud's store may take before the others are asked as well."""
KEEP_SECONDS = 3.0
"""How long an entry may take to be kept anywhere."""
ENTRY_SECONDS = 5.0
"""How long a walk back through the journal waits for a store to give one entry."""
COUNTERSIGN_LIMIT = 16
"""Entries that one sweep decides again; what lies further back unsigned stays so, and ``pointsman verify`` says it."""
COUNTERSIGN_SECONDS = 5.0
"""How long one sweep may take for that."""


class Notebook:
    """The entries of one change: ``enter`` writes them down, ``kept`` is awaited before an accept is sent."""

    def __init__(self, house: House, view: View, now: datetime) -> None:
        self._house = house
        self._view = view
        self._now = now
        self._sealed: dict[str, Sealed] = {}
        self._keeping: dict[str, asyncio.Task[str]] = {}
        self.trouble = ""

    def __contains__(self, text: str) -> bool:
        """Say whether a plan's text was entered here."""
        return text in self._sealed

    def enter(self, before: Plan, plan: Plan, adoption: Adoption | None = None) -> str:
        """Write one decision down; gives the text of the plan that names its entry, which is what is to be agreed."""
        sealed = seal(before, self._view, self._now, plan, adoption)
        text = canonical(sealed.plan).decode()
        self._sealed[text] = sealed
        return text

    def begin(self, text: str) -> None:
        """Begin to keep the entry of a plan, beside whatever else is under way."""
        if text in self._sealed and text not in self._keeping:
            self._keeping[text] = asyncio.ensure_future(self._keep(self._sealed[text]))

    async def kept(self, text: str) -> None:
        """Wait until the entry of a plan is kept; a plan that this change leaves as it is needs none. Raises ``StoreDown``."""
        if text not in self._sealed:
            return
        self.begin(text)
        self.trouble = await asyncio.shield(self._keeping[text])
        if self.trouble:
            self._keeping.pop(text, None)
            raise StoreDown(self.trouble)

    async def _keep(self, sealed: Sealed) -> str:
        """Keep an entry in one store at least; gives why none took it, or ""."""
        own_is_dark = self._house.here in self._view.unreadable
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                return await _first_kept(self._house, sealed, self._now + KEPT, hedge=0.0 if own_is_dark else HEDGE_SECONDS)
        except TimeoutError:
            return f"no store kept the journal's entry within {KEEP_SECONDS} s"


async def _first_kept(house: House, sealed: Sealed, until: datetime, *, hedge: float) -> str:
    """Ask the own store, then, when it is late or refuses, the others; a slower one is left to end by itself."""
    own = asyncio.ensure_future(_put(house.journal, sealed, until))
    await asyncio.wait({own}, timeout=hedge)
    if own.done() and not own.result():
        return ""
    puts = [own, *(asyncio.ensure_future(_put(spare, sealed, until)) for spare in house.spares)]
    for ended in asyncio.as_completed(puts):
        if not await ended:
            return ""
    return "no store keeps the journal's entry: " + "; ".join(put.result() for put in puts)


async def _put(journal: Journal, sealed: Sealed, until: datetime) -> str:
    """Keep an entry in one store; gives why not, or ""."""
    try:
        await journal.put_entry(sealed.digest, sealed.packed, until)
    except (StoreDown, StoreUnsure) as error:
        return str(error)
    return ""


class Found(Frozen):
    """A search for one entry: None when no store that could be read holds it; ``dark`` says why others could not be."""

    entry: Entry | None = None
    dark: tuple[str, ...] = ()


class InTime:
    """One journal for as long as somebody walks back through it: once no answer came in time, it is dark for the rest of that walk."""

    def __init__(self, journal: Entries) -> None:
        self.name = journal.name
        self._journal = journal
        self._dark = ""

    async def entry(self, digest: str) -> bytes | None:
        """Give an entry back, None when it is not there. Raises ``StoreDown``."""
        if self._dark:
            raise StoreDown(self._dark)
        try:
            async with asyncio.timeout(ENTRY_SECONDS):
                return await self._journal.entry(digest)
        except TimeoutError as error:
            self._dark = f"{self.name} gave no entry of its journal within {ENTRY_SECONDS:g} s: see pointsman status"
            raise StoreDown(self._dark) from error


def in_time(journals: Iterable[Entries]) -> tuple[InTime, ...]:
    """Give journals for one walk."""
    return tuple(InTime(journal) for journal in journals)


async def find_in(journals: Sequence[Entries], name: str) -> Found:
    """Look for an entry in some stores. Raises ``Altered`` when any of them holds something else under its digest, and ``Newer``."""
    answers = await asyncio.gather(*(_read(journal, name) for journal in journals))
    copies: dict[bytes, Entries] = {}
    for journal, answer in zip(journals, answers, strict=True):
        if isinstance(answer, bytes):
            copies.setdefault(answer, journal)
    entries = [_opened(journal, name, packed) for packed, journal in copies.items()]
    return Found(entry=entries[0] if entries else None, dark=tuple(answer for answer in answers if isinstance(answer, str)))


def _opened(journal: Entries, name: str, packed: bytes) -> Entry:
    try:
        return opened(name, packed)
    except Altered as error:
        raise Altered(f"{journal.name}: {error}") from error


async def _read(journal: Entries, name: str) -> bytes | str | None:
    """Read what is kept under a name; gives text saying why it can't be read."""
    try:
        return await journal.entry(name)
    except StoreDown as error:
        return str(error)
    except RowUnreadable as error:
        raise Altered(str(error)) from error


async def countersign(house: House, plan: Plan, now: datetime) -> tuple[str, ...]:
    """Decide the other cloud's newest entries again and keep the own word on each, as of the stores' time; gives what does not agree, in words.

    It goes back from the agreed plan to what this process knows or has signed, and signs the oldest first, so that
    what is signed has no gaps. What cannot be read now is left to the next sweep.
    """
    doubts: list[str] = []
    try:
        async with asyncio.timeout(COUNTERSIGN_SECONDS):
            for name, entry in reversed(await _unsigned(house, plan)):
                doubts += await _signed(house, name, entry, now)
    except TimeoutError:
        doubts.append(f"the journal could not be countersigned within {COUNTERSIGN_SECONDS} s")
    except PointsmanError as error:
        doubts.append(str(error))
    return tuple(doubts)


async def _unsigned(house: House, plan: Plan) -> list[tuple[str, Entry]]:
    """List the entries back from a plan that were not dealt with yet, newest first. Raises ``Altered`` or ``Newer``."""
    waiting: list[tuple[str, Entry]] = []
    for _ in range(COUNTERSIGN_LIMIT):
        name = plan.entry
        if not name or name in house.countersigned:
            break
        found = await find_in((house.journal,), name)  # where the own cloud's entries are, which the own word adds nothing to
        if found.entry is None or found.entry.view.here is not house.here:
            if await house.journal.entry(countersignature_key(name, house.here)) is not None:
                break
            found = await find_in(house.spares, name) if found.entry is None else found
        if found.entry is None:
            raise StoreDown(f"the journal's entry {name} of epoch {plan.epoch} is in no store that can be read")
        waiting.append((name, found.entry))
        plan = found.entry.before
    return waiting


async def _signed(house: House, name: str, entry: Entry, now: datetime) -> list[str]:
    """Keep the own word on an entry of the other cloud's, where this function's rules and fabrics can judge it."""
    fabric = _by_hash(house).get(entry.plan.fabric_hash)
    doubts: list[str] = []
    if (lost := undecidable(entry)) is not None:
        doubts.append(f"epoch {entry.plan.epoch} cannot be decided again (entry {name}): {lost.because}")
    elif entry.view.here is not house.here and entry.plan.decider == house.rules.version and fabric is not None:
        word = countersigned(name, entry, fabric, house.here, now, rules=house.rules)
        await house.journal.put_entry(countersignature_key(name, house.here), canonical(word), now + KEPT)
        if not word.agrees:
            doubts.append(f"{house.here} decides epoch {entry.plan.epoch} differently than {entry.view.here} did (entry {name})")
    house.countersigned.append(name)
    return doubts


def _by_hash(house: House) -> Mapping[str, Fabric]:
    return {fabric.hash: fabric for fabric in house.fabrics}
