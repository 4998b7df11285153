"""The journal's nouns: one decision with all its inputs, kept under the digest of its content, and another cloud's word on it.

A plan names its entry and an entry holds the plan before it, so the digests chain every agreed plan to the first: see
docs/adr/0011-the-journal.md. Nothing is read or written here.
"""

import contextlib
import re
import zlib
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from pointsman.core.adopting import adopted
from pointsman.core.decide import RULES, Declined, Rules
from pointsman.core.errors import Refused
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.plan import Plan, View
from pointsman.core.values import Frozen, canonical, digest, parse, replace

VERSION = 1
"""Of the layout of an entry and of a countersignature."""
KEPT = timedelta(days=90)
"""How long an entry is kept: longer than any register of an incident, and than any queue may bring an event back."""
ENTRY_LIMIT = 256 * 1024
"""Longest entry as it is kept, packed, in bytes: every store takes so much at once. A longer one is kept without its view."""
PLAIN_LIMIT = 4 * 1024 * 1024
"""Longest entry before it is packed, in bytes: two thousand rows are half a megabyte."""
_EFFORT = 6
"""Of the packing (0 to 9): a tenth of the size in about a millisecond."""
_NAME = re.compile(rf"[0-9a-f]{{32}}(\.({'|'.join(Cloud)}))?")

T = TypeVar("T", "Entry", "Countersignature")


class Altered(Refused):
    """What is kept under a digest is not what had it."""


class Newer(Refused):
    """It was written by a newer version: only that one may judge it."""


class Adoption(Frozen):
    """Who ordered the next fabric, and why; ``finish`` are links that leave mode auto with it, and on which what was decided is carried out yet."""

    author: str
    reason: str
    finish: tuple[LinkName, ...] = ()


class Entry(Frozen):
    """One decision with its inputs: enough to decide it again, byte for byte.

    ``before`` is the plan that it followed, as it was agreed, with the marks that it stood on; ``plan`` is what was
    decided, with its reasons, the fabric's hash and the version of the rules, and with ``entry`` still empty. An
    ``adoption`` is an order, and not decided from the view. ``too_long`` is how many bytes the entry would have taken
    with its view, of which then only ``here`` is left; 0 when it is whole.
    """

    version: int
    before: Plan
    view: View
    now: datetime
    plan: Plan
    adoption: Adoption | None = None
    too_long: int = 0


class Sealed(Frozen):
    """An entry ready to be kept: its digest, its packed bytes, and the plan that names it."""

    digest: str
    packed: bytes
    plan: Plan


class Countersignature(Frozen):
    """What a cloud that did not decide says of an entry, after deciding it again.

    ``plan`` is the digest of the plan that it came to, "" when its rules refuse the view; ``decider`` the version of its rules.
    """

    version: int
    entry: str
    cloud: Cloud
    decider: str
    plan: str
    agrees: bool
    at: datetime


class _Versioned(msgspec.Struct, frozen=True):
    """The part of any layout that tells which one it is."""

    version: int


def seal(before: Plan, view: View, now: datetime, plan: Plan, adoption: Adoption | None = None) -> Sealed:
    """Write down one decision: without its view where it would be too long with it, so that no decision waits for that, and the chain goes on."""
    entry = Entry(version=VERSION, before=before, view=view, now=now, plan=_unnamed(plan), adoption=adoption)
    content = canonical(entry)
    kept = packed(content)
    if len(kept) > ENTRY_LIMIT or len(content) > PLAIN_LIMIT:
        content = canonical(replace(entry, view=View(here=view.here), too_long=len(kept)))
        kept = packed(content)
    name = digest(content)
    return Sealed(digest=name, packed=kept, plan=replace(plan, entry=name))


def packed(content: bytes) -> bytes:
    """Give content of the journal as it is kept."""
    return zlib.compress(content, _EFFORT)


def opened(name: str, packed: bytes) -> Entry:
    """Read the entry kept under a digest. Raises ``Altered`` or ``Newer``."""
    return _read(f"entry {name}", _content(name, packed), Entry)


def undecidable(entry: Entry) -> Declined | None:
    """Say why an entry cannot be decided again by anybody; None where it can: an order needs no view."""
    if not entry.too_long or entry.adoption is not None:
        return None
    why = f"what it was decided from took {entry.too_long} bytes, and the journal keeps {ENTRY_LIMIT} of an entry"
    return Declined(stale_view=False, because=why)


def again(entry: Entry, fabric: Fabric, rules: Rules = RULES) -> Plan | Declined:
    """Decide an entry again under the fabric that its plan names; gives the plan as the entry should hold it."""
    if entry.adoption is not None:
        order = entry.adoption
        return _unnamed(adopted(entry.before, fabric, entry.now, author=order.author, reason=order.reason, finish=order.finish))
    plan = undecidable(entry) or rules.decide(fabric, entry.view, entry.before, entry.now)
    return plan if isinstance(plan, Declined) else _unnamed(plan)


def plan_of(name: str, entry: Entry) -> Plan:
    """Give the plan as it was agreed, naming its entry."""
    return replace(entry.plan, entry=name)


def countersigned(name: str, entry: Entry, fabric: Fabric, cloud: Cloud, at: datetime, *, rules: Rules = RULES) -> Countersignature:
    """Decide an entry again and say what came of it."""
    plan = again(entry, fabric, rules)
    found = "" if isinstance(plan, Declined) else digest(canonical(plan))
    agrees = found == digest(canonical(entry.plan))
    return Countersignature(version=VERSION, entry=name, cloud=cloud, decider=entry.plan.decider, plan=found, agrees=agrees, at=at)


def countersignature_key(name: str, cloud: Cloud) -> str:
    """Name the row in which a cloud keeps its word on an entry."""
    return f"{name}.{cloud}"


def countersignature(name: str, cloud: Cloud, kept: bytes) -> Countersignature:
    """Read a cloud's word on an entry. Raises ``Altered`` when it is none, ``Newer``."""
    about = f"{cloud}'s word on entry {name}"
    found = _read(about, kept, Countersignature)
    if (found.entry, found.cloud) != (name, cloud):
        raise Altered(f"{about} was altered: it is about something else")
    return found


def is_name(name: str) -> bool:
    """Say whether something of the journal may be kept under a name: an entry, or a cloud's word on one."""
    return _NAME.fullmatch(name) is not None


def check_kept(name: str, kept: bytes) -> None:
    """Look whether what is kept under a name is what had it, of whatever version it is. Raises ``Altered``."""
    entry, _, cloud = name.partition(".")
    if cloud:
        with contextlib.suppress(Newer):
            countersignature(entry, Cloud(cloud), kept)
    else:
        _content(entry, kept)


def _unnamed(plan: Plan) -> Plan:
    """Give a plan as its entry holds it: the entry's own digest cannot be inside it."""
    return replace(plan, entry="")


def _content(name: str, packed: bytes) -> bytes:
    """Unpack what is kept under a digest and has it."""
    content = _unpacked(name, packed)
    if digest(content) != name:
        raise Altered(f"entry {name} was altered: its content has another digest")
    return content


def _unpacked(name: str, packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, PLAIN_LIMIT)
    except zlib.error:
        raise Altered(f"entry {name} was altered: it cannot be unpacked") from None
    if not unpacking.eof or unpacking.unused_data:
        raise Altered(f"entry {name} was altered: it is cut short, or too long")
    return content


def _read(about: str, content: bytes, kind: type[T]) -> T:
    try:
        found = parse(content, kind)
        version = found.version
    except msgspec.DecodeError as error:
        version = _version(content)
        if version <= VERSION:
            raise Altered(f"{about} was altered: it is not one") from error
    if version > VERSION:
        raise Newer(f"{about} has layout {version}, and this version of pointsman knows {VERSION}: use the newer one")
    return found


def _version(content: bytes) -> int:
    """Give the layout of what cannot be read as the own one; 0 when it tells none."""
    try:
        return parse(content, _Versioned).version
    except msgspec.DecodeError:
        return 0
