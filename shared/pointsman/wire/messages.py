"""What our own functions, schedules and probes send each other: a nudge, a delivery to make, a tick, a probe's finding.

Bodies are JSON with the kind under ``pointsman``; unknown further keys are let through, so that two versions can talk.
``read`` gives back what ``nudge``, ``deliver``, ``tick`` and ``probed`` wrote. A schedule that sends a fixed body writes
``{"pointsman":"tick","name":"sweep","scheduled":"<aws.scheduler.scheduled-time>"}``.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from pointsman.core.errors import RejectedEvent
from pointsman.core.fabric import Cloud
from pointsman.core.members import probe_key
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Tick, Vantage
from pointsman.core.values import Frozen, canonical
from pointsman.wire import fields, times
from pointsman.wire.record import Context, Letter

KIND = "pointsman"
PARKED = "parked"
"""The kind of a parked event: it stands in the parking queue for a person to read, and no function acts on it."""
PARKED_BEFORE = "was parked before: see what it is with pointsman decode, and hand in the event that it holds"
"""Why a function refuses one. It is never parked again: it would come back for ever where the function reads that queue."""
UNTIMED = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a hint that came without one: ticks are told apart by their key, never by their time."""
_DELIVER = "deliver/"


class Nudge(Frozen):
    """The other cloud's functions have agreed on an epoch, or suspect a link: look now. It may be lost."""

    fabric: str
    epoch: int
    at: datetime | None = None


class Deliver(Frozen):
    """An incident's outbox holds a letter."""

    incident: str
    at: datetime | None = None


class Scheduled(Frozen):
    """A schedule of ours fired."""

    name: str
    scheduled: datetime | None = None


class Path(Frozen):
    """One address pair that a probe of ours sent packets over: ``loss`` is the share that was lost (0 to 1).

    ``rtt`` is the median round-trip time in seconds, None where it was not measured.
    """

    source: str
    target: str
    loss: float
    rtt: float | None = None


class Probed(Frozen):
    """What a prober in one cloud found on its paths, each of them over one link only.

    ``blind`` means that the prober takes its own network for dead: its losses speak of no link.
    """

    cloud: Cloud
    paths: tuple[Path, ...]
    at: datetime | None = None
    blind: bool = False


Message = Nudge | Deliver | Scheduled | Probed
PATHS_LIMIT = 200
"""Paths that one report may hold."""
RTT_LIMIT = 3_600.0
"""Longest round trip that is believed, in seconds."""
LOSSY = 0.05
"""Share of lost packets from which a probe calls its link down."""


def nudge(fabric: str, epoch: int, at: datetime | None = None) -> bytes:
    """Write a nudge."""
    return _written("nudge", {"fabric": fabric, "epoch": epoch}, at)


def deliver(incident: str, at: datetime | None = None) -> bytes:
    """Write a delivery to make."""
    return _written("deliver", {"incident": incident}, at)


def probed(cloud: Cloud, paths: Sequence[Path], at: datetime, *, blind: bool = False) -> bytes:
    """Write what a prober found."""
    return _written("probe", {"cloud": cloud, "paths": paths} | ({"blind": True} if blind else {}), at)


def tick(name: str, scheduled: datetime) -> bytes:
    """Write what a schedule sends."""
    return canonical({KIND: "tick", "name": name, "scheduled": times.written(scheduled)})


def read(data: bytes | str | fields.Table) -> Message:
    """Read one message. Raises ``RejectedEvent``."""
    body = data if isinstance(data, fields.Table) else fields.table(fields.parse(data))
    match body.get(KIND):
        case "nudge":
            return Nudge(fabric=body.name("fabric"), epoch=body.integer("epoch"), at=body.time_or_none("at"))
        case "deliver":
            return Deliver(incident=body.name("incident"), at=body.time_or_none("at"))
        case "tick":
            return Scheduled(name=body.name("name"), scheduled=body.time_or_none("scheduled"))
        case "probe":
            return _probed(body)
        case str() as kind if kind == PARKED:
            raise RejectedEvent(PARKED_BEFORE, path=body.at(KIND))
        case _:
            raise RejectedEvent("should be nudge, deliver, tick or probe", path=body.at(KIND))


def _probed(body: fields.Table) -> Probed:
    cloud = body.name("cloud")
    if cloud not in set(Cloud):
        body.refuse("cloud", "should be aws or gcp")
    paths = tuple(_path(one) for one in body.tables("paths", PATHS_LIMIT))
    if not paths:
        body.refuse("paths", "should name at least one path: a report without any says nothing")
    return Probed(cloud=Cloud(cloud), paths=paths, at=body.time_or_none("at"), blind=body.flag("blind"))


def _path(body: fields.Table) -> Path:
    loss, rtt = _number(body.get("loss")), _number(body.get("rtt"))
    if loss is None or not 0 <= loss <= 1:
        body.refuse("loss", "should be a share from 0 to 1")
    if "rtt" in body and (rtt is None or not 0 <= rtt <= RTT_LIMIT):
        body.refuse("rtt", f"should be seconds from 0 to {RTT_LIMIT:g}")
    return Path(source=body.name("source"), target=body.name("target"), loss=loss, rtt=rtt)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1 << 63 else None


def incident_of(one: Tick) -> str | None:
    """Give the incident that a tick asks to deliver, None when it asks something else."""
    return one.key.removeprefix(_DELIVER) if one.key.startswith(_DELIVER) else None


def recognises(letter: Letter) -> bool:
    """Say whether a letter is from our own functions or schedules."""
    return KIND in letter.body.values


def decode(letter: Letter) -> tuple[Tick, ...] | tuple[Sighting, ...]:
    """Decode a message of ours."""
    match read(letter.body):
        case Nudge(fabric=fabric, epoch=epoch, at=at):
            return _tick(f"nudge/{fabric}/{epoch}", at, letter.context)
        case Deliver(incident=incident, at=at):
            return _tick(f"{_DELIVER}{incident}", at, letter.context)
        case Scheduled(name=name, scheduled=scheduled):
            when = scheduled or letter.context.arrived_at
            return _tick(f"schedule/{name}/{times.written(when) if when else 'untimed'}", when, letter.context)
        case Probed(cloud=cloud, paths=paths, at=at, blind=blind):
            seen_at = at or letter.context.arrived_at
            if seen_at is None:
                raise RejectedEvent("is missing: a claim without its time cannot be weighed", path=letter.body.at("at"))
            return tuple(_sighting(cloud, path, seen_at, blind=blind) for path in paths)


def _sighting(cloud: Cloud, path: Path, seen_at: datetime, *, blind: bool) -> Sighting:
    """Say what a path's figures claim; the eyes that are shut claim nothing. How long packets took is told, and weighed by nobody."""
    down = path.loss >= LOSSY
    return Sighting(
        vantage=Vantage.PROBE_AWS if cloud is Cloud.AWS else Vantage.PROBE_GCP,
        member=probe_key(path.source, path.target),
        source=Source.PROBE,
        aspect=Aspect.PROBE,
        health=Health.UNKNOWN if blind else Health.DOWN if down else Health.UP,
        seen_at=seen_at,
        cause=Cause.PACKETS_LOST if down else Cause.PACKETS_FLOW,
        value=path.loss,
        text="" if path.rtt is None else f"round trip {path.rtt * 1000:.1f} ms",
    )


def _tick(key: str, at: datetime | None, context: Context) -> tuple[Tick, ...]:
    """Give a tick; a body without envelope or headers is a Lambda function's own event."""
    vantage = context.vantage or (Vantage.GCP if context.headers else Vantage.AWS)
    return (Tick(vantage=vantage, key=key, seen_at=at or context.arrived_at or UNTIMED),)


def _written(kind: str, values: dict[str, object], at: datetime | None) -> bytes:
    return canonical({KIND: kind, **values} | ({"at": times.written(at)} if at else {}))
