"""Orders of a person: ``pointsman freeze``, ``thaw``, ``drain``, ``undrain``, ``approve``, ``deny``, ``ack`` and ``pin``."""

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from pointsman.adapters.files import CannotRead
from pointsman.cli.asking import AsJson, as_json, complain, plain, settings_for, span
from pointsman.core.errors import ConfigError, PointsmanError, Refused
from pointsman.core.sightings import Order, Verb

if TYPE_CHECKING:
    from pointsman.service.house import House
    from pointsman.service.order import Heeded, Stilled

T = TypeVar("T")

DONE, REFUSED, UNSURE = 0, 1, 2
"""Exit codes: agreed; refused, or a flag was missed; nobody can tell, since no majority answers or the fabric cannot be read."""

FabricFile = Annotated[str, typer.Argument(metavar="FABRIC", help="The compiled fabric that the plan names.")]
LinkName = Annotated[str, typer.Argument(metavar="LINK", help="The link.")]
Hash = Annotated[str, typer.Argument(metavar="HASH", help="The hash of what waits for a word, as 'pointsman status' shows it.")]
Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident: LINK@EPOCH.")]
Pinned = Annotated[str, typer.Argument(metavar="FLOW>LINK", help="The flow and the link, in quotes.")]
Author = Annotated[str, typer.Option("--author", help="Who orders it.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with the plan.")]
For = Annotated[str, typer.Option("--for", metavar="SPAN", help="How long it holds: 30m, 2h, 3d.")]
Key = Annotated[
    str, typer.Option("--key", help="The same command with the same key is one order; another command with it is another order.")
]


def freeze(fabric: FabricFile, *, author: Author, reason: Why, lasts: For = "", key: Key = "", json: AsJson = False) -> None:
    """Stop all steering: set the freeze flag of both clouds and freeze the plan, 4 hours unless --for says otherwise.

    Sets whatever can be reached from this shell and names what it missed; exits 1 if anything was.
    """
    _still(fabric, _Wish(Verb.FREEZE, "", author, reason, key), lasts, json=json)


def thaw(fabric: FabricFile, *, author: Author, reason: Why, key: Key = "", json: AsJson = False) -> None:
    """Let steering go on: clear the freeze flags of both clouds and thaw the plan. Exits 1 and says what still freezes."""
    _still(fabric, _Wish(Verb.THAW, "", author, reason, key), "", json=json)


def drain(fabric: FabricFile, link: LinkName, *, author: Author, reason: Why, lasts: For = "", key: Key = "", json: AsJson = False) -> None:
    """Take the traffic off a link, 4 hours unless --for says otherwise. Never off the last healthy way of a flow."""
    _order(fabric, _Wish(Verb.DRAIN, link, author, reason, key), lasts, json=json)


def undrain(fabric: FabricFile, link: LinkName, *, author: Author, reason: Why, key: Key = "", json: AsJson = False) -> None:
    """End an ordered drain: the link is returned to once it has been good for the hold-down."""
    _order(fabric, _Wish(Verb.UNDRAIN, link, author, reason, key), "", json=json)


def approve(fabric: FabricFile, hash_: Hash, *, author: Author, reason: Why, key: Key = "", json: AsJson = False) -> None:
    """Approve of what waits for a word, and of nothing else: as soon as anything else would be done the hash is another."""
    _order(fabric, _Wish(Verb.APPROVE, hash_, author, reason, key), "", json=json)


def deny(fabric: FabricFile, hash_: Hash, *, author: Author, reason: Why, lasts: For = "", key: Key = "", json: AsJson = False) -> None:
    """Deny what waits for a word: it is not proposed again until something else would be done, or its time is over.

    --for makes that time longer and never shorter.
    """
    _order(fabric, _Wish(Verb.DENY, hash_, author, reason, key), lasts, json=json)


def ack(fabric: FabricFile, incident: Incident, *, author: Author, reason: Why, key: Key = "", json: AsJson = False) -> None:
    """Note in an incident, and at its desks, that somebody has seen it."""
    _order(fabric, _Wish(Verb.ACK, incident, author, reason, key), "", json=json)


def pin(fabric: FabricFile, pinned: Pinned, *, author: Author, reason: Why, lasts: For = "", key: Key = "", json: AsJson = False) -> None:
    """Pin a flow to the link where the plan places it, an hour unless --for says otherwise.

    For when no lever that rides BGP works; refused wherever a pin could black-hole.
    """
    _order(fabric, _Wish(Verb.PIN, pinned, author, reason, key), lasts, json=json)


@dataclass(frozen=True)
class _Wish:
    """What a command line orders, without its time, which is the stores'."""

    verb: Verb
    target: str
    author: str
    reason: str
    key: str

    def at(self, now: datetime, span: timedelta | None) -> Order:
        """Give the order as of now; a command without a key is an order of its own."""
        from pointsman.boot.chance import nonce  # noqa: PLC0415 - what speaks to the stores loads for such a command only

        return Order(
            key=f"cli/{self.key or nonce()}",
            verb=self.verb,
            target=self.target,
            author=self.author,
            reason=self.reason,
            seen_at=now,
            expires_at=None if span is None else now + span,
        )


def _carried_out(work: Coroutine[Any, Any, T]) -> T:
    from pointsman.boot import loop  # noqa: PLC0415

    try:
        return loop.run(work)
    except PointsmanError as error:
        raise _told(error) from error


def _order(fabric: str, wish: _Wish, holds: str, *, json: bool) -> None:
    heeded = _carried_out(_heeded(fabric, wish, span("--for", holds)))
    typer.echo(as_json(_data(wish, heeded)) if json else "\n".join(plain(_said(wish, heeded))))
    raise typer.Exit(DONE)


def _still(fabric: str, wish: _Wish, holds: str, *, json: bool) -> None:
    found = _carried_out(_stilled(fabric, wish, span("--for", holds)))
    typer.echo(as_json(_stilled_data(wish, found)) if json else "\n".join(plain(_stilled_said(wish, found))))
    raise typer.Exit(DONE if found.complete else REFUSED)


def _told(error: PointsmanError) -> typer.Exit:
    complain(error)
    refused = isinstance(error, Refused | ConfigError) and not isinstance(error, CannotRead)
    return typer.Exit(REFUSED if refused else UNSURE)


async def _house(fabric: str) -> "House":
    from pointsman.boot.ordering import open_house  # noqa: PLC0415

    return await open_house(settings_for(fabric))


async def _heeded(fabric: str, wish: _Wish, span: timedelta | None) -> "Heeded":
    from pointsman.service.order import order, stores_time  # noqa: PLC0415

    house = await _house(fabric)
    return await order(house, wish.at(await stores_time(house), span))


async def _stilled(fabric: str, wish: _Wish, span: timedelta | None) -> "Stilled":
    from pointsman.service.order import still, stores_time  # noqa: PLC0415

    house = await _house(fabric)
    return await still(house, wish.at(await stores_time(house), span))


def _data(wish: _Wish, heeded: "Heeded") -> dict[str, Any]:
    return {
        "verb": wish.verb,
        "target": wish.target,
        "epoch": heeded.epoch,
        "already": heeded.already,
        "waits_for": list(heeded.waits_for),
        "hints_lost": list(heeded.hints_lost),
    }


def _said(wish: _Wish, heeded: "Heeded") -> Iterator[str]:
    what = " ".join(part for part in (wish.verb, wish.target) if part)
    yield f"{what}: {'nothing was left to do in' if heeded.already else 'agreed since'} epoch {heeded.epoch}"
    yield from (f"  {one}" for one in heeded.waits_for)
    if not heeded.already and wish.verb not in {Verb.ACK, Verb.DENY}:
        yield "the functions carry it out: at once if they were woken, at their next sweep at the latest"
    yield from (f"  not woken: {one}" for one in heeded.hints_lost)


def _stilled_data(wish: _Wish, found: "Stilled") -> dict[str, Any]:
    return {
        "verb": wish.verb,
        "complete": found.complete,
        "written": list(found.written),
        "missed": found.missed,
        "epoch": found.heeded.epoch if found.heeded else None,
        "unagreed": found.unagreed,
        "still": list(found.still),
    }


def _stilled_said(wish: _Wish, found: "Stilled") -> Iterator[str]:
    done = "frozen" if wish.verb is Verb.FREEZE else "cleared"
    yield from (f"the freeze flag of {cloud} is {done}" for cloud in found.written)
    yield from (f"MISSED: the freeze flag of {cloud}: {why}" for cloud, why in found.missed.items())
    if found.heeded is not None:
        freeze = found.heeded.plan.freeze
        until = f" until {freeze.until:%FT%TZ}" if freeze and freeze.until else ""
        yield f"the plan is {'frozen' if freeze else 'not frozen'}{until}: epoch {found.heeded.epoch}"
    if found.unagreed:
        yield f"MISSED: the plan: {found.unagreed}"
    yield from (f"still: {one}" for one in found.still)
