"""Metrics that the clouds sample by their own clocks, and the alarms that follow late."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pointsman.testing.network.blueprint import LinkType, Side
from pointsman.testing.network.happenings import Kind
from pointsman.testing.network.state import Session, State
from pointsman.testing.network.timeline import between
from pointsman.testing.network.traffic import Traffic
from pointsman.testing.network.views import Broken, ProbeResult

ALARM_DELAY = (5.0, 15.0)
"""Seconds from a CloudWatch sample to the alarm's change of state (unconfirmed)."""

HIDDEN = 180.0
"""Seconds until a Google metric's sample can be seen (Cloud Monitoring, metrics latency)."""

PROBE_LOST = 0.5
"""A probe alarm goes off at this share of loss."""

DROPS = frozenset((Broken.NO_ROUTE, Broken.BLACKHOLE_ROUTE, Broken.DEAD_PIN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One watched figure: ``name`` names its alarm; it is bad when ``value`` says so."""

    side: Side
    name: str
    metric: str
    session: Session | None = None
    link: str = ""
    site: str = ""


class Watcher:
    """Samples every metric at its period; an alarm tells only what the samples saw, so short flaps are missed."""

    def __init__(self, state: State, traffic: Callable[[], Traffic], probe: Callable[[str, str], ProbeResult]) -> None:
        self._state = state
        self._traffic = traffic
        self._probe = probe
        self._bad: dict[tuple[Side, str, str], float] = {}

    def start(self) -> None:
        """Begin sampling: Direct Connect BGP every 300 s, probes and connections every 30 s, the others every 60 s."""
        for period, metrics in ((300.0, self._every_300), (60.0, self._every_60), (30.0, self._every_30)):
            self._again(period, metrics)

    def _again(self, period: float, metrics: "Sampler") -> None:
        self._state.time.at(self._state.now + period, lambda: self._sample(period, metrics))

    def _sample(self, period: float, metrics: "Sampler") -> None:
        for metric, bad, value in metrics():
            self._judge(metric, bad=bad, value=value)
        self._again(period, metrics)

    def _judge(self, metric: Metric, *, bad: bool, value: float) -> None:
        key = (metric.side, metric.name, metric.session.link.name if metric.session else metric.link)
        if bad == (key in self._bad):
            return
        started = self._bad.pop(key) if not bad else self._state.now
        if bad:
            self._bad[key] = started
        late = HIDDEN if metric.side is Side.GCP else between(*ALARM_DELAY, self._state.dice(metric.name))
        sampled = self._state.now
        self._state.time.at(sampled + late, lambda: self._tell(metric, bad=bad, value=value, times=(started, sampled)))

    def _tell(self, metric: Metric, *, bad: bool, value: float, times: tuple[float, float]) -> None:
        kind = Kind.ALARM if metric.side is Side.AWS else Kind.INCIDENT
        details = {"name": metric.name, "metric": metric.metric, "bad": bad, "value": value, "started": times[0], "sampled": times[1]}
        if metric.site:
            details["site"] = metric.site
        if metric.link:
            details["link"] = metric.link
        self._state.emit(metric.side, kind, metric.session, **details)

    def _every_300(self) -> Iterator[tuple[Metric, bool, float]]:
        for one in self._state.sessions.values():
            if one.member.virtual_interface:
                name = alarm_name(one, one.member.virtual_interface, "bgp")
                up = one.ends[Side.AWS].up
                yield Metric(side=Side.AWS, name=name, metric="VirtualInterfaceBgpStatus", session=one), not up, float(up)

    def _every_60(self) -> Iterator[tuple[Metric, bool, float]]:
        yield from self._drops()
        for one in self._state.sessions.values():
            yield from self._google(one)
            if one.member.vpn and one.member.outside_ip:
                up = one.ends[Side.AWS].tunnel_up and one.ends[Side.AWS].up
                name = alarm_name(one, one.member.outside_ip, f"vpn-tunnel-{one.member.outside_ip}")
                yield Metric(side=Side.AWS, name=name, metric="TunnelState", session=one), not up, float(up)

    def _every_30(self) -> Iterator[tuple[Metric, bool, float]]:
        for one in self._state.sessions.values():
            if one.member.connection and one.link.type is LinkType.DXGW:
                name = alarm_name(one, one.member.connection, "link")
                yield (
                    Metric(side=Side.AWS, name=name, metric="ConnectionState", session=one),
                    Side.AWS in one.dark,
                    float(Side.AWS not in one.dark),
                )
        for link in self._state.links.values():
            for side, probe in link.probes.items():
                site = link.aws_site if side is Side.AWS else link.gcp_site
                loss = self._probe(link.name, site).loss
                metric = Metric(side=side, name=probe.alarm, metric="PacketLoss", link=link.name, site=site)
                yield metric, loss >= PROBE_LOST, round(100.0 * loss, 3)

    def _drops(self) -> Iterator[tuple[Metric, bool, float]]:
        for site in self._state.blueprint.sites:
            if site.side is Side.AWS:
                paths = [self._traffic().paths[flow.name] for flow in self._state.blueprint.flows if flow.aws_site == site.name]
                dropped = sum(one.share for path in paths for one in path.to_gcp.shares if one.broken in DROPS)
                metric = Metric(side=Side.AWS, name=f"{site.name}-routing-drops", metric="RoutingDrops", site=site.name)
                yield metric, dropped > 0, round(10_000 * dropped, 1)

    def _google(self, one: Session) -> Iterator[tuple[Metric, bool, float]]:
        end = one.ends[Side.GCP]
        if one.member.peer:
            metric = Metric(side=Side.GCP, name=f"{one.member.peer.name}-session", metric="bgp/session_up", session=one)
            yield metric, not end.up, float(end.up)
        if one.member.gcp_tunnel:
            metric = Metric(side=Side.GCP, name=f"{one.member.gcp_tunnel}-tunnel", metric="tunnel_established", session=one)
            yield metric, not end.tunnel_up, float(end.tunnel_up)
        if one.link.vlan_attachment:
            metric = Metric(side=Side.GCP, name=f"{one.link.vlan_attachment}-operational", metric="interconnect/operational", session=one)
            yield metric, Side.GCP in one.dark, float(Side.GCP not in one.dark)


def alarm_name(session: Session, resource: str, what: str) -> str:
    """Name a member's alarm: the declared one that contains the resource's name, else one made of it."""
    return next((name for name in session.member.alarms if resource in name), f"{resource}-{what}")


Sampler = Callable[[], Iterator[tuple[Metric, bool, float]]]
