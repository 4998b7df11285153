"""The compiled fabric: sites, links, flows and policy, already checked and frozen.

It is what ``pointsman compile`` writes and what functions load: units are resolved (bits per second, bytes,
``timedelta``), names are known to exist, nothing is optional that a kind requires.
"""

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import NewType, Protocol, TypeVar

from pointsman.core.values import Frozen, Remembered, canonical, digest

SiteName = NewType("SiteName", str)
LinkName = NewType("LinkName", str)
FlowName = NewType("FlowName", str)
MemberId = NewType("MemberId", str)
Bandwidth = NewType("Bandwidth", int)
"""Bits per second."""
GROUP = "group:"
"""What the name of a shared-risk group begins with where links and groups are named together."""


class Cloud(StrEnum):
    """The two providers that functions run on."""

    AWS = "aws"
    GCP = "gcp"

    @property
    def other(self) -> "Cloud":
        """The cloud on the far side."""
        return Cloud.GCP if self is Cloud.AWS else Cloud.AWS


class LinkKind(StrEnum):
    """What a link is made of, which decides how it can be seen and steered."""

    CROSS_CLOUD_INTERCONNECT = "cross_cloud_interconnect"
    MANAGED_INTERCONNECT = "managed_interconnect"
    VPN = "vpn"


class Mode(StrEnum):
    """How far pointsman may go with a link by itself."""

    OBSERVE = "observe"
    RECOMMEND = "recommend"
    AUTO = "auto"


class BestPath(StrEnum):
    """A Cloud Router's best-path selection mode."""

    LEGACY = "legacy"
    STANDARD = "standard"


class WithoutQuorum(StrEnum):
    """What a cloud may do alone when no majority of stores answers."""

    HOLD = "hold"
    PROTECT = "protect"


class Survival(StrEnum):
    """What must hold after a failure: nothing, that every flow has a path, or that no link is overloaded either."""

    ANYTHING = "anything"
    NO_UNPLACED = "no_unplaced"
    NO_OVERLOAD = "no_overload"


class AwsSite(Frozen, tag="aws", tag_field="cloud"):
    """An AWS end: a Transit Gateway, a Cloud WAN core network or a virtual private gateway in one Region."""

    name: SiteName
    account: str
    region: str
    transit_gateway: str | None = None
    core_network: str | None = None
    virtual_private_gateway: str | None = None
    route_tables: tuple[str, ...] = ()


class Router(Frozen):
    """A Cloud Router: ``id`` is the number that its logs name it by."""

    name: str
    id: str
    best_path: BestPath = BestPath.LEGACY


class GcpSite(Frozen, tag="gcp", tag_field="cloud"):
    """A Google end: a VPC network and its Cloud Router in one region, or an NCC hub."""

    name: SiteName
    project: str
    region: str
    network: str
    router: Router | None = None
    hub: str | None = None


Site = AwsSite | GcpSite


class Bfd(Frozen):
    """Bidirectional forwarding detection as negotiated: a session is down after ``interval * multiplier``."""

    interval: timedelta
    multiplier: int


class Timers(Frozen):
    """How fast a link's own protocols notice and converge."""

    hold: timedelta
    graceful_restart: timedelta = timedelta(0)
    bfd: Bfd | None = None

    @property
    def budget(self) -> timedelta:
        """The convergence budget: detection (BFD, else the hold time) plus graceful restart."""
        detection = self.bfd.interval * self.bfd.multiplier if self.bfd else self.hold
        return detection + self.graceful_restart


class Peer(Frozen):
    """A BGP peer on a Cloud Router: ``ip`` is the far (AWS) end's address, which router logs name it by."""

    name: str
    ip: str


class AwsMember(Frozen):
    """A member as AWS names it: a virtual interface, or one tunnel of a VPN connection."""

    virtual_interface: str | None = None
    connection: str | None = None
    vpn: str | None = None
    outside_ip: str | None = None


class GcpMember(Frozen):
    """A member as Google names it."""

    peer: Peer | None = None
    tunnel: str | None = None


class Member(Frozen):
    """One session or tunnel of a link; ``alarms`` are names of AWS and Google alarms that speak of it."""

    id: MemberId
    aws: AwsMember = AwsMember()
    gcp: GcpMember = GcpMember()
    alarms: tuple[str, ...] = ()


class ProbePair(Frozen):
    """An address pair that is routed over this link only and never steered."""

    site: SiteName
    source: str
    target: str


class AwsEnd(Frozen):
    """A link's AWS side. ``connection`` is the ``mcc-`` id of an AWS Interconnect."""

    attachments: tuple[str, ...] = ()
    dx_gateway: str | None = None
    association: str | None = None
    connection: str | None = None


class GcpEnd(Frozen):
    """A link's Google side."""

    vlan_attachment: str | None = None
    import_policy: str | None = None
    export_policy: str | None = None
    transport: str | None = None


class Link(Frozen):
    """One path between two sites. ``mtu`` in bytes, ``cost_per_gb`` in the user's currency."""

    name: LinkName
    kind: LinkKind
    aws_site: SiteName
    gcp_site: SiteName
    capacity: Bandwidth
    mtu: int
    timers: Timers
    mode: Mode
    members: tuple[Member, ...]
    cost_per_gb: float = 0.0
    risk_groups: tuple[str, ...] = ()
    aws: AwsEnd = AwsEnd()
    gcp: GcpEnd = GcpEnd()
    probes: tuple[ProbePair, ...] = ()

    @property
    def has_policies(self) -> bool:
        """Say whether it declares the pair of route policies that each flow is led by, in both directions."""
        return bool(self.gcp.import_policy and self.gcp.export_policy)

    def member(self, member: MemberId) -> Member:
        """Give the member of that id. Raises KeyError."""
        for one in self.members:
            if one.id == member:
                return one
        raise KeyError(member)


class PinTarget(Frozen):
    """Where a prefix-list pin of a flow would be written."""

    prefix_list: str
    route_tables: tuple[str, ...]


class Flow(Frozen):
    """A named pair of prefix sets. ``priority`` 1 is the most precious; ``min_mtu`` in bytes; ``prefer`` is also what is permitted."""

    name: FlowName
    prefixes: dict[SiteName, tuple[str, ...]]
    demand: Bandwidth
    priority: int
    min_mtu: int
    prefer: tuple[LinkName, ...]
    aws_prefix_list: PinTarget | None = None


class Freshness(Frozen):
    """How long a claim may be believed, by kind of source."""

    event: timedelta = timedelta(minutes=10)
    look: timedelta = timedelta(minutes=3)
    metric: timedelta = timedelta(minutes=15)


class Damping(Frozen):
    """Route-flap damping figures (RFC 2439 arithmetic; thresholds after RFC 7196)."""

    half_life: timedelta = timedelta(minutes=15)
    down: int = 1000
    reuse: int = 750
    suppress_failback: int = 3000
    suppress_action: int = 6000
    max: timedelta = timedelta(minutes=60)
    observe: bool = False


class Survive(Frozen):
    """What must hold after any single failure and after any two, of links and of shared-risk groups."""

    n_1: Survival = Survival.ANYTHING
    n_2: Survival = Survival.ANYTHING

    def bar(self, depth: int) -> Survival:
        """Give what must hold after one failure (``depth`` 1), or after two (2)."""
        return self.n_1 if depth == 1 else self.n_2


class MaintenancePolicy(Frozen):
    """How announced maintenance is met: ``lead`` is how long before its window a link is left."""

    lead: timedelta = timedelta(minutes=10)


class Policy(Frozen):
    """What the user allows."""

    mode: Mode = Mode.OBSERVE
    hold_down: timedelta = timedelta(minutes=5)
    epochs_per_hour: int = 6
    without_quorum: WithoutQuorum = WithoutQuorum.HOLD
    takeover_after: timedelta = timedelta(seconds=30)
    freshness: Freshness = Freshness()
    damping: Damping = Damping()
    survive: Survive = Survive()
    maintenance: MaintenancePolicy = MaintenancePolicy()


class Stores(Frozen):
    """Store URLs: ``dynamodb://``, ``firestore://``, ``s3://`` or ``sqlite://``. Only ``lite`` has one of them alone.

    ``generation`` counts the sets of stores there have been; ``witness_key`` is the ``secret://`` reference of the
    keys that what the witness holds is enciphered with.
    """

    aws: str | None = None
    gcp: str | None = None
    witness: str | None = None
    generation: int = 1
    witness_key: str | None = None


class DeskSettings(Frozen):
    """One ticket desk. ``secret`` is a ``secret://`` reference, never the secret itself."""

    name: str
    kind: str
    secret: str
    min_severity: str = "warning"
    endpoint: str | None = None


class Fabric(Frozen, dict=True):
    """Everything the user declared, compiled. Raises KeyError for a name that does not exist."""

    version: int
    name: str
    sites: tuple[Site, ...]
    links: tuple[Link, ...]
    flows: tuple[Flow, ...]
    policy: Policy
    stores: Stores
    desks: tuple[DeskSettings, ...] = ()

    def link(self, name: str) -> Link:
        """Give the link of that name."""
        return _by_name(self.links, name)

    def flow(self, name: str) -> Flow:
        """Give the flow of that name."""
        return _by_name(self.flows, name)

    def site(self, name: str) -> Site:
        """Give the site of that name."""
        return _by_name(self.sites, name)

    def aws_site(self, link: Link) -> AwsSite:
        """Give a link's AWS end."""
        site = self.site(link.aws_site)
        assert isinstance(site, AwsSite), "the compiler puts an AWS site here"
        return site

    def gcp_site(self, link: Link) -> GcpSite:
        """Give a link's Google end."""
        site = self.site(link.gcp_site)
        assert isinstance(site, GcpSite), "the compiler puts a Google site here"
        return site

    def members(self) -> Iterator[tuple[Link, Member]]:
        """Walk every member with its link."""
        return ((link, member) for link in self.links for member in link.members)

    def permits(self, flow: Flow, link: Link) -> bool:
        """Say whether the user permits this flow on this link."""
        return link.name in flow.prefer

    def gap(self, link: Link) -> str:
        """Say why a link cannot be steered yet, in words; "" when it can."""
        return steering_gap(link, self.aws_site(link), self.gcp_site(link))

    @Remembered
    def hash(self) -> str:
        """Give the fabric's content hash, which a plan names."""
        return digest(canonical(self))


def steering_gap(link: Link, aws: AwsSite, gcp: GcpSite) -> str:
    """Say why no lever of ours can move a link between these ends yet, in words; "" when one can."""
    if link.kind is LinkKind.MANAGED_INTERCONNECT:
        return "a managed interconnect has no peers of ours to steer by"
    if aws.core_network:
        return "routes of a Cloud WAN core network cannot be verified"
    if aws.virtual_private_gateway:
        return "routes of a virtual private gateway cannot be verified"
    if gcp.hub:
        return "routes of an NCC hub cannot be verified"
    if link.gcp.import_policy or link.kind is LinkKind.CROSS_CLOUD_INTERCONNECT:
        return ""
    return "it declares no route policies (gcp.import_policy and gcp.export_policy)"


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def _by_name(items: tuple[_N, ...], name: str) -> _N:
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)
