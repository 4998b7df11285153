"""Pins on a Transit Gateway: static overrides that beat BGP, written in place and taken away again.

A pin of ours is known by its place: exactly the prefix list (or exactly a flow's Google prefixes) in exactly the route
tables that the fabric declares, pointing to an attachment of one of the fabric's links. What stands in such a place and
points anywhere else (an attachment of no link of ours, a black hole) was set by somebody else and is never changed.
EC2 checks no version here: nothing but the reading afterwards shows a write that crossed with somebody else's.
"""

import asyncio
from collections.abc import Iterator
from typing import Protocol

from pointsman.adapters.aws.asking import Answered, together
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.transit import astray, read, site_of
from pointsman.core.fabric import AwsSite, Fabric, Flow
from pointsman.core.steering import Level, LeverKind, Observed, PrefixListPin, Setting, StaticPin, Verified
from pointsman.core.values import Frozen, canonical, parse
from pointsman.ports.clouds import FenceLost, LeverBusy, LeverFailed

BLACKHOLE = "blackhole"
"""How a place that drops traffic reads."""
NOTHING = "none"
"""How an empty place reads where others are not empty."""

Pin = PrefixListPin | StaticPin


class Slot(Frozen):
    """One place for a pin: a route table, and a prefix list's id or a CIDR."""

    table: str
    name: str

    @property
    def key(self) -> str:
        """Name it in one word."""
        return f"{self.table} {self.name}"


class Held(Frozen):
    """What stands in the places of a flow, by ``Slot.key`` ("" for nothing); ``settled`` is False while AWS still changes one."""

    at: dict[str, str]
    settled: bool = True


class _Seen(Frozen):
    """What an observation found: ``at`` as in ``Held``, ``bar`` as of ``Place.bar`` (None: nobody could tell)."""

    at: dict[str, str] = {}
    bar: str | None = None


class Place(Protocol):
    """One kind of place for pins."""

    kind: LeverKind

    def slots(self, flow: Flow) -> tuple[Slot, ...]:
        """List the places of a flow. Raises ``LeverFailed`` when it has none."""

    def setting(self, flow: Flow, attachment: str | None) -> Pin:
        """Say it as a setting."""

    async def held(self, slots: tuple[Slot, ...]) -> Held:
        """Read what stands in the places."""

    async def bar(self, flow: Flow) -> str:
        """Say why no pin of a flow may be written here, "" when one may. Raises ``LeverBusy`` or ``LeverFailed`` when nobody can tell."""

    async def put(self, slot: Slot, attachment: str, *, fresh: bool) -> None:
        """Write one place: a new entry when ``fresh``, else the one that is there is pointed elsewhere."""

    async def clear(self, slot: Slot) -> None:
        """Empty one place."""


class PinLever:
    """Points a flow at one attachment, whatever BGP says. Writes are skipped where the place already reads as wanted."""

    def __init__(self, fabric: Fabric, clients: Clients, place: Place) -> None:
        self._fabric, self._clients, self._place = fabric, clients, place
        self.kind = place.kind
        self._ours = frozenset(one for link in fabric.links for one in link.aws.attachments)

    async def observe(self, target: str) -> Observed:
        """Read where a flow is pinned. Places that differ read as one attachment text that no attachment has."""
        flow = self._flow(target)
        held, bar = await asyncio.gather(self._place.held(self._place.slots(flow)), self._bar(flow))
        fence = canonical(_Seen(at=held.at, bar=bar)).decode()
        return Observed(setting=self._place.setting(flow, _together(held)), fence=fence, settled=held.settled)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Point the flow's places at an attachment, each in place. Raises ``FenceLost`` when one changed since it was observed.

        ``LeverFailed`` before anything is written where a pin would lead other packets than the flow's, or a part of them.
        """
        flow, attachment = self._wanted(want)
        if attachment is None:
            await self.undo(observed, token)
            return
        if attachment not in self._ours:
            raise LeverFailed(f"{attachment} belongs to no link of the fabric: pin {flow.name} to a link's attachment")
        seen = _seen(observed)
        places = [(slot, seen.at.get(slot.key, "")) for slot in self._place.slots(flow)]
        wrong = [(slot, found) for slot, found in places if found != attachment]
        if wrong:
            await self._allow(flow, seen)
        await together(self._write(slot, found, attachment) for slot, found in wrong)

    async def undo(self, observed: Observed, token: str) -> None:  # noqa: ARG002 - emptying an empty place is no harm
        """Take the pins of ours away; what somebody else set stays."""
        flow, _ = self._wanted(observed.setting)
        at = _seen(observed).at
        await together(self._clear(slot, at[slot.key]) for slot in self._place.slots(flow) if at.get(slot.key, "") in self._ours)

    async def verify(self, want: Setting) -> Verified:
        """Prove a pin: *accepted* when every place reads back as wanted, *effective* when the longest match in every table agrees."""
        flow, attachment = self._wanted(want)
        slots = self._place.slots(flow)
        held = await self._place.held(slots)
        wrong = [key for key, found in held.at.items() if found != (attachment or "")]
        if wrong:
            return Verified(level=Level.NONE, missing=f"{wrong[0]} reads {held.at[wrong[0]] or NOTHING}")
        if not held.settled:
            return Verified(level=Level.ACCEPTED, missing="AWS is still changing it")
        lost = await self._astray(flow, {slot.table for slot in slots}, attachment)
        return Verified(level=Level.ACCEPTED, missing=lost) if lost else Verified(level=Level.EFFECTIVE)

    async def _bar(self, flow: Flow) -> str | None:
        """Give what bars a pin; None where nobody can tell, which must keep no pin from being taken away."""
        try:
            return await self._place.bar(flow)
        except (LeverBusy, LeverFailed):  # whoever means to write asks again, and is told
            return None

    async def _allow(self, flow: Flow, seen: _Seen) -> None:
        why = await self._place.bar(flow) if seen.bar is None else seen.bar
        if why:
            raise LeverFailed(why)

    async def _write(self, slot: Slot, seen: str, attachment: str) -> None:
        if seen and seen not in self._ours:
            raise LeverFailed(f"{slot.key} reads {seen}, which is no link of the fabric: somebody set it by hand, remove it by hand")
        try:
            await self._place.put(slot, attachment, fresh=not seen)
        except Answered as refused:
            await self._crossed(slot, seen, attachment, refused)

    async def _clear(self, slot: Slot, seen: str) -> None:
        try:
            await self._place.clear(slot)
        except Answered as refused:
            await self._crossed(slot, seen, "", refused)

    async def _crossed(self, slot: Slot, seen: str, wanted: str, refused: Answered) -> None:
        """Look why a write was refused: it had been made already, or the place changed under us, or AWS means it."""
        found = (await self._place.held((slot,))).at[slot.key]
        if found == wanted:
            return
        if found != seen:
            raise FenceLost(f"{slot.key} reads {found or NOTHING}, it was {seen or NOTHING}: observe again") from refused
        raise refused

    async def _astray(self, flow: Flow, tables: set[str], attachment: str | None) -> str:
        """Say what keeps the flow's Google prefixes from the wanted next hop; "" when nothing does."""
        read_tables = await together(read(self._clients, site_of(self._fabric, table).region, table) for table in sorted(tables))
        wrong = (astray(table, prefix, attachment) for table in read_tables for prefix in google_prefixes(self._fabric, flow))
        return next((text for text in wrong if text), "")

    def _wanted(self, want: Setting) -> tuple[Flow, str | None]:
        if not isinstance(want, PrefixListPin | StaticPin) or self._place.setting(self._flow(want.flow), want.attachment) != want:
            raise LeverFailed(f"{self.kind} cannot be set to a {type(want).__name__}")
        return self._flow(want.flow), want.attachment

    def _flow(self, name: str) -> Flow:
        try:
            return self._fabric.flow(name)
        except KeyError as error:
            raise LeverFailed(f"the fabric has no flow {name!r}") from error


def google_prefixes(fabric: Fabric, flow: Flow) -> tuple[str, ...]:
    """List a flow's prefixes on the Google side: where a Transit Gateway sends its packets."""
    return tuple(_prefixes(fabric, flow))


def _prefixes(fabric: Fabric, flow: Flow) -> Iterator[str]:
    for name, prefixes in flow.prefixes.items():
        if not isinstance(fabric.site(name), AwsSite):
            yield from prefixes


def _seen(observed: Observed) -> _Seen:
    return parse(observed.fence or "{}", _Seen)


def _together(held: Held) -> str | None:
    values = sorted({value or NOTHING for value in held.at.values()})
    if values in ([NOTHING], []):
        return None
    return ",".join(values)
