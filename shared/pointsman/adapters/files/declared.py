"""The fabric file as it is written: every key, its kind, its bounds and what it means."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from pointsman.adapters.files import scalars as s
from pointsman.adapters.files.findings import Path
from pointsman.core.fabric import BestPath, LinkKind, Mode, Survival, WithoutQuorum
from pointsman.core.incidents import Severity

MAX_SITES = 32
"""Most sites of a fabric."""

MAX_LINKS = 64
"""Most links of a fabric; the plan must stay small."""

MAX_FLOWS = 1_000
"""Most flows of a fabric."""

MAX_MEMBERS = 32
"""Most members of a link."""

MAX_PREFIXES = 100
"""Most prefixes of a flow at one site: a Cloud Router's expression matches no more."""

MAX_LISTED = 64
"""Most entries of any other list."""


GATEWAYS = ("transit_gateway", "core_network", "virtual_private_gateway")
"""What an AWS site can be."""

CLOUDS = ("aws", "gcp")
"""The clouds that a site can be in."""


class Sized:
    """Bounds how many entries a list or a mapping of names has. Held apart (``bounds``): too many or too few are read all the same."""

    def __init__(self, least: int = 0, most: int = MAX_LISTED) -> None:
        self._least = least
        self._most = most

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Write the bounds where a schema has them."""
        made: dict[str, Any] = handler(schema)
        what = "Items" if made["type"] == "array" else "Properties"
        return made | ({f"min{what}": self._least} if self._least else {}) | {f"max{what}": self._most}


class Declared(BaseModel):
    """A part of the file: unknown keys are errors, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class AwsSite(Declared):
    """An AWS end: a Transit Gateway, a Cloud WAN core network or a virtual private gateway in one Region."""

    cloud: Literal["aws"] = Field(description="The cloud this end is in.")
    account: s.Account = Field(description="The account number, in quotes.")
    region: s.AwsRegion = Field(description="The Region.")
    transit_gateway: s.TransitGateway | None = Field(default=None, description="The Transit Gateway that the links attach to.")
    core_network: s.CoreNetwork | None = Field(default=None, description="The Cloud WAN core network instead of a Transit Gateway.")
    virtual_private_gateway: s.VirtualPrivateGateway | None = Field(
        default=None, description="The virtual private gateway instead of a Transit Gateway."
    )
    route_tables: Annotated[list[s.RouteTable], Sized()] = Field(
        default=[], description="The Transit Gateway route tables that steer flows."
    )

    @property
    def gateways(self) -> list[str]:
        """Name the kinds of gateway that are declared; there should be one."""
        return [key for key in GATEWAYS if getattr(self, key)]


class Router(Declared):
    """A Cloud Router."""

    name: s.GoogleName = Field(description="Its name.")
    id: s.RouterNumber = Field(description="Its number, in quotes: its logs name it by this.")
    best_path: BestPath = Field(default=BestPath.LEGACY, description="The network's best-path selection mode.")


class GcpSite(Declared):
    """A Google end: a VPC network and its Cloud Router in one region."""

    cloud: Literal["gcp"] = Field(description="The cloud this end is in.")
    project: s.Project = Field(description="The project of the network.")
    region: s.GcpRegion = Field(description="The region.")
    network: s.GoogleName = Field(examples=["core"], description="The VPC network.")
    router: Router | None = Field(default=None, description="The Cloud Router that peers with AWS; a managed interconnect needs none.")
    hub: s.Hub | None = Field(default=None, description="The NCC hub that the links are spokes of, if there is one.")


class Bfd(Declared):
    """BFD as negotiated between both ends."""

    interval: s.Lasting = Field(examples=["1s"], description="Time between packets, the larger of both ends'.")
    multiplier: int = Field(ge=1, le=255, examples=[5], description="How many may be missed.")


class Timers(Declared):
    """How fast the link's own protocols notice a failure."""

    hold: s.Lasting = Field(description="The BGP hold time as negotiated: the smaller of both ends'.")
    graceful_restart: s.Duration = Field(default=timedelta(0), description="How long a router forwards on after its session dropped.")
    bfd: Bfd | None = Field(default=None, description="BFD, where it runs.")


class Peer(Declared):
    """A BGP peer of the Cloud Router."""

    name: s.GoogleName = Field(examples=["aws-a"], description="Its name on the Cloud Router.")
    ip: s.Address = Field(
        examples=["169.254.1.2"], description="The far end's (AWS) address inside the session, which router logs name it by."
    )


class AwsMember(Declared):
    """A member as AWS names it."""

    virtual_interface: s.VirtualInterface | None = Field(default=None, description="The Direct Connect virtual interface.")
    connection: s.DxConnection | None = Field(default=None, description="The Direct Connect connection that carries it.")
    vpn: s.VpnConnection | None = Field(default=None, description="The Site-to-Site VPN connection of the tunnel.")
    outside_ip: s.Address | None = Field(default=None, examples=["198.51.100.10"], description="The tunnel's outside address at AWS.")


class GcpMember(Declared):
    """A member as Google names it."""

    peer: Peer | None = Field(default=None, description="The BGP peer of the session.")
    tunnel: s.GoogleName | None = Field(default=None, examples=["ha-t1"], description="The Cloud VPN tunnel.")


class Member(Declared):
    """One session or tunnel of a link."""

    id: s.Name = Field(examples=["a1"], description="Its short name within the link.")
    aws: AwsMember = Field(default=AwsMember(), description="What AWS calls it.")
    gcp: GcpMember = Field(default=GcpMember(), description="What Google calls it.")
    alarms: Annotated[list[s.AlarmName], Sized()] = Field(default=[], description="Alarms of either cloud that speak of this member.")


class Probe(Declared):
    """An address pair that is routed over this link only and never steered."""

    source: s.Address = Field(description="The address that the probe is sent from.")
    target: s.Address = Field(examples=["10.251.1.1"], description="The address that answers at the far end.")


class AwsEnd(Declared):
    """A link's AWS side."""

    attachments: Annotated[list[s.Attachment], Sized(most=8)] = Field(
        default=[], description="Its Transit Gateway (or core network) attachments."
    )
    dx_gateway: s.DxGateway | None = Field(default=None, description="The Direct Connect gateway.")
    association: s.Association | None = Field(default=None, description="The Direct Connect gateway's association.")
    connection: s.ManagedConnection | None = Field(default=None, description="The AWS Interconnect of a managed interconnect.")


class GcpEnd(Declared):
    """A link's Google side."""

    vlan_attachment: s.GoogleName | None = Field(default=None, examples=["vlan-a"], description="The VLAN attachment.")
    import_policy: s.GoogleName | None = Field(
        default=None, examples=["from-ix-a"], description="The import route policy on the link's peers."
    )
    export_policy: s.GoogleName | None = Field(
        default=None, examples=["to-ix-a"], description="The export route policy on the link's peers."
    )
    transport: s.Transport | None = Field(default=None, description="The Partner Cross-Cloud transport of a managed interconnect.")


class Link(Declared):
    """One path between two sites."""

    kind: LinkKind = Field(examples=["vpn"], description="What it is made of, which decides how it is seen and steered.")
    between: Annotated[list[s.Name], Sized(2, 2)] = Field(
        examples=[["aws-use1", "gcp-use4"]], description="Its two sites, one in each cloud."
    )
    capacity: s.Bandwidth = Field(description="What it carries each way.")
    mtu: int = Field(ge=576, le=9216, examples=[8500], description="The largest packet that passes, in bytes.")
    cost_per_gb: float = Field(default=0.0, ge=0, le=1000, examples=[0.02], description="What a gigabyte over it costs, in your currency.")
    risk_groups: Annotated[list[s.RiskGroup], Sized()] = Field(default=[], description="What it shares its fate with: a metro, a building.")
    timers: Timers = Field(description="How fast its own protocols notice a failure.")
    mode: Mode | None = Field(default=None, description="How far pointsman may go with it; the policy's mode if absent.")
    aws: AwsEnd = Field(default=AwsEnd(), description="Its AWS side.")
    gcp: GcpEnd = Field(default=GcpEnd(), description="Its Google side.")
    members: Annotated[list[Member], Sized(1, MAX_MEMBERS)] = Field(description="Its sessions or tunnels.")
    probes: Annotated[dict[s.Name, Probe], Sized(most=2)] = Field(default={}, description="A probe from each site, by site, or none.")


class PinTarget(Declared):
    """Where a pin of this flow would be written."""

    id: s.PrefixList = Field(description="The managed prefix list that holds the flow's Google prefixes.")
    route_tables: Annotated[list[s.RouteTable], Sized(1)] = Field(description="The route tables that refer to it.")


class Flow(Declared):
    """A named pair of prefix sets, both directions."""

    prefixes: Annotated[dict[s.Name, Annotated[list[s.Prefix], Sized(1, MAX_PREFIXES)]], Sized(2, 2)] = Field(
        examples=[{"aws-use1": ["10.20.0.0/16"], "gcp-use4": ["10.216.0.0/20"]}],
        description="Its prefixes at each of its two sites.",
    )
    demand: s.Bandwidth = Field(description="What it needs each way.")
    priority: int = Field(ge=1, le=100, examples=[5], description="1 is the most precious.")
    min_mtu: int = Field(default=576, ge=576, le=9216, examples=[1400], description="The smallest MTU it works with, in bytes.")
    prefer: Annotated[list[s.Name], Sized(1, MAX_LINKS)] = Field(
        examples=[["ix-a"]], description="The links it may use, best first; no other is permitted."
    )
    aws_prefix_list: PinTarget | None = Field(default=None, description="Only where a pin may be used.")


class Freshness(Declared):
    """How long a claim may be believed, by kind of source."""

    event: s.Lasting = Field(default=timedelta(minutes=10), description="A cloud's event.")
    look: s.Lasting = Field(default=timedelta(minutes=3), description="A look of ours at the cloud's API.")
    metric: s.Lasting = Field(default=timedelta(minutes=15), description="A metric or its alarm.")


class Damping(Declared):
    """Route-flap damping: a link that comes and goes is trusted later each time."""

    half_life: s.Lasting = Field(default=timedelta(minutes=15), description="How long a penalty takes to halve.")
    down: int = Field(default=1000, ge=1, le=100_000, description="The penalty of one failure.")
    reuse: int = Field(default=750, ge=1, le=100_000, description="Below this a link is trusted again.")
    suppress_failback: int = Field(default=3000, ge=1, le=1_000_000, description="Above this no flow fails back.")
    suppress_action: int = Field(
        default=6000, ge=1, le=1_000_000, description="Above this nothing is done with a link but what an outage forces."
    )
    max: s.Lasting = Field(default=timedelta(minutes=60), description="The longest that a link is distrusted after its last failure.")
    observe: bool = Field(default=False, description="Compute and report the penalty without damping.")


class Survive(Declared):
    """What must hold after failures: 'pointsman check --n-1' and '--n-2' exit 1 where it does not."""

    n_1: Survival = Field(default=Survival.ANYTHING, description="After any link or shared-risk group failed.")
    n_2: Survival = Field(default=Survival.ANYTHING, description="After any two of them failed; no stricter than n_1.")


class Maintenance(Declared):
    """How announced maintenance is met: a link is left before its window and returned to after it."""

    lead: s.Lasting = Field(default=timedelta(minutes=10), description="How long before its window a link is left; 1m to 24h.")


class Policy(Declared):
    """How far pointsman may go, how fast, and what it believes."""

    mode: Mode = Field(default=Mode.OBSERVE, description="How far it may go; a link may override it.")
    hold_down: s.Lasting = Field(default=timedelta(minutes=5), description="How long a link must be well before flows come back.")
    epochs_per_hour: int = Field(default=6, ge=1, le=60, description="Discretionary plan changes an hour.")
    without_quorum: WithoutQuorum = Field(
        default=WithoutQuorum.HOLD, description="What one cloud may do when no majority of stores answers."
    )
    takeover_after: s.Lasting = Field(default=timedelta(seconds=30), description="When the other cloud acts in the enactor's place.")
    freshness: Freshness = Field(default=Freshness(), description="How long claims are believed.")
    damping: Damping = Field(default=Damping(), description="Route-flap damping.")
    survive: Survive = Field(default=Survive(), description="What must hold after failures.")
    maintenance: Maintenance = Field(default=Maintenance(), description="How announced maintenance is met.")


class Stores(Declared):
    """The three stores of the shared table, each in a failure domain of its own."""

    aws: s.StoreUrl | None = Field(default=None, description="The store at AWS: dynamodb://REGION/TABLE.")
    gcp: s.StoreUrl | None = Field(
        default=None, examples=["firestore://weft-prod-1/pointsman"], description="The store at Google: firestore://PROJECT/NAME."
    )
    witness: s.StoreUrl | None = Field(
        default=None,
        examples=["s3://pointsman-witness?endpoint=https://objects.example.net"],
        description="The store in a third place: s3://BUCKET?endpoint=https://HOST.",
    )
    witness_key: s.SecretRef | None = Field(
        default=None,
        examples=["secret://pointsman/witness-key"],
        description="Where each cloud's secret store keeps the keys that the witness is enciphered with.",
    )
    generation: int = Field(default=1, ge=1, le=9999, description="Counts the sets of stores: one more with every 'pointsman stores move'.")


class Desk(Declared):
    """A ticket desk."""

    kind: Literal["pagerduty"] = Field(description="Which desk it is.")
    routing_key: s.SecretRef = Field(description="Where the secret store keeps the integration's routing key.")
    min_severity: Severity = Field(default=Severity.WARNING, description="Tell it of nothing smaller.")
    endpoint: s.Endpoint | None = Field(default=None, description="Another address than the desk's public one.")


Site = Annotated[AwsSite | GcpSite, Field(discriminator="cloud")]


class File(Declared):
    """A pointsman fabric: the private links between AWS and Google Cloud, what uses them and what may be done."""

    version: Literal[1] = Field(description="The version of this format.")
    fabric: s.Name = Field(examples=["atlas"], description="The fabric's name.")
    sites: Annotated[dict[s.Name, Site], Sized(1, MAX_SITES)] = Field(description="The ends of the links.")
    links: Annotated[dict[s.Name, Link], Sized(1, MAX_LINKS)] = Field(description="The paths between sites.")
    flows: Annotated[dict[s.Name, Flow], Sized(most=MAX_FLOWS)] = Field(default={}, description="What uses the links.")
    policy: Policy = Field(default=Policy(), description="What pointsman may do.")
    stores: Stores = Field(description="Where the shared state table is kept.")
    desks: Annotated[dict[s.Name, Desk], Sized()] = Field(default={}, description="Where tickets are opened.")

    _repaired: frozenset[Path] = PrivateAttr(default=frozenset())

    def mended(self, repaired: frozenset[Path]) -> "File":
        """Note the paths of what the user did not write so; gives the file itself."""
        self._repaired = repaired
        return self

    def wrote(self, path: Path) -> bool:
        """Say whether the user wrote what stands at a path, which may be repaired further down."""
        return not any(path[:end] in self._repaired for end in range(1, len(path) + 1))

    def wrote_all(self, path: Path) -> bool:
        """Say whether the user wrote everything at a path and below it."""
        return self.wrote(path) and not any(one[: len(path)] == path for one in self._repaired)

    def again(self, path: Path, names: list[str]) -> Iterator[int]:
        """Give the positions in a list at which something stands that the user wrote there before."""
        seen: set[str] = set()
        for at, name in enumerate(names):
            if name in seen:
                yield at
            elif self.wrote((*path, at)):
                seen.add(name)

    def ends(self, link: str) -> dict[str, str]:
        """Give the names of a link's sites by cloud, as far as the file tells."""
        between = self.links[link].between
        return self._by_cloud(site for at, site in enumerate(between) if self.wrote(("links", link, "between", at)))

    def flow_ends(self, flow: str) -> dict[str, str]:
        """Give the names of a flow's sites by cloud, as far as the file tells."""
        return self._by_cloud(self.flows[flow].prefixes if self.wrote(("flows", flow, "prefixes")) else ())

    def joins(self, link: str) -> bool:
        """Say whether a link joins two declared sites, one in each cloud."""
        return len(self.links[link].between) == len(self.ends(link)) == len(CLOUDS)

    def _by_cloud(self, names: Iterable[str]) -> dict[str, str]:
        known = [(self.sites[name].cloud, name) for name in dict.fromkeys(names) if name in self.sites and self.wrote(("sites", name))]
        clouds = [cloud for cloud, _ in known]
        return {cloud: name for cloud, name in known if clouds.count(cloud) == 1}
