"""Bundles: one outage with everything it was decided from, in one file that anybody can decide again without our stores.

A bundle holds no secret: a fabric names secrets by reference only, and what looks like one all the same is refused.
"""

import re
from collections.abc import Iterator

import msgspec

from pointsman.core.errors import Refused
from pointsman.core.fabric import Fabric
from pointsman.core.incidents import Incident
from pointsman.core.journal import VERSION as ENTRY_VERSION
from pointsman.core.journal import Altered, Countersignature, Entry, Newer, plan_of
from pointsman.core.values import Frozen, canonical, digest, parse, replace
from pointsman.core.versions import DECIDER, number

VERSION = 1
"""Of the layout of a bundle."""
ENTRIES_LIMIT = 1_000
"""Most decisions in one bundle."""
BUNDLE_LIMIT = 32 * 1024 * 1024
"""Longest bundle, in bytes: a thousand decisions of a large fabric are half of it."""
REFERENCE = "secret://"
_SECRETS = re.compile(
    rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    rb"|\b(?:xox[abpr]-|gh[pousr]_|glpat-)[0-9A-Za-z-]{10,}"
    rb"|\bya29\.[0-9A-Za-z_-]{20,}"
    rb"|\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\."
)
"""What keys and tokens of well-known services look like: AWS, PEM, Slack, GitHub, GitLab, Google, JSON Web Tokens."""
_USERINFO = re.compile(r"^[a-z0-9+.-]+://[^/?#]*@", re.IGNORECASE)


class Kept(Frozen):
    """One entry of the journal under its name."""

    digest: str
    entry: Entry


class Bundle(Frozen):
    """One incident: the entries of its epochs oldest first, from before its onset to its end, and every fabric that they name by its hash.

    ``decider`` is the version of the rules that recorded it, ``register`` the incident's register, ``words`` what the
    other cloud says of the entries, ``seal`` the digest of all the rest.
    """

    version: int
    decider: str
    incident: str
    fabrics: dict[str, Fabric]
    entries: tuple[Kept, ...]
    register: Incident | None = None
    words: tuple[Countersignature, ...] = ()
    seal: str = ""


class _Top(msgspec.Struct, frozen=True):
    """The part of any layout that tells which one it is."""

    version: int
    decider: str = ""
    seal: str = ""


def sealed(bundle: Bundle) -> Bundle:
    """Put the seal on. Raises ``Refused`` when the bundle holds what looks like a secret, or is not whole."""
    found = list(secrets_in(bundle))
    if found:
        raise Refused(f"this would put a secret into the bundle: {'; '.join(found)}")
    done = replace(bundle, seal=_seal(bundle))
    _check(done)
    return done


def written(bundle: Bundle) -> bytes:
    """Give the bytes of a bundle: the same bundle gives the same bytes, with one value a line."""
    return msgspec.json.format(canonical(bundle), indent=1) + b"\n"


def read(raw: bytes) -> Bundle:
    """Read a bundle. Raises ``Newer`` for one of a newer version, ``Altered`` for one that is not as it was recorded, or none at all."""
    if len(raw) > BUNDLE_LIMIT:
        raise Altered(f"it is longer than the {BUNDLE_LIMIT} bytes that a bundle may have")
    _check_version(raw)
    try:
        bundle = parse(raw, Bundle)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Altered(f"it is not a bundle that this version reads: {error}") from error
    _check(bundle)
    return bundle


def secrets_in(bundle: Bundle) -> Iterator[str]:
    """Name what looks like a secret: a fabric's setting that is no reference, credentials in a URL, or the form of a known key anywhere."""
    for fabric in bundle.fabrics.values():
        for desk in fabric.desks:
            if not desk.secret.startswith(REFERENCE):
                yield f"the secret of desk {desk.name} is no {REFERENCE} reference"
            if desk.endpoint and _tells(desk.endpoint):
                yield f"the endpoint of desk {desk.name} holds credentials"
        stores = fabric.stores
        if stores.witness_key and not stores.witness_key.startswith(REFERENCE):
            yield f"the key of the witness is no {REFERENCE} reference"
        yield from (
            f"a store's URL holds credentials ({slot})" for slot in ("aws", "gcp", "witness") if _tells(getattr(stores, slot) or "")
        )
    if _SECRETS.search(canonical(bundle)):
        yield "something in it has the form of a key or token"


def _tells(url: str) -> bool:
    return bool(_USERINFO.match(url))


def _check_version(raw: bytes) -> None:
    try:
        top = parse(raw, _Top)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Altered("it is not a bundle: make one with 'pointsman record'") from error
    if top.version > VERSION or number(top.decider) > number(DECIDER):
        made = f"layout {top.version} and rules {top.decider}"
        raise Newer(f"it was recorded by a newer version ({made}; this one knows {VERSION} and {DECIDER}): replay it with that one")


def _check(bundle: Bundle) -> None:
    """Raise ``Altered`` unless everything has the content that it is named by, and each plan follows the one before."""
    for name, fabric in bundle.fabrics.items():
        if fabric.hash != name:
            raise Altered(f"it was altered: fabric {name} has another content")
    for kept in bundle.entries:
        _check_entry(bundle, kept)
    for first, second in zip(bundle.entries, bundle.entries[1:], strict=False):
        if plan_of(first.digest, first.entry) != second.entry.before:
            raise Altered(f"it was altered: epoch {second.entry.plan.epoch} does not follow the entry before it")
    if not bundle.entries or _seal(bundle) != bundle.seal:
        raise Altered("it was altered: its content has another seal")


def _check_entry(bundle: Bundle, kept: Kept) -> None:
    if kept.entry.version > ENTRY_VERSION:
        raise Newer(f"entry {kept.digest} has layout {kept.entry.version}, and this version knows {ENTRY_VERSION}: use the newer one")
    if digest(canonical(kept.entry)) != kept.digest:
        raise Altered(f"it was altered: the entry of epoch {kept.entry.plan.epoch} has another content")
    if kept.entry.plan.fabric_hash not in bundle.fabrics:
        raise Altered(f"it lacks fabric {kept.entry.plan.fabric_hash}, which epoch {kept.entry.plan.epoch} was decided under")


def _seal(bundle: Bundle) -> str:
    return digest(canonical(replace(bundle, seal="")))
