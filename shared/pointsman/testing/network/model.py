"""The network: faults and cloud controls go in, virtual time passes, and reads say what became of the traffic."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pointsman.testing.network.blueprint import Blueprint, Side
from pointsman.testing.network.happenings import Happening
from pointsman.testing.network.policies import Direction, RoutePolicy, Term
from pointsman.testing.network.views import (
    BestRoute,
    FailoverTestView,
    Path,
    PeerView,
    PrefixListView,
    ProbeResult,
    Route,
    SessionView,
    TransitRoute,
    TunnelView,
    Utilisation,
)


class Network:
    """A network in virtual time (float seconds from 0), deterministic for a seed. Unknown names raise ``LookupError``."""

    def __init__(self, blueprint: Blueprint, *, seed: int = 0) -> None:
        """Build it with every session up and settled at time 0."""
        self.blueprint = blueprint
        self.now = 0.0
        self.happenings: list[Happening] = []

    # time
    def advance(self, to: float) -> None:
        """Run everything due until ``to``; an earlier time than now does nothing."""
        raise NotImplementedError

    def next_event(self) -> float | None:
        """When something is due next."""
        raise NotImplementedError

    def lost_seconds(self) -> Mapping[str, float]:
        """Seconds of loss so far per flow (worse direction, weighted by the share lost)."""
        raise NotImplementedError

    # faults
    def cut(self, link: str, *, silent: bool = False, seen_by: Collection[Side] = tuple(Side)) -> None: ...
    def cut_member(self, link: str, member: str, *, silent: bool = False, seen_by: Collection[Side] = tuple(Side)) -> None: ...
    def degrade(self, link: str, loss: float) -> None: ...
    def blackhole(self, link: str) -> None: ...
    def heal(self, link: str) -> None: ...
    def maintain(self, link: str, start: float, end: float) -> None: ...
    def router_restart(self, router: str, *, takes: float = 8.0) -> None: ...

    # AWS controls; ``principal`` is who called, and goes into the CloudTrail record
    def start_failover_test(self, virtual_interface: str, minutes: int, *, principal: str = "operator") -> FailoverTestView:
        """Raises ``Refusal`` when one runs already. A managed interconnect's ``mcc-`` id is taken too."""
        raise NotImplementedError

    def stop_failover_test(self, virtual_interface: str, *, principal: str = "operator") -> FailoverTestView:
        """Raises ``Refusal`` when none runs."""
        raise NotImplementedError

    def set_static_route(
        self, route_table: str, cidr: str, attachment: str | None, *, blackhole: bool = False, principal: str = "operator"
    ) -> None:
        """attachment None and not blackhole: delete it."""

    def set_prefix_list(self, prefix_list: str, cidrs: Sequence[str], version: int | None, *, principal: str = "operator") -> PrefixListView:
        """``version`` is the current one (compare-and-set; None: don't compare). Raises ``Refusal``."""
        raise NotImplementedError

    def set_prefix_list_reference(
        self, route_table: str, prefix_list: str, attachment: str | None, *, blackhole: bool = False, principal: str = "operator"
    ) -> None: ...

    def set_allowed_prefixes(self, association: str, cidrs: Sequence[str], *, principal: str = "operator") -> None: ...

    # Google controls
    def put_route_policy(
        self, router: str, name: str, direction: Direction, terms: Sequence[Term], *, principal: str = "operator"
    ) -> None: ...
    def delete_route_policy(self, router: str, name: str, *, principal: str = "operator") -> None: ...
    def attach_policies(
        self, router: str, peer: str, imports: Sequence[str], exports: Sequence[str], *, principal: str = "operator"
    ) -> None: ...
    def set_peer_priority(self, router: str, peer: str, priority: int, *, principal: str = "operator") -> None: ...
    def set_peer_enabled(self, router: str, peer: str, enabled: bool, *, principal: str = "operator") -> None: ...
    def set_advertised(self, router: str, peer: str, prefixes: Sequence[str] | None, *, principal: str = "operator") -> None: ...
    def set_transport_routes(self, transport: str, prefixes: Sequence[str], *, principal: str = "operator") -> None: ...
    def add_static_route(
        self, site: str, name: str, prefix: str, tunnel: str, *, priority: int = 1000, principal: str = "operator"
    ) -> None: ...
    def delete_static_route(self, site: str, name: str, *, principal: str = "operator") -> None: ...

    def note_call(self, side: Side, action: str, *, resource: str, request: Mapping[str, Any], principal: str) -> None:
        """Record an API write that the network itself does not know (a face calls this)."""

    # reads
    def session(self, link: str, member: str, side: Side) -> SessionView:
        raise NotImplementedError

    def sessions(self, link: str | None = None) -> tuple[SessionView, ...]:
        raise NotImplementedError

    def virtual_interface(self, virtual_interface: str) -> SessionView:
        """The AWS end of a virtual interface's session."""
        raise NotImplementedError

    def failover_tests(self, virtual_interface: str) -> tuple[FailoverTestView, ...]:
        """Newest first, bounded."""
        raise NotImplementedError

    def tunnel(self, name: str) -> TunnelView:
        """``vpn-..:OUTSIDE_IP`` gives the AWS end, a Cloud VPN tunnel's name the Google end."""
        raise NotImplementedError

    def connection_up(self, connection: str) -> bool:
        """A Direct Connect connection (light on the cross-connect) or an AWS Interconnect (``mcc-``)."""
        raise NotImplementedError

    def transport_up(self, transport: str) -> bool:
        raise NotImplementedError

    def vlan_up(self, vlan_attachment: str) -> bool:
        """Whether the attachment's interconnect is operational."""
        raise NotImplementedError

    def maintenance(self, link: str) -> tuple[tuple[float, float], ...]:
        """Announced windows that have not ended: start, end in seconds."""
        raise NotImplementedError

    def allowed_prefixes(self, association: str) -> tuple[str, ...]:
        raise NotImplementedError

    def prefix_list(self, prefix_list: str) -> PrefixListView:
        raise NotImplementedError

    def prefix_list_references(self, route_table: str) -> Mapping[str, str | None]:
        """prefix list -> attachment (None: black-hole)."""
        raise NotImplementedError

    def transit_routes(self, route_table: str) -> tuple[TransitRoute, ...]:
        """The preferred route per prefix, as SearchTransitGatewayRoutes shows them."""
        raise NotImplementedError

    def transit_lookup(self, route_table: str, destination: str) -> TransitRoute | None:
        """Longest-prefix match for an address or CIDR."""
        raise NotImplementedError

    def peers(self, router: str) -> tuple[PeerView, ...]:
        raise NotImplementedError

    def peer(self, router: str, name: str) -> PeerView:
        raise NotImplementedError

    def route_policies(self, router: str) -> tuple[RoutePolicy, ...]:
        raise NotImplementedError

    def best_routes(self, router: str) -> tuple[BestRoute, ...]:
        raise NotImplementedError

    def learned_by_aws(self, link: str) -> tuple[Route, ...]:
        """What the AWS ends of a link hold."""
        raise NotImplementedError

    def path(self, flow: str) -> Path:
        raise NotImplementedError

    def path_between(self, source: str, destination: str) -> Path:
        """The same for two addresses (of a flow, or of a probe)."""
        raise NotImplementedError

    def reaches(self, source: str, destination: str) -> bool:
        """Whether packets from one site (or address) arrive at the other; one direction."""
        raise NotImplementedError

    def utilisation(self, link: str) -> Utilisation:
        raise NotImplementedError

    def loss(self, flow: str) -> float:
        """The worse direction's share of lost packets."""
        raise NotImplementedError

    def probe(self, link: str, from_site: str) -> ProbeResult:
        """Over that link only, there and back."""
        raise NotImplementedError
