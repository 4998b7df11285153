"""Google audit logs: somebody changed a router, route, tunnel or attachment, or we did.

A long-running call logs a pair, ``operation.first`` (with the request) and ``operation.last``: the first is counted.
Source: cloud.google.com/logging/docs/audit/understanding-audit-logs.
"""

import re
from collections.abc import Iterable

from pointsman.core.sightings import Change, Ignored, Meaning, Vantage
from pointsman.wire import actors
from pointsman.wire.fields import Table, printable
from pointsman.wire.gcp.log_entry import log_id
from pointsman.wire.record import Letter
from pointsman.wire.targets import joined

LOG_ID = "cloudaudit.googleapis.com/activity"
_SHOWN = 80
_RESOURCES = "routers|routes|interconnectAttachments|interconnects|vpnTunnels|vpnGateways|externalVpnGateways"
_VERBS = "insert|delete|patch|update|updateRoutePolicy|patchRoutePolicy|deleteRoutePolicy|addPeering|removePeering|updatePeering"
COMPUTE = re.compile(rf"(?:v1|beta|alpha)\.compute\.(?:{_RESOURCES}|networks)\.(?:{_VERBS})")
CONNECTIVITY = re.compile(
    r"google\.cloud\.networkconnectivity\.[a-z0-9]{1,10}\.(?:TransportManager|HubService)\."
    r"(?:Create|Update|Delete|Accept|Reject)[A-Z][A-Za-z]{1,40}"
)


def recognises(letter: Letter) -> bool:
    """Say whether a letter is an entry of an audit log."""
    kind = letter.body.table_or_empty("protoPayload").get("@type") if isinstance(letter.body.get("protoPayload"), dict) else None
    return log_id(letter).startswith("cloudaudit.googleapis.com/") or kind == "type.googleapis.com/google.cloud.audit.AuditLog"


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one API call."""
    return (_meaning(letter.body, letter.body.table("protoPayload")),)


def _meaning(entry: Table, payload: Table) -> Meaning:
    method = payload.name("methodName")
    if not COMPUTE.fullmatch(method) and not CONNECTIVITY.fullmatch(method):
        return Ignored(reason=f"a call that moves no traffic between the clouds: {printable(method, _SHOWN)}")
    operation = entry.table_or_empty("operation")
    if operation.flag("last") and not operation.flag("first"):
        return Ignored(reason="the second half of a pair: the call was counted when it began")
    if payload.table_or_empty("status").get("code") not in (None, 0):
        return Ignored(reason=f"{printable(method, _SHOWN)} failed: nothing changed")
    who = payload.table_or_empty("authenticationInfo").name_or_empty("principalEmail")
    about = payload.get("requestMetadata")
    agent = Table(values=about).prose("callerSuppliedUserAgent", actors.AGENT_LIMIT) if isinstance(about, dict) else ""
    return Change(
        vantage=Vantage.GCP,
        what=method,
        target=joined([payload.name("resourceName")]),
        seen_at=entry.time("timestamp"),
        who=who,
        actor=actors.of_principal(who, agent),
    )
