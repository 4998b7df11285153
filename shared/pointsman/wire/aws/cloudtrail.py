"""CloudTrail API calls through EventBridge: somebody changed routing by hand, or we did.

Older EC2 calls have flat lowerCamel parameters, Transit Gateway calls nest them in PascalCase; both are searched for the
identifiers below. An ``errorCode`` means that nothing changed.
Source: docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
"""

from collections.abc import Iterable, Iterator

from pointsman.core.sightings import Change, Ignored, Meaning, Vantage
from pointsman.wire import actors
from pointsman.wire.aws.arns import resource_id
from pointsman.wire.fields import Table, printable
from pointsman.wire.record import Letter
from pointsman.wire.targets import joined

PARAMETERS_LIMIT = 200
"""Most parameters of one call that are searched for identifiers."""
_SHOWN = 80
CALLS = {
    "ec2.amazonaws.com": frozenset(
        {
            "AssociateTransitGatewayRouteTable",
            "CreateRoute",
            "CreateTransitGatewayPrefixListReference",
            "CreateTransitGatewayRoute",
            "CreateVpnConnectionRoute",
            "DeleteRoute",
            "DeleteTransitGatewayPrefixListReference",
            "DeleteTransitGatewayRoute",
            "DeleteTransitGatewayRouteTable",
            "DeleteVpnConnection",
            "DeleteVpnConnectionRoute",
            "DisableTransitGatewayRouteTablePropagation",
            "DisableVgwRoutePropagation",
            "DisassociateTransitGatewayRouteTable",
            "EnableTransitGatewayRouteTablePropagation",
            "EnableVgwRoutePropagation",
            "ModifyManagedPrefixList",
            "ModifyTransitGateway",
            "ModifyTransitGatewayPrefixListReference",
            "ModifyVpnConnection",
            "ModifyVpnConnectionOptions",
            "ModifyVpnTunnelOptions",
            "ReplaceRoute",
            "ReplaceTransitGatewayRoute",
            "ReplaceVpnTunnel",
            "RestoreManagedPrefixListVersion",
        }
    ),
    "directconnect.amazonaws.com": frozenset(
        {
            "CreateBGPPeer",
            "CreateDirectConnectGatewayAssociation",
            "DeleteBGPPeer",
            "DeleteConnection",
            "DeleteDirectConnectGatewayAssociation",
            "DeleteVirtualInterface",
            "StartBgpFailoverTest",
            "StopBgpFailoverTest",
            "UpdateConnection",
            "UpdateDirectConnectGatewayAssociation",
            "UpdateVirtualInterfaceAttributes",
        }
    ),
    "interconnect.amazonaws.com": frozenset({"AcceptConnectionProposal", "CreateConnection", "DeleteConnection", "UpdateConnection"}),
    "networkmanager.amazonaws.com": frozenset(
        {"DeleteAttachment", "ExecuteCoreNetworkChangeSet", "PutCoreNetworkPolicy", "RestoreCoreNetworkPolicyVersion"}
    ),
}
"""The calls that can change where traffic between the clouds goes, by the service they are made to."""
_IDENTIFIERS = (
    "routetableid",
    "transitgatewayroutetableid",
    "prefixlistid",
    "destinationcidrblock",
    "destinationprefixlistid",
    "transitgatewayattachmentid",
    "transitgatewayid",
    "virtualinterfaceid",
    "associationid",
    "directconnectgatewayid",
    "identifier",
    "connectionid",
    "vpnconnectionid",
    "vpntunneloutsideipaddress",
    "corenetworkid",
    "attachmentid",
    "gatewayid",
)
"""Parameters that name what was changed, lower-cased, in the order in which a target names them."""


def recognises(letter: Letter) -> bool:
    """Say whether a letter is a CloudTrail record through EventBridge."""
    return str(letter.body.get("detail-type")).endswith("via CloudTrail")


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one API call."""
    return (_meaning(letter.body.table("detail")),)


def _meaning(detail: Table) -> Meaning:
    source, name = detail.name("eventSource"), detail.name("eventName")
    if name not in CALLS.get(source, frozenset()):
        return Ignored(reason=f"a call that moves no traffic between the clouds: {printable(name, _SHOWN)}")
    if detail.get("errorCode") not in (None, ""):
        return Ignored(reason=f"{name} failed ({detail.prose('errorCode', _SHOWN)}): nothing changed")
    if detail.table_or_empty("requestParameters").flag("dryRun"):
        return Ignored(reason=f"{name} was a dry run: nothing changed")
    identity = detail.table_or_empty("userIdentity")
    arn = identity.name_or_empty("arn")
    return Change(
        vantage=Vantage.AWS,
        what=name,
        target=_target(detail) or resource_id(source),
        seen_at=detail.time("eventTime"),
        who=arn or identity.name_or_empty("invokedBy") or identity.name_or_empty("type"),
        actor=actors.of_role_session(arn, detail.prose("userAgent", actors.AGENT_LIMIT)),
    )


def _target(detail: Table) -> str:
    found: dict[str, str] = {}
    for key, value in _parameters(detail.table_or_empty("requestParameters")):
        found.setdefault(key.lower(), value)
    return joined(found[key] for key in _IDENTIFIERS if key in found)


def _parameters(parameters: Table) -> Iterator[tuple[str, str]]:
    """Walk the texts of a call's parameters, flat or one level down (``ReplaceTransitGatewayRouteRequest``)."""
    for key in list(parameters.values)[:PARAMETERS_LIMIT]:
        value = parameters.get(key)
        if isinstance(value, dict):
            inner = parameters.table(key)
            yield from ((name, inner.name(name)) for name in list(value)[:PARAMETERS_LIMIT] if _is_identifier(name, value[name]))
        elif _is_identifier(key, value):
            yield key, parameters.name(key)


def _is_identifier(key: str, value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and key.lower() in _IDENTIFIERS
