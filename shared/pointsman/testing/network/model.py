"""The network: faults and cloud controls go in, virtual time passes, and reads say what became of the traffic."""

from collections.abc import Iterator, Mapping

from pointsman.testing.network.announcing import Announcer
from pointsman.testing.network.aws_controls import AwsControls
from pointsman.testing.network.blueprint import Blueprint, FlowSpec, Side, SiteSpec, found
from pointsman.testing.network.cidrs import cidr
from pointsman.testing.network.faults import FaultControls
from pointsman.testing.network.gcp_controls import GcpControls
from pointsman.testing.network.happenings import Happening
from pointsman.testing.network.reads import Reads
from pointsman.testing.network.state import State
from pointsman.testing.network.traffic import Packet, Traffic, single
from pointsman.testing.network.views import Path, ProbeResult, Utilisation
from pointsman.testing.network.watching import Watcher


class Network(FaultControls, AwsControls, GcpControls, Reads):
    """A network in virtual time (float seconds from 0), deterministic for a seed. Unknown names raise ``LookupError``."""

    def __init__(self, blueprint: Blueprint, *, seed: int = 0, announcing: bool = True, counting: bool = True) -> None:
        """Build it with every session up and settled at time 0.

        Without ``announcing`` routes and alarms go untold, without ``counting`` seconds of loss are not added up: both cost less.
        """
        self.blueprint = blueprint
        self._state = State(blueprint, seed)
        self._counting = counting
        self._traffic = Traffic(self._state)
        self._lost = {flow.name: 0.0 for flow in blueprint.flows}
        self._homes: dict[str, SiteSpec] = {}
        if announcing:
            self._state.changed = Announcer(self._state, self.traffic).look
            Watcher(self._state, self.traffic, self.probe).start()

    @property
    def now(self) -> float:
        """Give the virtual time in seconds."""
        return self._state.now

    @property
    def happenings(self) -> list[Happening]:
        """Give everything that a cloud would announce, oldest first (a bounded number of them)."""
        return self._state.happenings

    def advance(self, to: float) -> None:
        """Run everything due until ``to``; an earlier time than now runs what is due now."""
        self._state.time.advance(to, self._pass)

    def _pass(self, seconds: float) -> None:
        if not self._counting:
            return
        for flow, path in self.traffic().paths.items():
            self._lost[flow] += seconds * max(path.to_gcp.loss, path.to_aws.loss)

    def lost_seconds(self) -> Mapping[str, float]:
        """Give the seconds of loss so far per flow: the worse direction's lost share times the time it lasted."""
        return dict(self._lost)

    def path(self, flow: str) -> Path:
        """Give both directions of a flow, each judged for itself."""
        return found(self.traffic().paths, "flow", flow)

    def loss(self, flow: str) -> float:
        """Give the worse direction's share of lost packets."""
        path = self.path(flow)
        return max(path.to_gcp.loss, path.to_aws.loss)

    def utilisation(self, link: str) -> Utilisation:
        """Give offered traffic over capacity, each way."""
        return self.traffic().utilisation(self._state.link(link))

    def path_between(self, source: str, destination: str, *, size: int = 0) -> Path:
        """Give both directions between two addresses of flows or probes, for packets of ``size`` bytes."""
        here, there = self._home(source), self._home(destination)
        if here.side is there.side:
            raise LookupError(f"{source} and {destination} are on the same side")
        ways = {
            there.side: self.traffic().way(self._packet(destination, here, there, size)),
            here.side: self.traffic().way(self._packet(source, there, here, size)),
        }
        return Path(to_gcp=ways[Side.GCP], to_aws=ways[Side.AWS])

    def _packet(self, address: str, source: SiteSpec, destination: SiteSpec, size: int) -> Packet:
        table = source.route_tables[0] if source.side is Side.AWS else ""
        return Packet(single(address), source.name, destination.name, destination.side, size, table)

    def _home(self, address: str) -> SiteSpec:
        if address not in self._homes:
            self._homes[address] = self._owner(address)
        return self._homes[address]

    def _owner(self, address: str) -> SiteSpec:
        target = cidr(address)
        homes = [site for prefix, site in self._owned() if cidr(prefix).covers(target)]
        return found(self._state.sites, "owner of address", homes[0] if homes else address)

    def _owned(self) -> Iterator[tuple[str, str]]:
        for flow in self.blueprint.flows:
            yield from ((prefix, _end(flow, side)) for side in Side for prefix in flow.prefixes[side])
        for link in self.blueprint.links:
            for side, probe in link.probes.items():
                yield probe.source, link.aws_site if side is Side.AWS else link.gcp_site

    def reaches(self, source: str, destination: str) -> bool:
        """Say whether packets arrive, one way, between two sites (all their flows) or two addresses.

        Random loss and overload do not count; a broken share of the traffic does.
        """
        if source in self._state.sites:
            return self._sites_reach(found(self._state.sites, "site", source), destination)
        path = self.path_between(source, destination)
        return (path.to_gcp if self._home(destination).side is Side.GCP else path.to_aws).arrives

    def _sites_reach(self, source: SiteSpec, destination: str) -> bool:
        ends = {source.name, found(self._state.sites, "site", destination).name}
        paths = [self.path(flow.name) for flow in self.blueprint.flows if {flow.aws_site, flow.gcp_site} == ends]
        ways = [path.to_gcp if source.side is Side.AWS else path.to_aws for path in paths]
        return bool(ways) and all(way.arrives for way in ways)

    def probe(self, link: str, from_site: str) -> ProbeResult:
        """Send a probe from a site over that link only, there and back.

        A link without probe addresses is asked by its sessions: a way counts when its sender holds routes over it.
        """
        known = self.traffic().probes
        if (link, from_site) not in known:
            known[link, from_site] = self._probe(link, from_site)
        return known[link, from_site]

    def _probe(self, link: str, from_site: str) -> ProbeResult:
        spec = self._state.link(link)
        pair = next((probe for side, probe in spec.probes.items() if _site(spec.aws_site, spec.gcp_site, side) == from_site), None)
        if pair is None:
            return self.traffic().bare_probe(spec)
        path = self.path_between(pair.source, pair.target)
        return self.traffic().probe(spec, path.to_gcp, path.to_aws)


def _site(aws: str, gcp: str, side: Side) -> str:
    return aws if side is Side.AWS else gcp


def _end(flow: FlowSpec, side: Side) -> str:
    return _site(flow.aws_site, flow.gcp_site, side)
