"""Network Manager, CloudWatch, Health and CloudTrail events, in the shapes of EventBridge.

Sources: the Transit Gateway Network Manager guide (monitoring events; all are delivered in us-west-2), the CloudWatch
guide (alarm events), the AWS Health guide (EventBridge schema). Direct Connect's BGP and AWS Interconnect send none.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pointsman.testing.happenings.alarms import alarm
from pointsman.testing.happenings.aws_calls import call
from pointsman.testing.happenings.events import Calendar, Payload, identifier
from pointsman.testing.network.blueprint import Blueprint, LinkSpec, LinkType, MemberSpec, Side, SiteSpec
from pointsman.testing.network.happenings import Happening, Kind

HOME = "us-west-2"
"""Where Network Manager delivers every event, whatever the link's Region."""

_STATUS = {
    Kind.SESSION_DOWN: ("VPN-CONNECTION-BGP-DOWN", "BGP for a VPN connection has gone down."),
    Kind.SESSION_UP: ("VPN-CONNECTION-BGP-ESTABLISH", "BGP for a VPN connection has been established."),
    Kind.TUNNEL_DOWN: ("VPN-CONNECTION-IPSEC-DOWN", "IPsec for a VPN connection has gone down."),
    Kind.TUNNEL_UP: ("VPN-CONNECTION-IPSEC-UP", "IPsec for a VPN connection has come up."),
}


class AwsEvents:
    """Renders what AWS announces of a network."""

    def __init__(self, blueprint: Blueprint, calendar: Calendar) -> None:
        self._plan = blueprint
        self._calendar = calendar

    def render(self, one: Happening) -> Iterator[Payload]:
        """Give the EventBridge events of one happening; none where AWS says nothing."""
        match one.kind:
            case Kind.SESSION_DOWN | Kind.SESSION_UP | Kind.TUNNEL_DOWN | Kind.TUNNEL_UP:
                yield self._status(one)
            case Kind.ROUTES_INSTALLED | Kind.ROUTES_UNINSTALLED:
                yield from self._routing(one)
            case Kind.ALARM:
                yield self._alarm(one)
            case Kind.MAINTENANCE_ANNOUNCED:
                yield from self._health(one)
            case Kind.API_CALL:
                yield self._call(one)
            case _:
                return

    def _envelope(self, one: Happening, site: SiteSpec, kind: str, source: str, detail: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "version": "0",
            "id": identifier(self._plan.name, one.number),
            "detail-type": kind,
            "source": source,
            "account": site.account,
            "time": self._calendar.whole(one.at),
            "region": HOME if source == "aws.networkmanager" else site.region,
            "resources": [],
            "detail": dict(detail),
        }

    def _managed(self, one: Happening, site: SiteSpec, kind: str, detail: Mapping[str, Any], resource: str) -> dict[str, Any]:
        event = self._envelope(one, site, kind, "aws.networkmanager", detail)
        event["resources"] = [
            f"arn:aws:networkmanager::{site.account}:global-network/global-network-{identifier(site.hub)[-12:]}",
            resource,
        ]
        return event

    def _status(self, one: Happening) -> dict[str, Any]:
        link, member, site = self._place(one)
        word, description = _STATUS[one.kind]
        vpn = ec2_arn(site, "vpn-connection", member.vpn or "")
        detail = {
            "changeType": word,
            "changeDescription": description,
            "region": site.region,
            "transitGatewayAttachmentArn": ec2_arn(site, "transit-gateway-attachment", member.attachment),
            "vpnConnectionArn": vpn,
            "outsideIpAddress": member.outside_ip,
        }
        if one.kind in {Kind.SESSION_DOWN, Kind.SESSION_UP}:
            router = self._plan.site(link.gcp_site).router
            detail["peerAsn"] = str(router.asn if router else 16550)
        detail["transitGatewayArn"] = ec2_arn(site, "transit-gateway", site.hub)
        return self._managed(one, site, "Network Manager Status Update", detail, vpn)

    def _place(self, one: Happening) -> tuple[LinkSpec, MemberSpec, SiteSpec]:
        link = self._plan.link(one.link)
        return link, next(member for member in link.members if member.id == one.member), self._plan.site(link.aws_site)

    def _routing(self, one: Happening) -> Iterator[dict[str, Any]]:
        """Give a routing update; ``sequenceNumber`` is in milliseconds. Only a Transit Gateway sends this form."""
        site = next(site for site in self._plan.sites if one.details["table"] in site.route_tables)
        if not site.hub.startswith("tgw-"):
            return
        word = "INSTALLED" if one.kind is Kind.ROUTES_INSTALLED else "UNINSTALLED"
        hub = ec2_arn(site, "transit-gateway", site.hub)
        detail = {
            "changeType": f"TGW-ROUTE-{word}",
            "changeDescription": f"Routes in one or more Transit Gateway route tables have been {word.lower()}.",
            "region": site.region,
            "transitGatewayRouteTableArns": [ec2_arn(site, "transit-gateway-route-table", one.details["table"])],
            "sequenceNumber": int(self._calendar.at(one.at).timestamp() * 1000),
            "routes": [self._route(route) for route in one.details["routes"]],
            "transitGatewayArn": hub,
        }
        yield self._managed(one, site, "Network Manager Routing Update", detail, hub)

    def _route(self, route: Mapping[str, Any]) -> dict[str, Any]:
        learned = route["origin"] == "propagated"
        shown: dict[str, Any] = {
            "destinationCidrBlock": route["prefix"],
            "attachments": [self._attachment(one) for one in route["attachments"]],
            "routeType": "route_propagated" if learned else "route_static",
            "routeState": route["state"],
        }
        if learned:
            shown["propagatedRouteFamily"] = "bgp"
            shown["bgpAttributes"] = {"med": str(route["med"]), "asPath": [f"AS_SEQ: {list(route['as_path'])}"]}
        return shown

    def _attachment(self, name: str) -> dict[str, str]:
        link = next(link for link in self._plan.links if name in link.attachments)
        if link.type is not LinkType.VPN:
            return {"tgwAttachmentId": name, "resourceId": link.dx_gateway or "", "attachmentType": "direct-connect-gateway"}
        member = next(member for member in link.members if member.attachment == name)
        return {"tgwAttachmentId": name, "resourceId": f"{member.vpn}({member.outside_ip})", "attachmentType": "vpn"}

    def _alarm(self, one: Happening) -> dict[str, Any]:
        site = self._plan.site(one.details["site"]) if "site" in one.details else self._place(one)[2]
        member = self._place(one)[1] if one.member else None
        event = self._envelope(one, site, "CloudWatch Alarm State Change", "aws.cloudwatch", alarm(one, site, member, self._calendar))
        event["resources"] = [f"arn:aws:cloudwatch:{site.region}:{site.account}:alarm:{one.details['name']}"]
        return event

    def _health(self, one: Happening) -> Iterator[dict[str, Any]]:
        """Give the scheduled change of a Direct Connect link; no other link's maintenance is announced by an event."""
        link = self._plan.link(one.link)
        site = self._plan.site(link.aws_site)
        entities = [name for member in link.members for name in (member.connection, member.virtual_interface) if name]
        if link.type is LinkType.DXGW and entities:
            event = self._envelope(one, site, "AWS Health Event", "aws.health", self._scheduled(one, site, entities))
            event["resources"] = entities
            yield event

    def _scheduled(self, one: Happening, site: SiteSpec, entities: Sequence[str]) -> dict[str, Any]:
        code, unique = "AWS_DIRECTCONNECT_MAINTENANCE_SCHEDULED", identifier("health", self._plan.name, one.number)
        now = self._calendar.rfc1123(one.at)
        return {
            "eventArn": f"arn:aws:health:{site.region}::event/DIRECTCONNECT/{code}/{code}_{unique[:8].upper()}",
            "service": "DIRECTCONNECT",
            "eventTypeCode": code,
            "eventTypeCategory": "scheduledChange",
            "eventScopeCode": "ACCOUNT_SPECIFIC",
            "communicationId": f"{unique}-1",
            "startTime": self._calendar.rfc1123(one.details["start"]),
            "endTime": self._calendar.rfc1123(one.details["end"]),
            "lastUpdatedTime": now,
            "statusCode": "upcoming",
            "eventRegion": site.region,
            "eventDescription": [{"language": "en_US", "latestDescription": "Planned maintenance of a Direct Connect endpoint."}],
            "eventMetadata": {},
            "affectedEntities": [{"entityValue": name, "status": "PENDING", "lastUpdatedTime": now} for name in entities],
            "affectedAccount": site.account,
            "page": "1",
            "totalPages": "1",
        }

    def _call(self, one: Happening) -> dict[str, Any]:
        site = self._site_of(str(one.details["resource"]))
        detail = call(one, site, self._calendar)
        source = "aws." + detail["eventSource"].partition(".")[0]
        return self._envelope(one, site, "AWS API Call via CloudTrail", source, detail)

    def _site_of(self, resource: str) -> SiteSpec:
        """Find the site that a called resource belongs to; one that nothing names belongs to the first AWS site."""
        for link in self._plan.links:
            names = {link.association, link.aws_connection, *(member.virtual_interface for member in link.members)}
            if resource in names:
                return self._plan.site(link.aws_site)
        sites = [site for site in self._plan.sites if site.side is Side.AWS]
        return next((site for site in sites if resource in site.route_tables), sites[0])


def ec2_arn(site: SiteSpec, kind: str, name: str) -> str:
    """Write the ARN of an EC2 networking resource."""
    return f"arn:aws:ec2:{site.region}:{site.account}:{kind}/{name}"
