"""Where packets go and whether they arrive: both directions of every flow, loads, overload and probes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from pointsman.testing.network import cloud_router, transit
from pointsman.testing.network.blueprint import FlowSpec, LinkSpec, Side
from pointsman.testing.network.cidrs import Cidr, cidr, parts
from pointsman.testing.network.state import Session, State
from pointsman.testing.network.views import BestRoute, Broken, Path, ProbeResult, Route, Share, TransitRoute, Utilisation, Way

Offers = Mapping[tuple[str, Side], float]
"""Bits per second that are handed to a link towards a side."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What is forwarded: to which address, from which site to which, how big (0: small enough), by which route table."""

    target: Cidr
    source: str
    destination: str
    towards: Side
    size: int
    route_table: str


class Traffic:
    """Everything that follows from one version of the state; made anew when the state changes."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.version = state.version
        self.held = transit.held_by_aws(state)
        self.probes: dict[tuple[str, str], ProbeResult] = {}

    @cached_property
    def tables(self) -> Mapping[str, dict[str, TransitRoute]]:
        """Give every Transit Gateway route table's preferred routes."""
        return {name: transit.table(self.state, name, self.held) for name in self.state.tables()}

    @cached_property
    def networks(self) -> Mapping[str, dict[str, BestRoute]]:
        """Give every VPC network's routes by site."""
        sites = (site for site in self.state.blueprint.sites if site.side is Side.GCP)
        return {site.name: cloud_router.network_routes(self.state, site) for site in sites}

    @cached_property
    def paths(self) -> Mapping[str, Path]:
        """Give every flow's two directions, overload included."""
        return {
            name: Path(to_gcp=self._squeezed(ways[Side.GCP], Side.GCP), to_aws=self._squeezed(ways[Side.AWS], Side.AWS))
            for name, ways in self._raw.items()
        }

    @cached_property
    def _raw(self) -> Mapping[str, Mapping[Side, Way]]:
        return {flow.name: {side: self._flow_way(flow, side) for side in Side} for flow in self.state.blueprint.flows}

    @cached_property
    def offers(self) -> Offers:
        """Add up what flows hand to each link; what is lost on a grey link was still handed to it."""
        offered: dict[tuple[str, Side], float] = {}
        for flow in self.state.blueprint.flows:
            for side, way in self._raw[flow.name].items():
                for one in way.shares:
                    if one.broken in {None, Broken.PACKETS_LOST}:
                        offered[one.link, side] = offered.get((one.link, side), 0.0) + one.share * flow.demand
        return offered

    def utilisation(self, link: LinkSpec) -> Utilisation:
        """Divide what is offered by what can be carried now, each way."""
        return Utilisation(to_gcp=self._used(link, Side.GCP), to_aws=self._used(link, Side.AWS))

    def _used(self, link: LinkSpec, side: Side) -> float:
        offered, capacity = self.offers.get((link.name, side), 0.0), self.capacity(link)
        if not capacity:
            return float("inf") if offered else 0.0
        return offered / capacity

    def capacity(self, link: LinkSpec) -> float:
        """Give what a link carries now in bits per second: each member its part."""
        sessions = self.state.of_link(link.name)
        return link.capacity * sum(one.carries for one in sessions) / len(sessions)

    def _overload(self, link: str, side: Side) -> float:
        """Give the excess share, which all classes lose alike: routers do not police priority."""
        used = self._used(self.state.link(link), side)
        return max(0.0, 1.0 - 1.0 / used) if used else 0.0

    def _squeezed(self, way: Way, side: Side) -> Way:
        return Way(shares=tuple(one if one.broken else self._squeeze(one, side) for one in way.shares))

    def _squeeze(self, one: Share, side: Side) -> Share:
        lost = self._overload(one.link, side)
        return replace(one, loss=1.0 - (1.0 - one.loss) * (1.0 - lost)) if lost else one

    def _flow_way(self, flow: FlowSpec, towards: Side) -> Way:
        prefixes = flow.prefixes[towards]
        source, destination = (flow.aws_site, flow.gcp_site) if towards is Side.GCP else (flow.gcp_site, flow.aws_site)
        known = self._known(source, towards, flow.route_table)
        shares = [
            one if part == len(prefixes) else replace(one, share=one.share * part / len(prefixes))
            for prefix in prefixes
            for target, part in parts(prefix, known)
            for one in self.shares(Packet(target, source, destination, towards, flow.packet, flow.route_table))
        ]
        return Way(shares=tuple(_merged(shares)))

    def _known(self, source: str, towards: Side, route_table: str) -> Iterable[str]:
        return self.tables[route_table] if towards is Side.GCP else self.networks[source]

    def way(self, packet: Packet) -> Way:
        """Follow one packet, overload included."""
        return self._squeezed(Way(shares=tuple(_merged(self.shares(packet)))), packet.towards)

    def shares(self, packet: Packet) -> Iterator[Share]:
        """Split a packet's traffic over its equal-cost next hops."""
        hops = self._from_aws(packet) if packet.towards is Side.GCP else self._from_gcp(packet)
        for route, part in hops:
            yield self._carried(packet, route, part) if isinstance(route, Route) else Share(link="", member="", share=part, broken=route)

    def _from_aws(self, packet: Packet) -> Iterator[tuple[Route | Broken, float]]:
        """Forward by the route table, then inside each attachment.

        An override whose attachment holds no route any more black-holes its part (unconfirmed: assumed).
        """
        entry = transit.lookup(self.tables[packet.route_table], packet.target)
        if entry is None or not entry.attachments:
            yield (Broken.BLACKHOLE_ROUTE if entry else Broken.NO_ROUTE), 1.0
            return
        for attachment in entry.attachments:
            hops = transit.forwards(self.held, attachment, packet.target)
            part = 1.0 / len(entry.attachments)
            yield from ((hop, part / len(hops)) for hop in hops)
            if not hops:
                yield Broken.DEAD_PIN, part

    def _from_gcp(self, packet: Packet) -> Iterator[tuple[Route | Broken, float]]:
        best = cloud_router.lookup(self.networks[packet.source], packet.target)
        if best is None or not best.next_hops:
            yield (Broken.BLACKHOLE_ROUTE if best else Broken.NO_ROUTE), 1.0
            return
        yield from ((hop, 1.0 / len(best.next_hops)) for hop in best.next_hops)

    def _carried(self, packet: Packet, route: Route, part: float) -> Share:
        session = self.state.session(route.link, route.member)
        broken = self._broken(packet, session)
        return Share(link=route.link, member=route.member, share=part, broken=broken, loss=self.state.faults.loss.get(route.link, 0.0))

    def _broken(self, packet: Packet, session: Session) -> Broken | None:
        link = session.link
        if packet.destination not in {link.aws_site, link.gcp_site}:
            return Broken.ASTRAY
        if not session.carries:
            return Broken.LINK_CUT
        if packet.size > link.mtu:
            return Broken.MTU
        return Broken.PACKETS_LOST if packet.towards in self.state.faults.grey.get(link.name, ()) else None

    def probe(self, link: LinkSpec, there: Way, back: Way) -> ProbeResult:
        """Give the round trip of a probe that counts on this link only."""
        good = _arriving(there, link.name) * _arriving(back, link.name)
        return ProbeResult(loss=1.0 - good, rtt=2 * link.delay if good else None)

    def bare_probe(self, link: LinkSpec) -> ProbeResult:
        """Give the round trip over a link that has no probe addresses: over any member whose both ends hold routes."""
        sessions = self.state.of_link(link.name)
        whole = any(one.carries and all(end.routes for end in one.ends.values()) for one in sessions)
        grey, loss = self.state.faults.grey.get(link.name), self.state.faults.loss.get(link.name, 0.0)
        good = 0.0 if grey or not whole else (1.0 - loss) ** 2
        return ProbeResult(loss=1.0 - good, rtt=2 * link.delay if good else None)


def _arriving(way: Way, link: str) -> float:
    return sum(one.share * (1.0 - one.loss) for one in way.shares if one.link == link and not one.broken)


def _merged(shares: Iterable[Share]) -> Iterator[Share]:
    """Add up shares that differ in nothing else."""
    sums: dict[tuple[str, str, Broken | None, float], float] = {}
    for one in shares:
        key = (one.link, one.member, one.broken, one.loss)
        sums[key] = sums.get(key, 0.0) + one.share
    for (link, member, broken, loss), share in sums.items():
        yield Share(link=link, member=member, share=share, broken=broken, loss=loss)


def single(address: str) -> Cidr:
    """Read one address, or a prefix's first."""
    whole = cidr(address)
    return Cidr(whole.width, whole.first, whole.first, whole.width)
