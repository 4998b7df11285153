"""Build the network model's blueprint from a compiled fabric, so that the twin is the user's own network."""

from collections.abc import Iterator, Mapping, Sequence

from pointsman.core.fabric import AwsSite, Fabric, Flow, GcpSite, Link, LinkKind, Member, ProbePair, Site, Timers
from pointsman.testing.network import blueprint as model
from pointsman.testing.network.blueprint import Announcement, Blueprint, FlowSpec, LinkSpec, LinkType, MemberSpec, Side, SiteSpec

BACKUP_MED = 100
"""Added to the MED over a VPN, so that it stays the backup in both directions."""

LAST_RESORT_MED = 60_000
"""Added to the MED of a flow's prefixes over a link that the flow is not permitted on: above any steered route."""

DELAY = {LinkType.DXGW: 0.002, LinkType.MANAGED: 0.002, LinkType.VPN: 0.012}
"""One-way delay in seconds by link type."""

_TYPES = {
    LinkKind.CROSS_CLOUD_INTERCONNECT: LinkType.DXGW,
    LinkKind.MANAGED_INTERCONNECT: LinkType.MANAGED,
    LinkKind.VPN: LinkType.VPN,
}


def blueprint(fabric: Fabric, *, native: Mapping[str, int] | None = None) -> Blueprint:
    """Build the network that a fabric declares, every path up.

    Each link announces, both ways, the prefixes of all flows between its two sites and its probe addresses. ``native``
    adds to the MED of a link by name; otherwise interconnects are equal, VPNs a backup, and a link that a flow is not
    permitted on its last resort.
    """
    native = native or {}
    return Blueprint(
        name=fabric.name,
        sites=tuple(_site(fabric, site) for site in fabric.sites),
        links=tuple(_link(fabric, task, link, native.get(link.name)) for task, link in enumerate(fabric.links)),
        flows=tuple(_flow(fabric, flow) for flow in fabric.flows),
        prefix_lists=tuple(_prefix_lists(fabric)),
    )


def route_tables(site: Site) -> tuple[str, ...]:
    """Name a site's route tables; a site that declares none has one of its own name."""
    return (site.route_tables or (f"{site.name}-routes",)) if isinstance(site, AwsSite) else ()


def _site(fabric: Fabric, site: Site) -> SiteSpec:
    if isinstance(site, AwsSite):
        hub = site.transit_gateway or site.core_network or site.virtual_private_gateway or site.name
        return SiteSpec(
            name=site.name,
            side=Side.AWS,
            account=site.account,
            region=site.region,
            hub=hub,
            route_tables=_tables(fabric, site),
            cloud_wan=bool(site.core_network),
        )
    return SiteSpec(
        name=site.name, side=Side.GCP, account=site.project, region=site.region, hub=site.network, asn=16550, router=_router(site)
    )


def _tables(fabric: Fabric, site: AwsSite) -> tuple[str, ...]:
    pins = [flow.aws_prefix_list for flow in fabric.flows if flow.aws_prefix_list and site.name in flow.prefixes]
    return tuple(dict.fromkeys((*route_tables(site), *(table for pin in pins for table in pin.route_tables))))


def _router(site: GcpSite) -> model.RouterSpec | None:
    if site.router is None:
        return None
    return model.RouterSpec(name=site.router.name, id=site.router.id, standard_best_path=site.router.best_path == "standard")


def _link(fabric: Fabric, task: int, link: Link, native: int | None) -> LinkSpec:
    kind = _TYPES[link.kind]
    attachments = link.aws.attachments or (f"{link.name}-attachment",)
    return LinkSpec(
        name=link.name,
        type=kind,
        aws_site=link.aws_site,
        gcp_site=link.gcp_site,
        capacity=link.capacity,
        mtu=link.mtu,
        timers=_timers(link.timers),
        members=tuple(_members(link, attachments, task)),
        attachments=attachments,
        delay=DELAY[kind],
        dx_gateway=link.aws.dx_gateway,
        association=link.aws.association,
        aws_connection=link.aws.connection,
        vlan_attachment=link.gcp.vlan_attachment,
        transport=link.gcp.transport,
        announces={side: tuple(_announces(fabric, link, side, native)) for side in Side},
        probes={_side(link, pair): _probe(link, pair) for pair in link.probes},
    )


def _timers(timers: Timers) -> model.Timers:
    hold = timers.hold.total_seconds()
    bfd = model.Bfd(interval=timers.bfd.interval.total_seconds(), multiplier=timers.bfd.multiplier) if timers.bfd else None
    return model.Timers(hold=hold, keepalive=hold / 3, graceful_restart=timers.graceful_restart.total_seconds(), bfd=bfd)


def _members(link: Link, attachments: Sequence[str], task: int) -> Iterator[MemberSpec]:
    """Give the members: the VPN connections of a link stand in the order of its attachments."""
    connections = list(dict.fromkeys(member.aws.vpn for member in link.members))
    for member in link.members:
        place = connections.index(member.aws.vpn)
        yield _member(member, attachments[place % len(attachments)], task)


def _member(member: Member, attachment: str, task: int) -> MemberSpec:
    peer = member.gcp.peer
    return MemberSpec(
        id=member.id,
        attachment=attachment,
        virtual_interface=member.aws.virtual_interface,
        connection=member.aws.connection,
        vpn=member.aws.vpn,
        outside_ip=member.aws.outside_ip,
        gcp_tunnel=member.gcp.tunnel,
        peer=model.PeerSpec(name=peer.name, ip=peer.ip) if peer else None,
        task=task,
        alarms=member.alarms,
    )


def _announces(fabric: Fabric, link: Link, side: Side, native: int | None) -> Iterator[Announcement]:
    site = link.aws_site if side is Side.AWS else link.gcp_site
    preference = native if native is not None else BACKUP_MED if link.kind is LinkKind.VPN else 0
    for flow in fabric.flows:
        if {link.aws_site, link.gcp_site} <= flow.prefixes.keys():
            added = preference if fabric.permits(flow, link) else LAST_RESORT_MED
            yield from (Announcement(prefix=prefix, med=added) for prefix in flow.prefixes[site])
    for pair in link.probes:
        if pair.site == site:
            yield Announcement(prefix=f"{pair.source}/{128 if ':' in pair.source else 32}")


def _side(link: Link, pair: ProbePair) -> Side:
    return Side.AWS if pair.site == link.aws_site else Side.GCP


def _probe(link: Link, pair: ProbePair) -> model.ProbeSpec:
    """Give a probe; its alarm is the declared one whose name holds ``probe`` and the site's name."""
    declared = (name for member in link.members for name in member.alarms if "probe" in name and pair.site in name)
    return model.ProbeSpec(source=pair.source, target=pair.target, alarm=next(declared, f"probe-{link.name}-{pair.site}"))


def _flow(fabric: Fabric, flow: Flow) -> FlowSpec:
    aws, gcp = (next(site for site in fabric.sites if site.name in flow.prefixes and isinstance(site, kind)) for kind in (AwsSite, GcpSite))
    tables = (*(flow.aws_prefix_list.route_tables if flow.aws_prefix_list else ()), *route_tables(aws))
    prefixes = {Side.AWS: flow.prefixes[aws.name], Side.GCP: flow.prefixes[gcp.name]}
    return FlowSpec(
        name=flow.name,
        aws_site=aws.name,
        gcp_site=gcp.name,
        prefixes=prefixes,
        demand=flow.demand,
        packet=flow.min_mtu,
        route_table=tables[0],
    )


def _prefix_lists(fabric: Fabric) -> Iterator[model.PrefixListSpec]:
    for flow in fabric.flows:
        if flow.aws_prefix_list:
            gcp = next(site.name for site in fabric.sites if site.name in flow.prefixes and isinstance(site, GcpSite))
            yield model.PrefixListSpec(id=flow.aws_prefix_list.prefix_list, cidrs=flow.prefixes[gcp])
