"""What can be read from the network, as the two clouds' read APIs and as packets would tell."""

from collections.abc import Mapping

from pointsman.testing.network import cloud_router, transit
from pointsman.testing.network.blueprint import Side, SiteSpec, found
from pointsman.testing.network.cidrs import cidr
from pointsman.testing.network.policies import RoutePolicy
from pointsman.testing.network.routing import advertised, learned
from pointsman.testing.network.state import Session, State
from pointsman.testing.network.traffic import Traffic
from pointsman.testing.network.views import (
    BestRoute,
    FailoverTestView,
    PeerView,
    PrefixListView,
    Route,
    SessionView,
    TransitRoute,
    TunnelView,
)


class Reads:
    """Control-plane reads. Unknown names raise ``LookupError``."""

    _state: State
    _traffic: Traffic

    def traffic(self) -> Traffic:
        """Give what follows from the state as it is now, made anew only after a change."""
        if self._traffic.version != self._state.version:
            self._traffic = Traffic(self._state)
        return self._traffic

    def session(self, link: str, member: str, side: Side) -> SessionView:
        """Give one session as one end sees it."""
        return self._view(self._state.session(link, member), side)

    def session_up(self, link: str, member: str, side: Side) -> bool:
        """Say whether one end of a session is up, which costs less than the whole view."""
        return self._state.session(link, member).ends[side].up

    def sessions(self, link: str | None = None) -> tuple[SessionView, ...]:
        """Give every session (of one link) from both ends."""
        chosen = self._state.of_link(link) if link else tuple(self._state.sessions.values())
        return tuple(self._view(session, side) for session in chosen for side in Side)

    def _view(self, session: Session, side: Side) -> SessionView:
        end = session.ends[side]
        return SessionView(
            link=session.link.name,
            member=session.member.id,
            side=side,
            up=end.up,
            since=end.since,
            reason=end.reason,
            stale=end.routes and not end.up,
            accepted=len(learned(self._state, session, side)),
            advertised=len(advertised(self._state, session, side)) if end.up else 0,
        )

    def virtual_interface(self, virtual_interface: str) -> SessionView:
        """Give the AWS end of a virtual interface's session."""
        interfaces = {one.member.virtual_interface: one for one in self._state.sessions.values()}
        return self._view(found(interfaces, "virtual interface", virtual_interface), Side.AWS)

    def failover_tests(self, virtual_interface: str) -> tuple[FailoverTestView, ...]:
        """Give the failover tests of a virtual interface, newest first."""
        return tuple(self._state.settings.tests.get(virtual_interface, ()))

    def tunnel(self, name: str) -> TunnelView:
        """Give a VPN tunnel: ``vpn-..:OUTSIDE_IP`` its AWS end, ``SITE/NAME`` its Google end."""
        session, side = self._tunnel(name)
        end, view = session.ends[side], self._view(session, side)
        return TunnelView(link=view.link, member=view.member, up=end.tunnel_up, since=end.tunnel_since, session=view)

    def tunnel_up(self, name: str) -> bool:
        """Say whether one end of a VPN tunnel is up, which costs less than the whole view."""
        session, side = self._tunnel(name)
        return session.ends[side].tunnel_up

    def _tunnel(self, name: str) -> tuple[Session, Side]:
        sessions = self._state.sessions.values()
        ends = {f"{one.member.vpn}:{one.member.outside_ip}": (one, Side.AWS) for one in sessions if one.member.vpn}
        ends |= {f"{one.link.gcp_site}/{one.member.gcp_tunnel}": (one, Side.GCP) for one in sessions if one.member.gcp_tunnel}
        return found(ends, "tunnel", name)

    def connection_up(self, connection: str) -> bool:
        """Say whether a Direct Connect connection has light, or an AWS Interconnect (``mcc-``) some channel.

        It says nothing of routing, nor of a path that is lost further on (Direct Connect user guide, ConnectionState).
        """
        named = [one for one in self._state.sessions.values() if connection in {one.member.connection, one.link.aws_connection}]
        return any(Side.AWS not in one.dark for one in found({connection: named} if named else {}, "connection", connection))

    def transport_up(self, transport: str) -> bool:
        """Say whether a Partner Cross-Cloud Interconnect transport is operational."""
        named = {link.transport: link.name for link in self._state.links.values()}
        return self._operational(found(named, "transport", transport))

    def vlan_up(self, vlan_attachment: str) -> bool:
        """Say whether the interconnect of a VLAN attachment, ``SITE/NAME``, is operational."""
        named = {f"{link.gcp_site}/{link.vlan_attachment}": link.name for link in self._state.links.values()}
        return self._operational(found(named, "VLAN attachment", vlan_attachment))

    def _operational(self, link: str) -> bool:
        return any(Side.GCP not in one.dark for one in self._state.of_link(link))

    def maintenance(self, link: str) -> tuple[tuple[float, float], ...]:
        """Give a link's announced windows that have not ended: start and end in seconds."""
        return tuple(self._state.faults.windows.get(self._state.link(link).name, ()))

    def allowed_prefixes(self, association: str) -> tuple[str, ...]:
        """Give what a Direct Connect gateway association announces."""
        return found(self._state.settings.allowed, "association", association)

    def prefix_list(self, prefix_list: str) -> PrefixListView:
        """Give a managed prefix list."""
        cidrs, version = found(self._state.settings.prefix_lists, "prefix list", prefix_list)
        return PrefixListView(id=prefix_list, cidrs=cidrs, version=version)

    def prefix_list_references(self, route_table: str) -> Mapping[str, str | None]:
        """Map each prefix list that a route table refers to, to its attachment (None: a black-hole)."""
        return dict(found(self._state.settings.references, "route table", route_table))

    def static_routes(self, route_table: str) -> Mapping[str, str | None]:
        """Map each static route of a route table to its attachment (None: a black-hole)."""
        return dict(found(self._state.settings.statics, "route table", route_table))

    def transit_routes(self, route_table: str) -> tuple[TransitRoute, ...]:
        """Give the preferred route per prefix, as SearchTransitGatewayRoutes shows them; the others are not shown."""
        routes = found(self.traffic().tables, "route table", route_table)
        return tuple(routes[prefix] for prefix in sorted(routes, key=cidr))

    def transit_lookup(self, route_table: str, destination: str) -> TransitRoute | None:
        """Give the longest match for an address or CIDR."""
        return transit.lookup(found(self.traffic().tables, "route table", route_table), cidr(destination))

    def learned_by_aws(self, link: str) -> tuple[Route, ...]:
        """Give what the AWS ends of a link hold."""
        return tuple(route for session in self._state.of_link(link) for route in learned(self._state, session, Side.AWS))

    def peers(self, router: str) -> tuple[PeerView, ...]:
        """Give a Cloud Router's peers."""
        return tuple(self._peer_view(router, session) for session in self._state.at_router(router))

    def peer(self, router: str, name: str) -> PeerView:
        """Give one peer."""
        return found({one.name: one for one in self.peers(router)}, "peer", name)

    def _peer_view(self, router: str, session: Session) -> PeerView:
        settings, peer = self._state.peer_settings(session), session.member.peer
        assert peer is not None, "a router's sessions are those with a peer"
        end = session.ends[Side.GCP]
        return PeerView(
            router=router,
            name=peer.name,
            ip=peer.ip,
            enabled=settings.enabled,
            priority=settings.priority,
            imports=settings.imports,
            exports=settings.exports,
            custom_prefixes=settings.custom_prefixes,
            session=self._view(session, Side.GCP),
            learned=learned(self._state, session, Side.GCP),
            advertised=advertised(self._state, session, Side.GCP) if end.up else (),
        )

    def route_policies(self, router: str) -> tuple[RoutePolicy, ...]:
        """Give a router's route policies."""
        self._state.at_router(router)
        return tuple(policy for (at, _), policy in self._state.settings.policies.items() if at == router)

    def best_routes(self, router: str) -> tuple[BestRoute, ...]:
        """Give a router's best learned routes by prefix."""
        routes = cloud_router.best_routes(self._state, self._router_site(router))
        return tuple(routes[prefix] for prefix in sorted(routes, key=cidr))

    def _router_site(self, router: str) -> SiteSpec:
        sites = {site.router.name: site for site in self._state.blueprint.sites if site.router}
        return found(sites, "router", router)
