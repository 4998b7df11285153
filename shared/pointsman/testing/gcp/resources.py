"""What a look and a plan need beside routers: VLAN attachments, VPN tunnels, interconnects, static routes, operations.

How a dead interconnect shows on its attachment is not documented; here ``operationalStatus`` leaves ``OS_ACTIVE``
on both (unconfirmed).
"""

from typing import Any

from pointsman.testing.gcp.answers import ApiError, Call, Json, Route, invalid, merge, missing
from pointsman.testing.gcp.operations import scope_of
from pointsman.testing.gcp.world import World
from pointsman.testing.network.blueprint import LinkSpec, MemberSpec, Side, SiteSpec

_PROJECT = "/compute/v1/projects/{project}"
_REGION = _PROJECT + "/regions/{region}"
_LINKS = "https://www.googleapis.com/compute/v1/"


class Resources:
    """Answers from the model; attachment patches and routes are kept here."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._patches: dict[str, Json] = {}
        self._static: dict[str, Json] = {}

    def routes(self) -> tuple[Route, ...]:
        """Name the methods that are served."""
        vlan, tunnel, static = _REGION + "/interconnectAttachments", _REGION + "/vpnTunnels", _PROJECT + "/global/routes"
        return (
            Route(operation="interconnectAttachments.list", method="GET", path=vlan, answer=self.attachments),
            Route(operation="interconnectAttachments.get", method="GET", path=vlan + "/{name}", answer=self.attachment),
            Route(operation="interconnectAttachments.patch", method="PATCH", path=vlan + "/{name}", answer=self.patch_attachment),
            Route(operation="vpnTunnels.list", method="GET", path=tunnel, answer=self.tunnels),
            Route(operation="vpnTunnels.get", method="GET", path=tunnel + "/{name}", answer=self.tunnel),
            Route(operation="interconnects.list", method="GET", path=_PROJECT + "/global/interconnects", answer=self.interconnects),
            Route(operation="routes.list", method="GET", path=static, answer=self.static_routes),
            Route(operation="routes.get", method="GET", path=static + "/{name}", answer=self.static_route),
            Route(operation="routes.insert", method="POST", path=static, answer=self.insert_route),
            Route(operation="routes.delete", method="DELETE", path=static + "/{name}", answer=self.delete_route),
            Route(operation="regionOperations.get", method="GET", path=_REGION + "/operations/{name}", answer=self.operation),
            Route(operation="regionOperations.wait", method="POST", path=_REGION + "/operations/{name}/wait", answer=self.operation),
            Route(operation="globalOperations.get", method="GET", path=_PROJECT + "/global/operations/{name}", answer=self.operation),
            Route(
                operation="globalOperations.wait", method="POST", path=_PROJECT + "/global/operations/{name}/wait", answer=self.operation
            ),
        )

    def attachments(self, call: Call) -> Json:
        """List a region's VLAN attachments."""
        items = [self._attachment(site, link) for site, link in self._links(call) if link.vlan_attachment]
        return {"kind": "compute#interconnectAttachmentList", "items": items}

    def attachment(self, call: Call) -> Json:
        """Give one VLAN attachment."""
        return _named(self.attachments(call)["items"], call.names["name"])

    def patch_attachment(self, call: Call) -> Json:
        """Merge a patch into an attachment (bandwidth, description)."""
        name, place = call.names["name"], f"projects/{call.names['project']}/regions/{call.names['region']}"
        self.attachment(call)
        target = f"{place}/interconnectAttachments/{name}"
        return self._world.mutate("patch", target, lambda: self._patched(call, target), call)

    def tunnels(self, call: Call) -> Json:
        """List a region's VPN tunnels."""
        items = [self._tunnel(site, m) for site, link in self._links(call) for m in link.members if m.gcp_tunnel]
        return {"kind": "compute#vpnTunnelList", "items": items}

    def tunnel(self, call: Call) -> Json:
        """Give one VPN tunnel."""
        return _named(self.tunnels(call)["items"], call.names["name"])

    def interconnects(self, call: Call) -> Json:
        """List a project's interconnects with the outages that are expected of them."""
        items = [
            self._interconnect(site, link)
            for site in self._world.google_sites()
            for link in self._world.links_at(site)
            if link.vlan_attachment and site.account == call.names["project"]
        ]
        return {"kind": "compute#interconnectList", "items": items}

    def static_routes(self, call: Call) -> Json:
        """List a project's static routes."""
        place = f"{_LINKS}projects/{call.names['project']}/"
        return {"kind": "compute#routeList", "items": [one for one in self._static.values() if one["selfLink"].startswith(place)]}

    def static_route(self, call: Call) -> Json:
        """Give one static route."""
        return _named(self.static_routes(call)["items"], call.names["name"])

    def insert_route(self, call: Call) -> Json:
        """Create a static route to a VPN tunnel; a name that exists is refused."""
        body, target = call.body, f"projects/{call.names['project']}/global/routes/{call.body.get('name')}"
        if body.get("name") in self._static:
            raise ApiError(409, "alreadyExists", f"The resource '{target}' already exists")
        if not {"name", "destRange", "nextHopVpnTunnel", "network"} <= body.keys():
            raise invalid("a route needs name, network, destRange and nextHopVpnTunnel")
        site = self._site_of(call.names["project"], body)
        return self._world.mutate("insert", target, lambda: self._inserted(site, target, call), call)

    def delete_route(self, call: Call) -> Json:
        """Delete a static route."""
        route = self.static_route(call)
        target = str(route["selfLink"]).removeprefix(_LINKS)
        site = self._site_of(call.names["project"], route)
        return self._world.mutate("delete", target, lambda: self._deleted(site, route["name"], call.principal), call)

    def operation(self, call: Call) -> Json:
        """Give an operation; a wait is repeated by the server until it is done."""
        scope = scope_of(call.path.removeprefix("/compute/v1/"))
        return self._world.operations.find(scope, call.names["name"]).body()

    def _links(self, call: Call) -> list[tuple[SiteSpec, LinkSpec]]:
        place = (call.names["project"], call.names["region"])
        sites = [site for site in self._world.google_sites() if (site.account, site.region) == place]
        return [(site, link) for site in sites for link in self._world.links_at(site)]

    def _site_of(self, project: str, route: Json) -> SiteSpec:
        """Give the site of a static route: its network's, in the region of its tunnel."""
        network, tunnel = str(route["network"]), str(route["nextHopVpnTunnel"])
        for site in self._world.google_sites():
            if (site.account, site.hub) == (project, network.rpartition("/")[2]) and f"/regions/{site.region}/" in tunnel:
                return site
        raise missing(network)

    def _attachment(self, site: SiteSpec, link: LinkSpec) -> Json:
        name = str(link.vlan_attachment)
        region = f"{_LINKS}projects/{site.account}/regions/{site.region}"
        body: Json = {
            "kind": "compute#interconnectAttachment",
            "name": name,
            "selfLink": f"{region}/interconnectAttachments/{name}",
            "region": region,
            "router": f"{region}/routers/{site.router.name if site.router else ''}",
            "interconnect": f"{_LINKS}projects/{site.account}/global/interconnects/ic-{link.name}",
            "type": "DEDICATED",
            "state": "ACTIVE",
            "adminEnabled": True,
            "bandwidth": f"BPS_{link.capacity // 1_000_000_000}G",
            "mtu": link.mtu,
            "operationalStatus": _operational(up=self._world.network.vlan_up(f"{site.name}/{name}")),
        }
        return merge(body, self._patches.get(f"{region}/interconnectAttachments/{name}", {}))

    def _patched(self, call: Call, target: str) -> None:
        link = _LINKS + target
        self._patches[link] = merge(self._patches.get(link, {}), call.body)
        action = "v1.compute.interconnectAttachments.patch"
        self._world.network.note_call(Side.GCP, action, resource=target, request=call.body, principal=call.principal)

    def _tunnel(self, site: SiteSpec, member: MemberSpec) -> Json:
        name = str(member.gcp_tunnel)
        up = self._world.network.tunnel(f"{site.name}/{name}").up
        region = f"{_LINKS}projects/{site.account}/regions/{site.region}"
        return {
            "kind": "compute#vpnTunnel",
            "name": name,
            "selfLink": f"{region}/vpnTunnels/{name}",
            "region": region,
            "peerIp": member.outside_ip,
            "ikeVersion": 2,
            "status": "ESTABLISHED" if up else "NO_INCOMING_PACKETS",
            "detailedStatus": "Tunnel is up and running." if up else "No incoming packets from peer",
        }

    def _interconnect(self, site: SiteSpec, link: LinkSpec) -> Json:
        outages = [
            {
                "name": f"outage-{link.name}-{number}",
                "state": "ACTIVE",
                "issueType": "IT_OUTAGE",
                "source": "GOOGLE",
                "startTime": self._world.millis(start),
                "endTime": self._world.millis(end),
                "description": "planned maintenance",
            }
            for number, (start, end) in enumerate(self._world.network.maintenance(link.name))
        ]
        place = f"{_LINKS}projects/{site.account}"
        return {
            "kind": "compute#interconnect",
            "name": f"ic-{link.name}",
            "selfLink": f"{place}/global/interconnects/ic-{link.name}",
            "state": "ACTIVE",
            "operationalStatus": _operational(up=self._world.network.vlan_up(f"{site.name}/{link.vlan_attachment}")),
            "interconnectAttachments": [f"{place}/regions/{site.region}/interconnectAttachments/{link.vlan_attachment}"],
            "expectedOutages": outages,
        }

    def _inserted(self, site: SiteSpec, target: str, call: Call) -> None:
        body = call.body
        tunnel = str(body["nextHopVpnTunnel"]).rpartition("/")[2]
        priority = int(body.get("priority", 1000))
        self._world.network.add_static_route(
            site.name, body["name"], body["destRange"], tunnel, priority=priority, principal=call.principal
        )
        self._static[body["name"]] = body | {"kind": "compute#route", "selfLink": _LINKS + target, "priority": priority}

    def _deleted(self, site: SiteSpec, name: str, principal: str) -> None:
        self._world.network.delete_static_route(site.name, name, principal=principal)
        self._static.pop(name, None)


def _operational(*, up: bool) -> str:
    return "OS_ACTIVE" if up else "OS_UNPROVISIONED"


def _named(items: Any, name: str) -> Json:
    for item in items:
        if item["name"] == name:
            return dict(item)
    raise missing(name)
