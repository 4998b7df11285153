"""Network Manager events of Transit Gateways and Cloud WAN.

All are delivered in us-west-2, best effort. The words are matched on ``changeType`` alone, never on the description,
and detail keys are read in camel case or kebab case, since documented samples have both.
Source: docs.aws.amazon.com/network-manager/latest/tgwnm/monitoring-events.html and
docs.aws.amazon.com/network-manager/latest/cloudwan/cloudwan-cloudwatch-events.html.
"""

import re
from collections.abc import Iterable, Iterator

from pointsman.core.members import tunnel_key
from pointsman.core.sightings import Aspect, Cause, Change, Health, Ignored, Meaning, Notice, Sighting, Source, Vantage
from pointsman.core.values import Frozen
from pointsman.wire.aws.arns import id_under, resource_id
from pointsman.wire.fields import Table, printable
from pointsman.wire.record import Letter
from pointsman.wire.targets import joined

ROUTES_LIMIT = 1000
ATTACHMENTS_LIMIT = 32
_TEXT_LIMIT = 300
_COUNT = re.compile(r"[0-9]{1,18}")
_STATUS = "Network Manager Status Update"
_ROUTING = "Network Manager Routing Update"
_ADVISORY = "Network Manager Service Advisory"
CHANGES = frozenset(
    {
        "Network Manager Topology Change",
        "Network Manager Segment Update",
        "Network Manager Policy Update",
        "Network Function Group Update",
    }
)


class _Said(Frozen):
    """What a status word claims."""

    aspect: Aspect
    health: Health
    cause: Cause


_IPSEC_DOWN = _Said(aspect=Aspect.IPSEC, health=Health.DOWN, cause=Cause.IPSEC_DOWN)
_IPSEC_UP = _Said(aspect=Aspect.IPSEC, health=Health.UP, cause=Cause.IPSEC_UP)
_BGP_DOWN = _Said(aspect=Aspect.BGP, health=Health.DOWN, cause=Cause.SESSION_DOWN)
_BGP_UP = _Said(aspect=Aspect.BGP, health=Health.UP, cause=Cause.SESSION_UP)
_UNSAID = _Said(aspect=Aspect.LINK, health=Health.UNKNOWN, cause=Cause.UNSTATED)
_STATUSES = {
    "VPN-CONNECTION-IPSEC-DOWN": _IPSEC_DOWN,
    "VPN-CONNECTION-IPSEC-UP": _IPSEC_UP,
    "VPN-CONNECTION-BGP-DOWN": _BGP_DOWN,
    "VPN-CONNECTION-BGP-ESTABLISH": _BGP_UP,
    "CONNECT-PEER-BGP-DOWN": _BGP_DOWN,
    "CONNECT-PEER-BGP-UP": _BGP_UP,
}
_NAMED = (
    "transitGatewayAttachmentArn",
    "attachmentArn",
    "vpnConnectionArn",
    "connectPeerArn",
    "directConnectGatewayArn",
    "transitGatewayArn",
    "coreNetworkArn",
)


def recognises(letter: Letter) -> bool:
    """Say whether a letter is a Network Manager event."""
    return letter.body.get("source") == "aws.networkmanager"


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one event. A status word that is not known is a claim of unknown health: look at the member."""
    event = letter.body
    kind = event.name("detail-type")
    detail = _camel(event.table("detail"))
    if kind == _STATUS:
        return _status(event, detail)
    if kind == _ROUTING:
        return (_routing(event, detail),)
    if kind == _ADVISORY:
        return (_advisory(event, detail),)
    if kind in CHANGES:
        return (_change(event, detail),)
    return (Ignored(reason=f"a Network Manager event of a kind that says nothing of a link: {printable(kind, 80)}"),)


def _status(event: Table, detail: Table) -> tuple[Meaning, ...]:
    said = _STATUSES.get(detail.name_or_empty("changeType").upper().replace("_", "-"), _UNSAID)
    member = _member(detail)
    if not member:
        if said is not _UNSAID:
            detail.refuse("vpnConnectionArn", "is missing, and nothing else names the connection")
        return (Ignored(reason="a status update that names neither a change that is known nor a connection"),)
    return (
        Sighting(
            vantage=Vantage.AWS,
            member=member,
            source=Source.NETWORK_MANAGER,
            aspect=said.aspect,
            health=said.health,
            seen_at=event.time("time"),
            cause=said.cause,
        ),
    )


def _member(detail: Table) -> str:
    """Name the tunnel or Connect peer: its owner and its address; the owner alone where no address is given."""
    owner = id_under(detail, "connectPeerArn", "vpnConnectionArn", "transitGatewayAttachmentArn", "attachmentArn")
    address = detail.name_or_empty("outsideIpAddress") or detail.name_or_empty("coreNetworkAddress") or detail.name_or_empty("peerAddress")
    return tunnel_key(owner, address) if owner and address else owner


def _routing(event: Table, detail: Table) -> Change:
    """Give the hint that a route table changed by itself.

    It is no claim: a Transit Gateway shows only the preferred route, so a route that went may only have been outranked.
    """
    tables = [resource_id(arn) for arn in detail.names("transitGatewayRouteTableArns")]
    segments = [f"segment/{name}" for name in detail.names("segments")]
    return Change(
        vantage=Vantage.AWS,
        what=_what(event, detail),
        target=joined([*tables, *segments, *_routes(detail)] or [id_under(detail, *_NAMED)]),
        seen_at=event.time("time"),
        sequence=_sequence(detail.get("sequenceNumber")),
    )


def _what(event: Table, detail: Table) -> str:
    """Name a change; the kind of event does where the word for it is blank, as in a documented sample."""
    return detail.name_or_empty("changeType") or event.name("detail-type")


def _sequence(value: object) -> int | None:
    """Read a number that only orders updates; None where it is none: the change is told all the same."""
    text = str(value).removesuffix(".0") if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return int(text) if _COUNT.fullmatch(text) else None


def _routes(detail: Table) -> Iterator[str]:
    for route in detail.tables("routes", ROUTES_LIMIT):
        yield route.name_or_empty("destinationCidrBlock")
        for attachment in route.tables("attachments", ATTACHMENTS_LIMIT):
            yield attachment.name_or_empty("tgwAttachmentId") or attachment.name_or_empty("attachmentId")


def _change(event: Table, detail: Table) -> Change | Ignored:
    what = _what(event, detail)
    if what.upper().replace("_", "-").endswith("-READY"):
        return Ignored(reason=f"announced and not yet made: {printable(what, 80)}")
    named = [resource_id(detail.name(key)) for key in _NAMED if detail.name_or_empty(key)]
    return Change(vantage=Vantage.AWS, what=what, target=joined(named or _resources(event)), seen_at=event.time("time"))


def _advisory(event: Table, detail: Table) -> Notice:
    named = (resource_id(detail.name(key)) for key in _NAMED if detail.name_or_empty(key))
    return Notice(
        vantage=Vantage.AWS,
        what=detail.name_or_empty("changeType") or _ADVISORY,
        members=tuple(named),
        seen_at=event.time("time"),
        text=detail.prose("changeDescription", _TEXT_LIMIT),
    )


def _resources(event: Table) -> list[str]:
    return [resource_id(arn) for arn in event.names("resources")]


def _camel(detail: Table) -> Table:
    """Give the detail with ``transit-gateway-arn`` read as ``transitGatewayArn``."""
    return Table(values={_camel_key(key): value for key, value in detail.values.items()}, path=detail.path)


def _camel_key(key: str) -> str:
    first, *others = key.split("-")
    return first + "".join(part[:1].upper() + part[1:] for part in others)
