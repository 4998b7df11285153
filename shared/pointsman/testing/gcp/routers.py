"""Cloud Routers over REST: the resource itself with merge patch, and its route policies with fingerprints.

REST reference: https://cloud.google.com/compute/docs/reference/rest/v1/routers
"""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from pointsman.core.values import canonical
from pointsman.testing.gcp.answers import ApiError, Call, Json, Route, invalid, merge, missing
from pointsman.testing.gcp.language import DIRECTIONS, parse
from pointsman.testing.gcp.world import World
from pointsman.testing.network.blueprint import BASE_MED, LinkSpec, MemberSpec, RouterSpec, SiteSpec

BASE = "/compute/v1/projects/{project}/regions/{region}/routers"
_ONE = BASE + "/{router}"


@dataclass(slots=True)
class Versions:
    """A resource's JSON now and before its last change, which a stale read still shows."""

    now: Json
    before: Json | None = None

    def put(self, body: Json) -> None:
        """Make this the newest."""
        self.before, self.now = self.now, body

    def seen(self, call: Call) -> Json:
        """Give what this call may see."""
        return self.before if call.stale and self.before is not None else self.now


@dataclass(slots=True)
class RouterState:
    """One Cloud Router with its policies, by name."""

    site: SiteSpec
    spec: RouterSpec
    resource: Versions
    policies: dict[str, Versions] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """Give the resource's path, which operations name."""
        return f"projects/{self.site.account}/regions/{self.site.region}/routers/{self.spec.name}"

    def peer(self, name: str) -> Json:
        """Give a peer's settings. Raises ``ApiError``."""
        for peer in self.resource.now["bgpPeers"]:
            if peer.get("name") == name:
                return dict(peer)
        raise missing(f"{self.target}/bgpPeers/{name}")


class Routers:
    """All routers of the network; patches go through to the model when their operation ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.states = [_state(world, site) for site in world.google_sites()]

    def routes(self) -> tuple[Route, ...]:
        """Name the methods that are served."""
        return (
            Route(operation="routers.list", method="GET", path=BASE, answer=self.list_all),
            Route(operation="routers.get", method="GET", path=_ONE, answer=self.get),
            Route(operation="routers.patch", method="PATCH", path=_ONE, answer=self.patch),
            Route(operation="routers.listRoutePolicies", method="GET", path=_ONE + "/listRoutePolicies", answer=self.list_policies),
            Route(operation="routers.getRoutePolicy", method="GET", path=_ONE + "/getRoutePolicy", answer=self.get_policy),
            Route(operation="routers.updateRoutePolicy", method="POST", path=_ONE + "/updateRoutePolicy", answer=self.update_policy),
            Route(operation="routers.patchRoutePolicy", method="POST", path=_ONE + "/patchRoutePolicy", answer=self.patch_policy),
            Route(operation="routers.deleteRoutePolicy", method="POST", path=_ONE + "/deleteRoutePolicy", answer=self.delete_policy),
        )

    def find(self, call: Call) -> RouterState:
        """Give the router that a call names. Raises ``ApiError``."""
        project, region, name = (call.names[key] for key in ("project", "region", "router"))
        for state in self.states:
            if (state.site.account, state.site.region) == (project, region) and name in (state.spec.name, state.spec.id):
                return state
        raise missing(f"projects/{project}/regions/{region}/routers/{name}")

    def list_all(self, call: Call) -> Json:
        """List a region's routers."""
        place = (call.names["project"], call.names["region"])
        items = [state.resource.seen(call) for state in self.states if (state.site.account, state.site.region) == place]
        return {"kind": "compute#routerList", "items": items}

    def get(self, call: Call) -> Json:
        """Give a router's JSON."""
        return self.find(call).resource.seen(call)

    def patch(self, call: Call) -> Json:
        """Merge a patch into a router; the peers' settings reach the model."""
        state = self.find(call)
        _check_peers(state, merge(state.resource.now, call.body))
        return self._mutate("patch", state, call, lambda: self._patched(state, call))

    def list_policies(self, call: Call) -> Json:
        """List a router's policies."""
        return {"kind": "compute#routersListRoutePolicies", "result": [one.seen(call) for one in self.find(call).policies.values()]}

    def get_policy(self, call: Call) -> Json:
        """Give one policy with its fingerprint."""
        state, name = self.find(call), call.need("policy")
        return {"resource": _policy(state, name).seen(call)}

    def update_policy(self, call: Call) -> Json:
        """Create a policy, or replace one whose fingerprint is given."""
        return self._write_policy("updateRoutePolicy", call, {})

    def patch_policy(self, call: Call) -> Json:
        """Merge a patch into a policy whose fingerprint is given."""
        state = self.find(call)
        return self._write_policy("patchRoutePolicy", call, _policy(state, call.body.get("name", "")).now)

    def delete_policy(self, call: Call) -> Json:
        """Delete a policy that no peer uses."""
        state, name = self.find(call), call.need("policy")
        _policy(state, name)
        if any(name in (*peer.get("importPolicies", ()), *peer.get("exportPolicies", ())) for peer in state.resource.now["bgpPeers"]):
            raise ApiError(400, "resourceInUseByAnotherResource", f"route policy {name} is attached to a peer")
        return self._mutate("deleteRoutePolicy", state, call, lambda: self._deleted(state, name, call.principal))

    def put_policy(self, state: RouterState, body: Json, principal: str) -> None:
        """Make a policy read as ``body``, with the fingerprint of that, in the face and in the model.

        The reference calls it "essentially a hash of the Route Policy": content that comes back brings its fingerprint back.
        """
        terms = {key: value for key, value in body.items() if key != "fingerprint"}
        stamp = hashlib.sha256(canonical([state.target, terms])).digest()[:8]
        body = terms | {"fingerprint": base64.b64encode(stamp).decode()}
        self._world.network.put_route_policy(
            state.spec.name, body["name"], DIRECTIONS[body["type"]], parse(body.get("terms", [])), principal=principal
        )
        state.policies.setdefault(body["name"], Versions({})).put(body)

    def put_router(self, state: RouterState, body: Json, principal: str) -> None:
        """Make a router read as ``body``, in the face and in the model."""
        for peer in body["bgpPeers"]:
            self._to_model(state, peer, principal)
        state.resource.put(body)

    def _write_policy(self, kind: str, call: Call, onto: Json) -> Json:
        state, name = self.find(call), str(call.body.get("name", ""))
        body = {key: value for key, value in merge(onto, call.body).items() if key != "fingerprint"}
        if body.get("type") not in DIRECTIONS or not name:
            raise invalid("a route policy needs a name and a type")
        parse(body.get("terms", []))
        self._world.operations.refuse_while_busy(state.target)
        held = state.policies.get(name)
        if held and held.now.get("fingerprint") != call.body.get("fingerprint"):
            raise ApiError(412, "conditionNotMet", "Labels fingerprint either invalid or resource labels have changed")
        if held and held.now["type"] != body["type"]:
            raise invalid("a route policy's type cannot change")
        return self._mutate(kind, state, call, lambda: self.put_policy(state, body, call.principal))

    def _mutate(self, kind: str, state: RouterState, call: Call, effect: Any) -> Json:
        return self._world.mutate(kind, state.target, effect, call)

    def _patched(self, state: RouterState, call: Call) -> None:
        self.put_router(state, merge(state.resource.now, call.body), call.principal)

    def _deleted(self, state: RouterState, name: str, principal: str) -> None:
        self._world.network.delete_route_policy(state.spec.name, name, principal=principal)
        state.policies.pop(name, None)

    def _to_model(self, state: RouterState, peer: Json, principal: str) -> None:
        network, router, name = self._world.network, state.spec.name, peer["name"]
        try:
            view = network.peer(router, name)
        except LookupError:
            return  # a peer that the model does not know carries nothing
        imports, exports = tuple(peer.get("importPolicies", ())), tuple(peer.get("exportPolicies", ()))
        if (imports, exports) != (view.imports, view.exports):
            network.attach_policies(router, name, imports, exports, principal=principal)
        if (priority := peer.get("advertisedRoutePriority", BASE_MED)) != view.priority:
            network.set_peer_priority(router, name, priority, principal=principal)
        if (enabled := peer.get("enable", "TRUE") != "FALSE") != view.enabled:
            network.set_peer_enabled(router, name, enabled, principal=principal)
        if (prefixes := _custom(peer)) != view.custom_prefixes:
            network.set_advertised(router, name, prefixes, principal=principal)


def _custom(peer: Json) -> tuple[str, ...] | None:
    if peer.get("advertiseMode") != "CUSTOM":
        return None
    return tuple(one["range"] for one in peer.get("advertisedIpRanges", ()))


def _policy(state: RouterState, name: str) -> Versions:
    if name not in state.policies:
        raise missing(f"{state.target}/routePolicies/{name}")
    return state.policies[name]


def _check_peers(state: RouterState, body: Json) -> None:
    names = [peer.get("name") for peer in body.get("bgpPeers", ())]
    if None in names or len(set(names)) < len(names):
        raise invalid("every BGP peer needs a name of its own")
    for peer in body.get("bgpPeers", ()):
        for key, kind in (("importPolicies", "ROUTE_POLICY_TYPE_IMPORT"), ("exportPolicies", "ROUTE_POLICY_TYPE_EXPORT")):
            for name in peer.get(key, ()):
                if _policy(state, name).now["type"] != kind:
                    raise invalid(f"route policy {name} cannot be used in {key}")


def _state(world: World, site: SiteSpec) -> RouterState:
    spec = site.router
    assert spec is not None, "google_sites gives sites with a router"
    peers = [_peer(link, member) for link in world.links_at(site) for member in link.members if member.peer]
    resource = {
        "kind": "compute#router",
        "id": spec.id,
        "name": spec.name,
        "region": f"https://www.googleapis.com/compute/v1/projects/{site.account}/regions/{site.region}",
        "network": f"https://www.googleapis.com/compute/v1/projects/{site.account}/global/networks/{site.hub}",
        "bgp": {"asn": spec.asn, "advertiseMode": "DEFAULT", "keepaliveInterval": 20},
        "interfaces": [{"name": peer["interfaceName"], "ipRange": f"{peer['ipAddress']}/30"} for peer in peers],
        "bgpPeers": peers,
    }
    return RouterState(site=site, spec=spec, resource=Versions(resource))


def _peer(link: LinkSpec, member: MemberSpec) -> Json:
    assert member.peer is not None, "the caller filters"
    bfd = link.timers.bfd
    return {
        "name": member.peer.name,
        "interfaceName": f"if-{member.peer.name}",
        "ipAddress": google_ip(member.peer.ip),
        "peerIpAddress": member.peer.ip,
        "peerAsn": 64512,
        "advertisedRoutePriority": BASE_MED,
        "advertiseMode": "DEFAULT",
        "managementType": "MANAGED_BY_USER",
        "enable": "TRUE",
        "enableIpv6": any(":" in one.prefix for announced in link.announces.values() for one in announced),
        "bfd": {"sessionInitializationMode": "ACTIVE" if bfd else "DISABLED", "multiplier": bfd.multiplier if bfd else 5},
    }


def google_ip(peer_ip: str) -> str:
    """Give Google's end of a /30: the other of its two host addresses."""
    head, _, last = peer_ip.rpartition(".")
    return f"{head}.{int(last) + (1 if int(last) % 4 == 1 else -1)}"
