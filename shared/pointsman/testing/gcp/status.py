"""What a Cloud Router says of itself: live status, and the routes of a peer before and after its policies."""

from ipaddress import IPv4Address, IPv6Address, ip_network

from pointsman.testing.gcp.answers import Call, Json, Route, invalid
from pointsman.testing.gcp.routers import BASE, Routers, RouterState, google_ip
from pointsman.testing.gcp.world import World
from pointsman.testing.network.happenings import Reason
from pointsman.testing.network.views import BestRoute, PeerView
from pointsman.testing.network.views import Route as ModelRoute

_ONE = BASE + "/{router}"
_PAGE = 500
"""Routes that a page of a list holds at most, and where nothing is asked for (REST reference, ``maxResults``)."""
_SHUT = (Reason.NOTIFICATION_RECEIVED, Reason.BGP_PROCESS_STOPPED)
"""Session ends that take BFD down with them; after all others of an enabled peer BFD had its own reason."""


_FAR_BFD: Json = {"state": "UP", "multiplier": 3, "minTxIntervalMs": 300, "minRxIntervalMs": 300}
"""What AWS's end sends of BFD (Direct Connect user guide: 300 ms, three times)."""


class RouterReads:
    """Answers from the model."""

    def __init__(self, world: World, routers: Routers) -> None:
        self._world = world
        self._routers = routers

    def routes(self) -> tuple[Route, ...]:
        """Name the methods that are served."""
        return (
            Route(operation="routers.getRouterStatus", method="GET", path=_ONE + "/getRouterStatus", answer=self.status),
            Route(operation="routers.listBgpRoutes", method="GET", path=_ONE + "/listBgpRoutes", answer=self.bgp_routes),
        )

    def status(self, call: Call) -> Json:
        """Give best routes and every peer's session."""
        state = self._routers.find(call)
        network = state.resource.now["network"]
        best = [route for one in self._world.network.best_routes(state.spec.name) for route in _best(one, network)]
        peers = [self._peer(state, view, network) for view in self._world.network.peers(state.spec.name)]
        result = {"network": network, "bestRoutes": best, "bestRoutesForRouter": best, "bgpPeerStatus": peers}
        return {"kind": "compute#routerStatusResponse", "result": result}

    def bgp_routes(self, call: Call) -> Json:
        """List what a peer announced to us, or we to it."""
        state = self._routers.find(call)
        view = self._world.network.peer(state.spec.name, state.peer(call.need("peer"))["name"])
        kind, family = call.need("routeType"), call.need("addressFamily")
        if kind not in ("LEARNED", "ADVERTISED") or family not in ("IPV4", "IPV6"):
            raise invalid("routeType is LEARNED or ADVERTISED, addressFamily IPV4 or IPV6")
        routes = view.learned if kind == "LEARNED" else view.advertised
        within = call.query.get("destinationPrefix", "")
        found = [_bgp_route(one) for one in routes if _family(one.prefix) == family and _inside(one.prefix, within)]
        return {"kind": "compute#routersListBgpRoutes", **_paged(call, found)}

    def _peer(self, state: RouterState, view: PeerView, network: str) -> Json:
        session, up = view.session, view.session.up and view.enabled
        seconds = int(self._world.network.now - session.since) if up else 0
        found: Json = {
            "name": view.name,
            "ipAddress": google_ip(view.ip),
            "peerIpAddress": view.ip,
            "status": "UP" if up else "DOWN",
            "state": "Established" if up else "Idle",
            "uptime": f"{seconds} seconds",
            "uptimeSeconds": str(seconds),
            "numLearnedRoutes": session.accepted if up else 0,
            "enableIpv4": True,
            "enableIpv6": state.peer(view.name)["enableIpv6"],
            "md5AuthEnabled": False,
        }
        if found["enableIpv6"]:
            found |= {"ipv6NexthopAddress": _six(google_ip(view.ip)), "peerIpv6NexthopAddress": _six(view.ip)}
        if up:
            found["advertisedRoutes"] = [_route(one, network, _hop(one.prefix, google_ip(view.ip))) for one in view.advertised]
        if state.peer(view.name).get("bfd", {}).get("sessionInitializationMode") == "ACTIVE":
            found["bfdStatus"] = _bfd(up=up, shut=not view.enabled or session.reason in _SHUT)
        return found


def _bfd(*, up: bool, shut: bool) -> Json:
    if up:
        return {"localState": "UP", "localDiagnostic": "NO_DIAGNOSTIC", "rxPacket": _FAR_BFD}
    if shut:
        return {"localState": "ADMIN_DOWN", "localDiagnostic": "ADMINISTRATIVELY_DOWN"}
    return {"localState": "DOWN", "localDiagnostic": "CONTROL_DETECTION_TIME_EXPIRED"}


def _best(best: BestRoute, network: str) -> list[Json]:
    if best.static:
        return [{"kind": "compute#route", "network": network, "destRange": best.prefix, "priority": best.priority, "routeType": "STATIC"}]
    return [_route(hop, network, _hop(best.prefix, hop.peer_ip)) | {"priority": best.priority} for hop in best.next_hops]


def _route(route: ModelRoute, network: str, next_hop: str) -> Json:
    return {
        "kind": "compute#route",
        "network": network,
        "destRange": route.prefix,
        "priority": route.med,
        "nextHopIp": next_hop,
        "routeType": "BGP",
        "asPaths": [{"pathSegmentType": "AS_SEQUENCE", "asLists": list(route.as_path)}],
        "nextHopOrigin": "INCOMPLETE",
    }


def _bgp_route(route: ModelRoute) -> Json:
    return {
        "destination": {"prefix": route.prefix, "pathId": 0},
        "asPaths": [{"type": "AS_PATH_TYPE_SEQUENCE", "asns": list(route.as_path)}],
        "med": route.med,
        "origin": "BGP_ORIGIN_INCOMPLETE",
    }


def _paged(call: Call, found: list[Json]) -> Json:
    size, start = int(call.query.get("maxResults", _PAGE)), int(call.query.get("pageToken", 0))
    if not 0 < size <= _PAGE:
        raise invalid(f"maxResults is 1 to {_PAGE} here")
    after = start + size
    return {"result": found[start:after]} | ({"nextPageToken": str(after)} if after < len(found) else {})


def _family(prefix: str) -> str:
    return "IPV6" if ":" in prefix else "IPV4"


def _hop(prefix: str, ip: str) -> str:
    """Give the next hop of a route: IPv6 over a session between IPv4 addresses has one of its own."""
    return _six(ip) if _family(prefix) == "IPV6" else ip


def _six(ip: str) -> str:
    """Give the IPv6 next hop address of an interface: one of 2600:2d00:0:2::/64, where Cloud Router picks them, made of its IPv4 address."""
    return str(IPv6Address(int(IPv6Address("2600:2d00:0:2::")) + int(IPv4Address(ip))))


def _inside(prefix: str, within: str) -> bool:
    return not within or (_family(prefix) == _family(within) and ip_network(prefix).subnet_of(ip_network(within)))  # type: ignore[arg-type]
