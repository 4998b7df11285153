"""A declared fabric as the compiled one that functions load."""

from pointsman.adapters.files import declared as d
from pointsman.core import fabric as f


def compiled(file: d.File) -> f.Fabric:
    """Compile a file that keeps every rule."""
    return f.Fabric(
        version=file.version,
        name=file.fabric,
        sites=tuple(site(name, one) for name, one in file.sites.items()),
        links=tuple(link(file, name) for name in file.links),
        flows=tuple(_flow(name, one) for name, one in file.flows.items()),
        policy=_policy(file.policy),
        stores=f.Stores(
            aws=file.stores.aws,
            gcp=file.stores.gcp,
            witness=file.stores.witness,
            generation=file.stores.generation,
            witness_key=file.stores.witness_key,
        ),
        desks=tuple(_desk(name, one) for name, one in file.desks.items()),
    )


def site(name: str, one: d.AwsSite | d.GcpSite) -> f.Site:
    """Compile one site."""
    return _aws_site(name, one) if isinstance(one, d.AwsSite) else _gcp_site(name, one)


def timers(one: d.Timers) -> f.Timers:
    """Compile a link's timers."""
    bfd = f.Bfd(interval=one.bfd.interval, multiplier=one.bfd.multiplier) if one.bfd else None
    return f.Timers(hold=one.hold, graceful_restart=one.graceful_restart, bfd=bfd)


def link(file: d.File, name: str) -> f.Link:
    """Compile one link; a site that the file does not tell is ""."""
    one, ends = file.links[name], file.ends(name)
    return f.Link(
        name=f.LinkName(name),
        kind=one.kind,
        aws_site=f.SiteName(ends.get("aws", "")),
        gcp_site=f.SiteName(ends.get("gcp", "")),
        capacity=f.Bandwidth(one.capacity),
        mtu=one.mtu,
        timers=timers(one.timers),
        mode=one.mode or file.policy.mode,
        members=tuple(_member(member) for member in one.members),
        cost_per_gb=one.cost_per_gb,
        risk_groups=tuple(one.risk_groups),
        aws=_aws_end(one.aws),
        gcp=_gcp_end(one.gcp),
        probes=tuple(f.ProbePair(site=f.SiteName(at), source=probe.source, target=probe.target) for at, probe in one.probes.items()),
    )


def _aws_site(name: str, one: d.AwsSite) -> f.AwsSite:
    return f.AwsSite(
        name=f.SiteName(name),
        account=one.account,
        region=one.region,
        transit_gateway=one.transit_gateway,
        core_network=one.core_network,
        virtual_private_gateway=one.virtual_private_gateway,
        route_tables=tuple(one.route_tables),
    )


def _gcp_site(name: str, one: d.GcpSite) -> f.GcpSite:
    router = f.Router(name=one.router.name, id=one.router.id, best_path=one.router.best_path) if one.router else None
    return f.GcpSite(name=f.SiteName(name), project=one.project, region=one.region, network=one.network, router=router, hub=one.hub)


def _aws_end(one: d.AwsEnd) -> f.AwsEnd:
    return f.AwsEnd(attachments=tuple(one.attachments), dx_gateway=one.dx_gateway, association=one.association, connection=one.connection)


def _gcp_end(one: d.GcpEnd) -> f.GcpEnd:
    return f.GcpEnd(
        vlan_attachment=one.vlan_attachment,
        import_policy=one.import_policy,
        export_policy=one.export_policy,
        transport=one.transport,
    )


def _member(one: d.Member) -> f.Member:
    aws, gcp = one.aws, one.gcp
    peer = f.Peer(name=gcp.peer.name, ip=gcp.peer.ip) if gcp.peer else None
    return f.Member(
        id=f.MemberId(one.id),
        aws=f.AwsMember(virtual_interface=aws.virtual_interface, connection=aws.connection, vpn=aws.vpn, outside_ip=aws.outside_ip),
        gcp=f.GcpMember(peer=peer, tunnel=gcp.tunnel),
        alarms=tuple(one.alarms),
    )


def _flow(name: str, one: d.Flow) -> f.Flow:
    target = one.aws_prefix_list
    return f.Flow(
        name=f.FlowName(name),
        prefixes={f.SiteName(at): tuple(prefixes) for at, prefixes in one.prefixes.items()},
        demand=f.Bandwidth(one.demand),
        priority=one.priority,
        min_mtu=one.min_mtu,
        prefer=tuple(f.LinkName(name) for name in one.prefer),
        aws_prefix_list=f.PinTarget(prefix_list=target.id, route_tables=tuple(target.route_tables)) if target else None,
    )


def _policy(one: d.Policy) -> f.Policy:
    fresh = one.freshness
    return f.Policy(
        mode=one.mode,
        hold_down=one.hold_down,
        epochs_per_hour=one.epochs_per_hour,
        without_quorum=one.without_quorum,
        takeover_after=one.takeover_after,
        freshness=f.Freshness(event=fresh.event, look=fresh.look, metric=fresh.metric),
        damping=_damping(one.damping),
        survive=f.Survive(n_1=one.survive.n_1, n_2=one.survive.n_2),
        maintenance=f.MaintenancePolicy(lead=one.maintenance.lead),
    )


def _damping(one: d.Damping) -> f.Damping:
    return f.Damping(
        half_life=one.half_life,
        down=one.down,
        reuse=one.reuse,
        suppress_failback=one.suppress_failback,
        suppress_action=one.suppress_action,
        max=one.max,
        observe=one.observe,
    )


def _desk(name: str, one: d.Desk) -> f.DeskSettings:
    return f.DeskSettings(name=name, kind=one.kind, secret=one.routing_key, min_severity=one.min_severity, endpoint=one.endpoint)
