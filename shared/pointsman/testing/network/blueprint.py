"""What a network is built of, before anything happens in it: sites, links, members, flows and timers.

Units: bits per second, bytes, seconds. Every class is plain, frozen data of the standard library.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")

BASE_MED = 100
"""MED that an end sends where nothing else is set; a Cloud Router's default advertised route priority."""


class Side(StrEnum):
    """The two ends of every link."""

    AWS = "aws"
    GCP = "gcp"

    @property
    def other(self) -> "Side":
        """Give the far end."""
        return Side.GCP if self is Side.AWS else Side.AWS


class LinkType(StrEnum):
    """How a link hangs on the Transit Gateway, which decides its rank for equal prefixes and how it fails."""

    DXGW = "dxgw"
    VPN = "vpn"
    MANAGED = "managed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bfd:
    """Bidirectional forwarding detection (RFC 5880): down after ``interval * multiplier`` seconds without a packet."""

    interval: float
    multiplier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """A BGP session's timers in seconds (RFC 4271 section 10, RFC 4724). ``reconnect`` bounds how long establishing takes."""

    hold: float = 60.0
    keepalive: float = 20.0
    graceful_restart: float = 0.0
    bfd: Bfd | None = None
    reconnect: tuple[float, float] = (2.0, 8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSpec:
    """A BGP peer on a Cloud Router; ``ip`` is the AWS end's address."""

    name: str
    ip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSpec:
    """One BGP session of a link with what carries it: a virtual interface, or one tunnel of a VPN connection.

    ``attachment`` is the Transit Gateway attachment it belongs to; ``task`` the Cloud Router software task of its peer.
    """

    id: str
    attachment: str
    virtual_interface: str | None = None
    connection: str | None = None
    vpn: str | None = None
    outside_ip: str | None = None
    gcp_tunnel: str | None = None
    peer: PeerSpec | None = None
    task: int = 0
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A prefix that an end announces over a link; ``med`` is added to the session's base MED."""

    prefix: str
    med: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec:
    """A probe from one end over one link: addresses that are routed over this link only. ``alarm`` names its alarm."""

    source: str
    target: str
    alarm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSpec:
    """One path between two sites. ``delay`` is the one-way delay in seconds; ``announces`` what each end announces natively."""

    name: str
    type: LinkType
    aws_site: str
    gcp_site: str
    capacity: int
    mtu: int
    timers: Timers
    members: tuple[MemberSpec, ...]
    attachments: tuple[str, ...]
    delay: float = 0.002
    dx_gateway: str | None = None
    association: str | None = None
    aws_connection: str | None = None
    vlan_attachment: str | None = None
    transport: str | None = None
    announces: Mapping[Side, tuple[Announcement, ...]] = field(default_factory=dict)
    probes: Mapping[Side, ProbeSpec] = field(default_factory=dict)
    region_cost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterSpec:
    """A Cloud Router; ``id`` is the number that its logs name it by."""

    name: str
    id: str
    asn: int = 16550
    standard_best_path: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSpec:
    """One end: a Transit Gateway (or Cloud WAN core network) with its route tables, or a VPC network with its Cloud Router."""

    name: str
    side: Side
    account: str
    region: str
    hub: str
    asn: int = 64512
    route_tables: tuple[str, ...] = ()
    router: RouterSpec | None = None
    cloud_wan: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSpec:
    """Traffic between two sites: ``demand`` bits per second each way in packets of ``packet`` bytes.

    ``route_table`` is the Transit Gateway route table that its AWS end is associated with.
    """

    name: str
    aws_site: str
    gcp_site: str
    prefixes: Mapping[Side, tuple[str, ...]]
    demand: int
    packet: int
    route_table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixListSpec:
    """A managed prefix list."""

    id: str
    cidrs: tuple[str, ...]
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A whole network. Raises LookupError for a name that does not exist."""

    name: str
    sites: tuple[SiteSpec, ...]
    links: tuple[LinkSpec, ...]
    flows: tuple[FlowSpec, ...]
    prefix_lists: tuple[PrefixListSpec, ...] = ()

    def site(self, name: str) -> SiteSpec:
        """Give the site of that name."""
        return found({site.name: site for site in self.sites}, "site", name)

    def link(self, name: str) -> LinkSpec:
        """Give the link of that name."""
        return found({link.name: link for link in self.links}, "link", name)

    def flow(self, name: str) -> FlowSpec:
        """Give the flow of that name."""
        return found({flow.name: flow for flow in self.flows}, "flow", name)


def found(things: Mapping[K, T], kind: str, name: K) -> T:
    """Give the thing of that name. Raises LookupError that says what was looked for."""
    if name not in things:
        raise LookupError(f"no {kind} {name!r} in this network")
    return things[name]
