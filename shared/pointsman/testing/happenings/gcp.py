"""Cloud Router and VPN log entries, Monitoring incidents and audit log pairs.

Sources: Cloud Router guide (viewing logs and metrics), Cloud Monitoring notification schema 1.2, Cloud Audit Logs.
A router's log names it by number and its peer by address. Managed transports send nothing of their sessions.
"""

from collections.abc import Iterator
from typing import Any

from pointsman.testing.happenings.events import Calendar, Form, Payload, number
from pointsman.testing.happenings.gcp_calls import audit_pair
from pointsman.testing.happenings.incidents import incident
from pointsman.testing.network.blueprint import Blueprint, LinkSpec, MemberSpec, Side, SiteSpec
from pointsman.testing.network.happenings import Happening, Kind, Reason

ROUTER_LOG = "compute.googleapis.com%2Frouter_events"
VPN_LOG = "cloud.googleapis.com%2Fipsec_events"


class GcpEvents:
    """Renders what Google announces of a network."""

    def __init__(self, blueprint: Blueprint, calendar: Calendar) -> None:
        self._plan = blueprint
        self._calendar = calendar

    def render(self, one: Happening) -> Iterator[tuple[Form, Payload]]:
        """Give the log entries and notifications of one happening; none where Google says nothing."""
        match one.kind:
            case Kind.INCIDENT:
                yield Form.INCIDENT, self._incident(one)
            case Kind.API_CALL:
                for entry in audit_pair(one, self._site_of_call(one), self._calendar):
                    yield Form.LOG_ENTRY, entry
            case Kind.TUNNEL_DOWN | Kind.TUNNEL_UP:
                yield Form.LOG_ENTRY, self._vpn(one)
            case Kind.ROUTER_MAINTENANCE:
                yield (
                    Form.LOG_ENTRY,
                    self._router(one, self._site_of_router(one.details["router"]), "Maintenance of router task: restarted"),
                )
            case Kind.SESSION_DOWN | Kind.SESSION_UP | Kind.BFD_DOWN | Kind.BFD_UP | Kind.ROUTE_ADDED | Kind.ROUTE_DELETED:
                yield Form.LOG_ENTRY, self._peer(one)
            case _:
                return

    def _place(self, one: Happening) -> tuple[LinkSpec, MemberSpec, SiteSpec]:
        link = self._plan.link(one.link)
        return link, next(member for member in link.members if member.id == one.member), self._plan.site(link.gcp_site)

    def _peer(self, one: Happening) -> dict[str, Any]:
        link, member, site = self._place(one)
        assert member.peer is not None, "only peers of ours are in a router's log"
        return self._router(one, site, sentence(one, link, member.peer.ip))

    def _router(self, one: Happening, site: SiteSpec, text: str) -> dict[str, Any]:
        labels = {"region": site.region, "router_id": site.router.id if site.router else "", "project_id": site.account}
        severity = "INFO" if one.kind in {Kind.ROUTE_ADDED, Kind.ROUTE_DELETED} else "NOTICE"
        return self._entry(
            one, site, ROUTER_LOG, {"textPayload": text, "resource": {"type": "gce_router", "labels": labels}, "severity": severity}
        )

    def _vpn(self, one: Happening) -> dict[str, Any]:
        _, member, site = self._place(one)
        text = "peer not responding, trying again" if one.kind is Kind.TUNNEL_DOWN else "CHILD_SA established with SPIs and TS"
        labels = {"project_id": site.account, "region": site.region, "gateway_id": number("gateway", one.link)}
        entry = {"textPayload": text, "resource": {"type": "vpn_gateway", "labels": labels}, "severity": "DEBUG"}
        entry["labels"] = {"tunnel_id": number("tunnel", member.gcp_tunnel)}
        return self._entry(one, site, VPN_LOG, entry)

    def _entry(self, one: Happening, site: SiteSpec, log: str, entry: dict[str, Any]) -> dict[str, Any]:
        return entry | {
            "insertId": f"{int(number(self._plan.name, one.number)):x}"[-14:],
            "timestamp": self._calendar.nanos(one.at),
            "receiveTimestamp": self._calendar.nanos(one.at + 0.04),
            "logName": f"projects/{site.account}/logs/{log}",
        }

    def _incident(self, one: Happening) -> dict[str, Any]:
        if one.member:
            _, member, site = self._place(one)
            return incident(one, site, member, self._calendar)
        return incident(one, self._plan.site(one.details["site"]), None, self._calendar)

    def _site_of_router(self, router: str) -> SiteSpec:
        return next(site for site in self._plan.sites if site.router and site.router.name == router)

    def _site_of_call(self, one: Happening) -> SiteSpec:
        """Find the site that a call belongs to; one that nothing names belongs to the first Google site."""
        resource, sites = one.details["resource"], [site for site in self._plan.sites if site.side is Side.GCP]
        by_transport = {link.transport: self._plan.site(link.gcp_site) for link in self._plan.links}
        named = one.details["request"].get("site")
        found = (site for site in sites if named == site.name or (site.router and site.router.name == resource))
        return by_transport.get(resource) or next(found, sites[0])


def sentence(one: Happening, link: LinkSpec, peer: str) -> str:
    """Word a router's log line about one peer (that a route which came is ``received by`` is unconfirmed)."""
    timers = link.timers
    match one.kind:
        case Kind.SESSION_DOWN:
            return f"BGP Event: BGP peering with {peer} went down with reason: {one.details.get('reason') or Reason.NOTIFICATION_RECEIVED}"
        case Kind.SESSION_UP:
            grace = f"graceful restart timer is {timers.graceful_restart:.0f} seconds"
            return f"BGP Event: BGP peering with {peer} came up 0 seconds ago, hold time is {timers.hold:.0f} seconds, {grace}"
        case Kind.BFD_DOWN:
            return f"BFD Event: BFD session with {peer} changed state from [Up, NoDiagnostic] to [Down, ControlDetectionTimeExpired]"
        case Kind.BFD_UP:
            return f"BFD Event: BFD session with {peer} changed state from [Down, NoDiagnostic] to [Up, NoDiagnostic]"
        case Kind.ROUTE_DELETED:
            return f"Route Event: Prefix {one.details['prefix']} Nexthops [{peer}] deleted from Cloud Router"
        case _:
            return f"Route Event: Prefix {one.details['prefix']} Nexthops [{peer}] received by Cloud Router"
