"""What a Cloud Router says of itself: live status, and the routes of a peer before and after its policies."""

from ipaddress import ip_network

from pointsman.testing.gcp.answers import Call, Json, Route, invalid
from pointsman.testing.gcp.routers import BASE, Routers, RouterState, google_ip
from pointsman.testing.gcp.world import World
from pointsman.testing.network.happenings import Reason
from pointsman.testing.network.views import BestRoute, PeerView
from pointsman.testing.network.views import Route as ModelRoute

_ONE = BASE + "/{router}"
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
        found = [_bgp_route(one) for one in routes if family == "IPV4" and _inside(one.prefix, within)]
        return {"kind": "compute#routersListBgpRoutes", "result": found}

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
            "enableIpv6": False,
            "md5AuthEnabled": False,
        }
        if up:
            found["advertisedRoutes"] = [_route(one, network, google_ip(view.ip)) for one in view.advertised]
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
    return [_route(hop, network, hop.peer_ip) | {"priority": best.priority} for hop in best.next_hops]


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


def _inside(prefix: str, within: str) -> bool:
    return not within or ip_network(prefix).subnet_of(ip_network(within))  # type: ignore[arg-type]
