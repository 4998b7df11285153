"""The reference fabric, built by hand, and the network made of it."""

from dataclasses import replace
from datetime import timedelta

from pointsman.core import fabric as f
from pointsman.testing import blueprint as built
from pointsman.testing.network.blueprint import Blueprint, Timers
from pointsman.testing.network.model import Network

AWS, GCP = f.SiteName("aws-use1"), f.SiteName("gcp-use4")
TABLE = "tgw-rtb-0e5f60718293a4b5c"
ROUTER = "cr-aws-1"
IX_A = "tgw-attach-0aaaa00000000000a"
IX_B = "tgw-attach-0bbbb00000000000b"
MANAGED = "tgw-attach-0cccc00000000000c"
VPN_1, VPN_2 = "tgw-attach-0c3d4e5f60718293a", "tgw-attach-0d4e5f60718293a4b"
LIST = "pl-0123456789abcdef0"
VIF_A, VIF_B = "dxvif-fgcoi6fa", "dxvif-fh2b3c4d"
GBPS = 1_000_000_000


def reference(*, best_path: f.BestPath = f.BestPath.LEGACY, graceful: int = 120) -> f.Fabric:
    """Give the reference fabric: two interconnects, a managed one, a VPN of four tunnels, two flows."""
    return f.Fabric(
        version=1,
        name="atlas",
        sites=(
            f.AwsSite(name=AWS, account="111122223333", region="us-east-1", transit_gateway="tgw-0a1b2c3d4e5f60718", route_tables=(TABLE,)),
            f.GcpSite(
                name=GCP,
                project="weft-prod-1",
                region="us-east4",
                network="core",
                router=f.Router(name=ROUTER, id="6983339776642123456", best_path=best_path),
            ),
        ),
        links=(_ix_a(graceful), _ix_b(), _managed(), _vpn()),
        flows=(
            f.Flow(
                name=f.FlowName("checkout"),
                prefixes={AWS: ("10.20.0.0/16",), GCP: ("10.216.0.0/20",)},
                demand=f.Bandwidth(GBPS),
                priority=1,
                min_mtu=1400,
                prefer=tuple(map(f.LinkName, ("ix-a", "ix-b", "vpn"))),
                aws_prefix_list=f.PinTarget(prefix_list=LIST, route_tables=(TABLE,)),
            ),
            f.Flow(
                name=f.FlowName("training"),
                prefixes={AWS: ("10.21.0.0/16",), GCP: ("10.217.0.0/16",)},
                demand=f.Bandwidth(6 * GBPS),
                priority=5,
                min_mtu=8000,
                prefer=tuple(map(f.LinkName, ("ix-a", "ix-b"))),
            ),
        ),
        policy=f.Policy(mode=f.Mode.AUTO),
        stores=f.Stores(),
    )


def _interconnect(name: str, gbps: int, timers: f.Timers, ends: tuple[f.AwsEnd, f.GcpEnd], member: f.Member) -> f.Link:
    number = 1 if name == "ix-a" else 2
    here, there = f"10.250.{number}.1", f"10.251.{number}.1"
    return f.Link(
        name=f.LinkName(name),
        kind=f.LinkKind.CROSS_CLOUD_INTERCONNECT,
        aws_site=AWS,
        gcp_site=GCP,
        capacity=f.Bandwidth(gbps * GBPS),
        mtu=8500,
        timers=timers,
        mode=f.Mode.AUTO,
        members=(member,),
        aws=ends[0],
        gcp=ends[1],
        probes=(f.ProbePair(site=AWS, source=here, target=there), f.ProbePair(site=GCP, source=there, target=here)),
    )


def _member(name: str, vif: str, connection: str, peer: tuple[str, str], alarms: tuple[str, ...] = ()) -> f.Member:
    aws = f.AwsMember(virtual_interface=vif, connection=connection)
    return f.Member(id=f.MemberId(name), aws=aws, gcp=f.GcpMember(peer=f.Peer(name=peer[0], ip=peer[1])), alarms=alarms)


def _ix_a(graceful: int) -> f.Link:
    aws = f.AwsEnd(attachments=(IX_A,), dx_gateway="5f294f92-bafb-4011-916d-9b0bec5dd43c", association="assoc-a")
    gcp = f.GcpEnd(vlan_attachment="vlan-a", import_policy="from-ix-a", export_policy="to-ix-a")
    timers = f.Timers(hold=timedelta(seconds=60), graceful_restart=timedelta(seconds=graceful))
    alarms = (f"xc-{VIF_A}-bgp", "xc-dxcon-fgv0etma-link")
    return _interconnect("ix-a", 10, timers, (aws, gcp), _member("a1", VIF_A, "dxcon-fgv0etma", ("aws-a", "169.254.1.2"), alarms))


def _ix_b() -> f.Link:
    aws = f.AwsEnd(attachments=(IX_B,), dx_gateway="8d3a1a60-0c3e-4f0e-9a4e-31a3c5ab7f42", association="assoc-b")
    gcp = f.GcpEnd(vlan_attachment="vlan-b", import_policy="from-ix-b", export_policy="to-ix-b")
    timers = f.Timers(hold=timedelta(seconds=60), bfd=f.Bfd(interval=timedelta(seconds=1), multiplier=5))
    return _interconnect("ix-b", 5, timers, (aws, gcp), _member("b1", VIF_B, "dxcon-fg5e6f7a", ("aws-b", "169.254.2.2")))


def _managed() -> f.Link:
    return f.Link(
        name=f.LinkName("mc"),
        kind=f.LinkKind.MANAGED_INTERCONNECT,
        aws_site=AWS,
        gcp_site=GCP,
        capacity=f.Bandwidth(GBPS),
        mtu=8500,
        timers=f.Timers(hold=timedelta(seconds=60)),
        mode=f.Mode.RECOMMEND,
        members=(f.Member(id=f.MemberId("m1")),),
        aws=f.AwsEnd(attachments=(MANAGED,), connection="mcc-1a2b3c4d", dx_gateway="2a6b1f0e", association="assoc-mc"),
        gcp=f.GcpEnd(transport="projects/weft-prod-1/locations/us-east4/transports/mc-1"),
    )


def _vpn() -> f.Link:
    tunnels = (
        ("t1", "vpn-0b2c3d4e5f6071829", "35.84.102.207", "169.254.3.1"),
        ("t2", "vpn-0b2c3d4e5f6071829", "35.161.41.136", "169.254.3.5"),
        ("t3", "vpn-0c3d4e5f607182930", "44.210.10.7", "169.254.4.1"),
        ("t4", "vpn-0c3d4e5f607182930", "44.210.10.8", "169.254.4.5"),
    )
    return f.Link(
        name=f.LinkName("vpn"),
        kind=f.LinkKind.VPN,
        aws_site=AWS,
        gcp_site=GCP,
        capacity=f.Bandwidth(5 * GBPS),
        mtu=1406,
        timers=f.Timers(hold=timedelta(seconds=30)),
        mode=f.Mode.AUTO,
        members=tuple(_tunnel(number, *tunnel) for number, tunnel in enumerate(tunnels, start=1)),
        aws=f.AwsEnd(attachments=(VPN_1, VPN_2)),
        gcp=f.GcpEnd(import_policy="from-vpn", export_policy="to-vpn"),
    )


def _tunnel(number: int, name: str, vpn: str, outside: str, inside: str) -> f.Member:
    peer = f.Peer(name=f"aws-vpn-{number}", ip=inside)
    return f.Member(id=f.MemberId(name), aws=f.AwsMember(vpn=vpn, outside_ip=outside), gcp=f.GcpMember(peer=peer, tunnel=f"ha-{name}"))


def blueprint(**native: int) -> Blueprint:
    """Give the reference network's blueprint; ix-a is preferred to ix-b natively unless ``native`` says otherwise."""
    return built.blueprint(reference(), native={"ix_b": 0} | {name.replace("_", "-"): med for name, med in native.items()})


def network(*, seed: int = 1, **native: int) -> Network:
    """Give the reference network."""
    return Network(blueprint(**native), seed=seed)


def preferring_a(*, seed: int = 1) -> Network:
    """Give the reference network where ix-a is natively better than ix-b."""
    return network(seed=seed, ix_b=50)


def only(*links: str, seed: int = 1) -> Network:
    """Give the reference network with some of its links alone."""
    whole = blueprint()
    return Network(replace(whole, links=tuple(link for link in whole.links if link.name in links)), seed=seed)


def timed(link: str, timers: Timers) -> Blueprint:
    """Give the blueprint where ix-a is preferred and one link has other timers."""
    whole = blueprint(ix_b=50)
    return replace(whole, links=tuple(replace(one, timers=timers) if one.name == link else one for one in whole.links))
