"""``pointsman decode``: say what a payload means to us."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from pointsman.adapters import files
from pointsman.adapters.files import BadFabric
from pointsman.core.errors import ConfigError
from pointsman.core.members import MemberRef, index, placed
from pointsman.core.sightings import Change, Ignored, Meaning, Notice, Order, Rejected, Sighting, Tick, Vantage
from pointsman.wire import recorded, times
from pointsman.wire.decode import decode as read
from pointsman.wire.fields import BYTES_LIMIT
from pointsman.wire.record import Record

BAD_FABRIC = 1
UNREADABLE = 2
"""Exit codes: a fabric with mistakes, and a file that cannot be read. A payload that is rejected is an answer: exit 0."""
_NOTHING = frozenset({b"", b"[]"})
"""What the clouds' command lines write when a queue gave no message."""
_PROBES = frozenset({Vantage.PROBE_AWS, Vantage.PROBE_GCP})
_COLUMNS = ("kind", "member", "claim", "seen at", "link", "says")

Places = Mapping[str, MemberRef]


def decode(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A payload as it was delivered, or - for standard input.")],
    fabric: Annotated[Path | None, typer.Option(help="A fabric file (YAML or compiled): says which link each member belongs to.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,  # noqa: FBT002 - typer's way to write a flag
    raw: Annotated[  # noqa: FBT002 - typer's way to write a flag
        bool, typer.Option("--raw", help="Print the event itself, to hand it in again; a request's headers go to standard error.")
    ] = False,
) -> None:
    """Show what a cloud event means to pointsman."""
    try:
        data = files.read(file, BYTES_LIMIT)  # and a byte more, so that the decoder can say that it is too long
        places = index(files.load(str(fabric))) if fabric else {}
    except ConfigError as error:
        typer.echo(f"pointsman: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(BAD_FABRIC if isinstance(error, BadFabric) else UNREADABLE) from error
    kept = recorded.deliveries(data)
    if raw:
        _hand_over(kept)
        return
    found = [one | _why(delivery) for delivery in kept for one in elements(read(delivery.body, delivery.headers), places)]
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _show(found)


def _hand_over(kept: tuple[recorded.Delivery, ...]) -> None:
    """Write one event as it came, in the form in which ``curl -H @FILE`` takes the headers of a request."""
    events = [one for one in kept if one.data.strip() not in _NOTHING]
    if len(events) != 1:
        held = (
            f"{len(events)} events: take one message at a time out of the queue"
            if events
            else "no event: the queue gave none, ask it again"
        )
        typer.echo(f"pointsman: the file holds {held}", err=True)
        raise typer.Exit(UNREADABLE)
    for name, value in (kept[0].headers or {}).items():
        typer.echo(f"{name}: {value}", err=True)
    typer.echo(kept[0].data, nl=False)


def _why(delivery: recorded.Delivery) -> dict[str, Any]:
    return {"parked": list(delivery.parked)} if delivery.parked else {}


def elements(records: Iterable[Record], places: Places | None = None) -> list[dict[str, Any]]:
    """Give one JSON object a record; with ``places`` (from ``core.members.index``) each says its link."""
    return [element(record.meaning, places or {}) | ({"delivery": record.delivery} if record.delivery else {}) for record in records]


def element(meaning: Meaning | Rejected, places: Places) -> dict[str, Any]:
    """Give one meaning as a JSON object, without the keys that do not apply to it."""
    match meaning:
        case Sighting():
            found = _sighting(meaning, places)
        case Change():
            found = _change(meaning, places)
        case Notice():
            found = _notice(meaning, places)
        case Tick():
            found = {"kind": "tick", "vantage": _vantage(meaning.vantage), "key": meaning.key, "seen_at": _time(meaning.seen_at)}
        case Order():
            found = _order(meaning)
        case Ignored():
            found = {"kind": "ignored", "reason": meaning.reason}
        case Rejected():
            found = {"kind": "rejected", "reason": meaning.reason, "path": meaning.path}
    return {key: value for key, value in found.items() if value not in (None, "", [])}


def _sighting(one: Sighting, places: Places) -> dict[str, Any]:
    return {
        "kind": "sighting",
        "vantage": _vantage(one.vantage),
        "member": one.member,
        "health": one.health,
        "aspect": one.aspect,
        "cause": one.cause,
        "source": one.source,
        "seen_at": _time(one.seen_at),
        "value": one.value,
        "link": _links([placed(one, places).member], places),
    }


def _change(one: Change, places: Places) -> dict[str, Any]:
    return {
        "kind": "change",
        "vantage": _vantage(one.vantage),
        "member": one.target,
        "what": one.what,
        "who": one.who,
        "actor": one.actor,
        "sequence": one.sequence,
        "seen_at": _time(one.seen_at),
        "link": _links(one.target.split(), places),
    }


def _notice(one: Notice, places: Places) -> dict[str, Any]:
    window = {"start": _time(one.start), "end": _time(one.end)} if one.start or one.end else None
    return {
        "kind": "notice",
        "vantage": _vantage(one.vantage),
        "member": ", ".join(one.members),
        "what": one.what,
        "cause": one.cause,
        "seen_at": _time(one.seen_at),
        "window": window,
        "withdrawn": one.withdrawn or None,
        "text": one.text,
        "key": one.key,
        "link": _links(one.members, places),
    }


def _order(one: Order) -> dict[str, Any]:
    return {
        "kind": "order",
        "vantage": "operator",
        "verb": one.verb,
        "target": one.target,
        "author": one.author,
        "reason": one.reason,
        "key": one.key,
        "seen_at": _time(one.seen_at),
        "expires_at": _time(one.expires_at),
    }


def _links(names: Iterable[str], places: Places) -> str:
    return ", ".join(dict.fromkeys(places[name].link for name in names if name in places))


def _vantage(vantage: Vantage) -> str:
    return "probe" if vantage in _PROBES else vantage.value


def _time(moment: datetime | None) -> str | None:
    return times.written(moment) if moment else None


def _show(found: list[dict[str, Any]]) -> None:
    shown = Table(title="What it means")
    for column in _COLUMNS:
        shown.add_column(column, overflow="fold")
    for one in found:
        shown.add_row(*_row(one))
    Console().print(shown)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    kind = f"{one['kind']} {one.get('vantage', '')}".strip()
    claim = " ".join(str(one[key]) for key in ("aspect", "health", "cause", "actor") if key in one)
    says = " ".join(str(one[key]) for key in ("what", "verb", "target", "path", "reason", "text") if key in one) or str(one.get("key", ""))
    if "parked" in one:
        says = f"{says} (parked: {'; '.join(one['parked'])})"
    return (kind, one.get("member", ""), claim, one.get("seen_at", ""), one.get("link", ""), says)
