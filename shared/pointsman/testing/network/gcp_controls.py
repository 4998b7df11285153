"""What Google Cloud's APIs change in the network."""

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.testing.network.blueprint import Side, found
from pointsman.testing.network.happenings import Kind, Reason
from pointsman.testing.network.policies import Direction, RoutePolicy, Term
from pointsman.testing.network.sessions import close, unblock
from pointsman.testing.network.state import PeerSettings, State, StaticRoute
from pointsman.testing.network.views import Refusal


class GcpControls:
    """Google writes; ``principal`` is who calls. Unknown names raise ``LookupError``, what Google refuses raises ``Refusal``."""

    _state: State

    def put_route_policy(self, router: str, name: str, direction: Direction, terms: Sequence[Term], *, principal: str = "operator") -> None:
        """Create or replace a route policy; peers that have it attached follow at once."""
        self._state.at_router(router)
        self._state.settings.policies[router, name] = RoutePolicy(router=router, name=name, direction=direction, terms=tuple(terms))
        self._gcp_called("put_route_policy", router, principal, policy=name, terms=len(terms))

    def delete_route_policy(self, router: str, name: str, *, principal: str = "operator") -> None:
        """Delete a route policy. Raises ``Refusal`` while a peer has it attached."""
        found(self._state.settings.policies, "route policy", (router, name))
        users = [peer for (at, peer), one in self._state.settings.peers.items() if at == router and name in (*one.imports, *one.exports)]
        if users:
            raise Refusal(f"route policy {name} is attached to {', '.join(users)}")
        del self._state.settings.policies[router, name]
        self._gcp_called("delete_route_policy", router, principal, policy=name)

    def attach_policies(
        self, router: str, peer: str, imports: Sequence[str], exports: Sequence[str], *, principal: str = "operator"
    ) -> None:
        """Replace a peer's import and export policies, in order; a policy that does not exist yet changes nothing."""
        settings = self._peer(router, peer)
        settings.imports, settings.exports = tuple(imports), tuple(exports)
        self._gcp_called("attach_policies", router, principal, peer=peer, imports=list(imports), exports=list(exports))

    def set_peer_priority(self, router: str, peer: str, priority: int, *, principal: str = "operator") -> None:
        """Set a peer's advertised route priority: the MED towards AWS."""
        self._peer(router, peer).priority = priority
        self._gcp_called("set_peer_priority", router, principal, peer=peer, priority=priority)

    def set_advertised(self, router: str, peer: str, prefixes: Sequence[str] | None, *, principal: str = "operator") -> None:
        """Announce these custom prefixes to a peer; None goes back to the default."""
        self._peer(router, peer).custom_prefixes = None if prefixes is None else tuple(prefixes)
        self._gcp_called("set_advertised", router, principal, peer=peer, prefixes=None if prefixes is None else list(prefixes))

    def set_peer_enabled(self, router: str, peer: str, enabled: bool, *, principal: str = "operator") -> None:  # noqa: FBT001 - the API's own yes or no
        """Disable or enable a peer: its session ends at once (CONFIG_DISABLED) or is established again."""
        settings = self._peer(router, peer)
        changed, settings.enabled = settings.enabled != enabled, enabled
        self._gcp_called("set_peer_enabled", router, principal, peer=peer, enabled=enabled)
        for session in tuple(self._state.at_router(router)):
            if changed and session.member.peer and session.member.peer.name == peer:
                if enabled:
                    unblock(self._state, session, "disabled")
                else:
                    close(self._state, session, "disabled", Side.GCP, Reason.CONFIG_DISABLED)

    def _peer(self, router: str, peer: str) -> PeerSettings:
        return found(self._state.settings.peers, "peer", (router, peer))

    def set_transport_routes(self, transport: str, prefixes: Sequence[str], *, principal: str = "operator") -> None:
        """Replace what a managed transport announces to AWS."""
        found(self._state.settings.transports, "transport", transport)
        self._state.settings.transports[transport] = tuple(prefixes)
        self._gcp_called("set_transport_routes", transport, principal, prefixes=list(prefixes))

    def add_static_route(
        self, site: str, name: str, prefix: str, tunnel: str, *, priority: int = 1000, principal: str = "operator"
    ) -> None:
        """Add a static route to a Cloud VPN tunnel. Raises ``Refusal`` when the name is taken: routes are immutable."""
        statics = self._state.settings.gcp_statics
        found({str(one.member.gcp_tunnel): one for one in self._state.sessions.values() if one.link.gcp_site == site}, "tunnel", tunnel)
        if (site, name) in statics:
            raise Refusal(f"route {name} already exists")
        statics[found(self._state.sites, "site", site).name, name] = StaticRoute(site, name, prefix, tunnel, priority)
        self._gcp_called("add_static_route", name, principal, prefix=prefix, tunnel=tunnel, priority=priority, site=site)

    def delete_static_route(self, site: str, name: str, *, principal: str = "operator") -> None:
        """Delete a static route."""
        found(self._state.settings.gcp_statics, "route", (site, name))
        del self._state.settings.gcp_statics[site, name]
        self._gcp_called("delete_static_route", name, principal, site=site)

    def note_call(self, side: Side, action: str, *, resource: str, request: Mapping[str, Any], principal: str) -> None:
        """Record an API write that does not change the network, so that its audit record is announced too."""
        self._state.emit(side, Kind.API_CALL, action=action, resource=resource, principal=principal, request=dict(request))

    def _gcp_called(self, action: str, resource: str, principal: str, **request: Any) -> None:
        self._state.emit(Side.GCP, Kind.API_CALL, action=action, resource=resource, principal=principal, request=request)
        self._state.touch()
