"""What can be read from a network: plain, frozen answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pointsman.testing.network.blueprint import Side


class Refusal(Exception):
    """The network does not do that: a wrong version, a test that already runs, a name that exists; the text says which."""


class Broken(StrEnum):
    """Why a share of traffic does not arrive."""

    NO_ROUTE = "no-route"
    BLACKHOLE_ROUTE = "blackhole-route"
    DEAD_PIN = "dead-pin"
    LINK_CUT = "link-cut"
    PACKETS_LOST = "packets-lost"
    MTU = "mtu"
    ASTRAY = "astray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route as one end holds it. ``as_path`` is nearest first; ``peer`` and ``member`` say where it came from."""

    prefix: str
    med: int
    as_path: tuple[int, ...]
    link: str
    member: str
    attachment: str = ""
    peer_ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One BGP session as one end sees it. ``since`` is when the state began; ``stale`` means routes are kept by graceful restart."""

    link: str
    member: str
    side: Side
    up: bool
    since: float
    reason: str
    stale: bool
    accepted: int
    advertised: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TunnelView:
    """One VPN tunnel as one end sees it: IPsec and the BGP session inside."""

    link: str
    member: str
    up: bool
    since: float
    session: SessionView


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverTestView:
    """A Direct Connect BGP failover test: seconds; ``ended`` None while it runs."""

    id: str
    virtual_interface: str
    minutes: int
    started: float
    until: float
    ended: float | None
    principal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerView:
    """A Cloud Router's peer: settings, session, and what is learned (after import policy) and advertised (after export policy)."""

    router: str
    name: str
    ip: str
    enabled: bool
    priority: int
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    custom_prefixes: tuple[str, ...] | None
    session: SessionView
    learned: tuple[Route, ...]
    advertised: tuple[Route, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BestRoute:
    """What a Cloud Router gives its VPC network for a prefix: the equal-cost next hops, all of one priority."""

    prefix: str
    priority: int
    as_path: tuple[int, ...]
    next_hops: tuple[Route, ...]
    static: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitRoute:
    """The preferred route of a Transit Gateway route table for a prefix.

    ``origin`` is ``static``, ``prefix-list`` or ``propagated``; ``state`` is ``active`` or ``blackhole``;
    ``prefix_list`` names the reference it came by.
    """

    prefix: str
    origin: str
    state: str
    attachments: tuple[str, ...]
    prefix_list: str = ""
    med: int = 0
    as_path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixListView:
    """A managed prefix list as it stands."""

    id: str
    cidrs: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of one direction's traffic (0 to 1) on one member, and what breaks it (None: it arrives but for ``loss``)."""

    link: str
    member: str
    share: float
    broken: Broken | None = None
    loss: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One direction of traffic: shares add up to 1. ``loss`` is the whole share lost, 0 to 1, overload included."""

    shares: tuple[Share, ...]

    @property
    def loss(self) -> float:
        """Give the share of packets that does not arrive."""
        return sum(one.share if one.broken else one.share * one.loss for one in self.shares)

    @property
    def arrives(self) -> bool:
        """Say whether no part of the traffic is broken (random loss and overload aside)."""
        return bool(self.shares) and not self.broken

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Give each reason why a part does not arrive."""
        return tuple(dict.fromkeys(one.broken for one in self.shares if one.broken))

    @property
    def links(self) -> Mapping[str, float]:
        """Give the share that each link is handed, broken shares included."""
        found: dict[str, float] = {}
        for one in self.shares:
            if one.link:
                found[one.link] = found.get(one.link, 0.0) + one.share
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Both directions of a flow, each judged for itself."""

    to_gcp: Way
    to_aws: Way

    @property
    def symmetric(self) -> bool:
        """Say whether both directions use the same links in the same shares."""
        there, back = self.to_gcp.links, self.to_aws.links
        return there.keys() == back.keys() and all(abs(there[link] - back[link]) < 1e-6 for link in there)

    @property
    def carried(self) -> bool:
        """Say whether both directions arrive."""
        return self.to_gcp.arrives and self.to_aws.arrives


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilisation:
    """Offered traffic over what the link can carry now, each way: 1.0 is full; infinite when nothing can be carried."""

    to_gcp: float
    to_aws: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """A probe's round trip over one link only: ``loss`` 0 to 1, ``rtt`` seconds (None when nothing came back)."""

    loss: float
    rtt: float | None
