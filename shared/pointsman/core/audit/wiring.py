"""Is each link wired as its flows need it: associations and propagations, routes on the standby, what a gateway may announce."""

from collections.abc import Iterator, Sequence

from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.seen import Attachment, End, Seen
from pointsman.core.fabric import Cloud, Fabric, Flow, Link, LinkKind
from pointsman.core.networks import net, within
from pointsman.core.plan import LinkState, Plan, Verdict

SHOWN = 6
"""Prefixes that one finding names."""


def wiring(fabric: Fabric, seen: Seen) -> Iterator[Finding]:
    """Find attachments that packets cannot come in by (no association) or whose routes no table has (no propagation)."""
    shown = {one.id: one for one in seen.attachments or ()}
    for link in fabric.links if seen.attachments is not None else ():
        for name in link.aws.attachments:
            held = shown.get(name, Attachment(id=name))
            if not held.association:
                yield _unassociated(fabric, link, name)
            yield from (_unpropagated(fabric, link, name, table) for table in _tables(fabric, link) if table not in held.propagates)


def _tables(fabric: Fabric, link: Link) -> tuple[str, ...]:
    return fabric.aws_site(link).route_tables


def _unassociated(fabric: Fabric, link: Link, attachment: str) -> Finding:
    table = (*_tables(fabric, link), "ROUTE_TABLE")[0]
    return Finding(
        check=Check.ASSOCIATION,
        subject=attachment,
        severity=Severity.ERROR,
        text=f"{attachment} of {link.name} is associated with no route table: what Google sends over it goes nowhere",
        evidence=(Evidence(side="aws", says=f"{attachment} has no association"), Evidence(side="fabric", says=f"{link.name} is a link")),
        fix=f"aws ec2 associate-transit-gateway-route-table {_both(table, attachment)} --region {fabric.aws_site(link).region}",
        link=link.name,
    )


def _unpropagated(fabric: Fabric, link: Link, attachment: str, table: str) -> Finding:
    enable = "aws ec2 enable-transit-gateway-route-table-propagation"
    return Finding(
        check=Check.PROPAGATION,
        subject=f"{attachment} {table}",
        severity=Severity.ERROR,
        text=f"{attachment} of {link.name} does not propagate into {table}: AWS cannot send anything over it",
        evidence=(
            Evidence(side="aws", says=f"{table} takes no routes of {attachment}"),
            Evidence(side="fabric", says=f"{link.aws_site} declares {table}"),
        ),
        fix=f"{enable} {_both(table, attachment)} --region {fabric.aws_site(link).region}",
        link=link.name,
    )


def _both(table: str, attachment: str) -> str:
    return f"--transit-gateway-route-table-id {table} --transit-gateway-attachment-id {attachment}"


def standby(fabric: Fabric, plan: Plan | None, seen: Seen) -> Iterator[Finding]:
    """Find links that a flow may be moved to and that do not offer its routes: sessions that accept nothing, prefixes that were not learned."""
    for link in fabric.links:
        state = plan.links.get(link.name, LinkState()) if plan else LinkState()
        flows = [flow for flow in fabric.flows if fabric.permits(flow, link)]
        if not flows or state.verdict is Verdict.DOWN or state.drain is not None:
            continue  # that its routes are gone is known, and dealt with
        for end in seen.ends or ():
            if end.link == link.name:
                yield from _end(fabric, link, flows, end, seen.cloud)


def _end(fabric: Fabric, link: Link, flows: Sequence[Flow], end: End, cloud: Cloud) -> Iterator[Finding]:
    far = link.gcp_site if cloud is Cloud.AWS else link.aws_site
    missing = _missing(flows, far, end.learned) if end.learned is not None else []
    if end.up is not False and not missing and end.accepted != 0:
        return
    says = "the session is down" if end.up is False else f"{', '.join(missing[:SHOWN]) or 'any route'} was not learned"
    yield Finding(
        check=Check.STANDBY,
        subject=f"{link.name} {cloud} {end.name}",
        severity=Severity.WARNING,
        text=f"{link.name} is no standby for {', '.join(flow.name for flow in flows[:SHOWN])}: {says} by {end.name}",
        evidence=(Evidence(side=cloud.value, says=says), Evidence(side="fabric", says=f"prefixes of {far} permitted on {link.name}")),
        fix=_routes(fabric, end, cloud, missing or _wanted(flows, far)),
        link=link.name,
    )


def _wanted(flows: Sequence[Flow], site: str) -> tuple[str, ...]:
    """List the prefixes of flows at a site, each once."""
    return tuple(dict.fromkeys(prefix for flow in flows for name, prefixes in flow.prefixes.items() if name == site for prefix in prefixes))


def _missing(flows: Sequence[Flow], site: str, learned: Sequence[str]) -> list[str]:
    return [prefix for prefix in _wanted(flows, site) if not any(_covers(one, prefix) for one in learned)]


def _routes(fabric: Fabric, end: End, cloud: Cloud, prefixes: Sequence[str]) -> str:
    """Give the command that shows what that end hears of some prefixes: what to mend stands at the other one. Google lists one family a call."""
    link = fabric.link(end.link)
    if cloud is Cloud.AWS:
        return f"{_aws_routes(link, end)} --region {fabric.aws_site(link).region}"
    site = fabric.gcp_site(link)
    router = site.router.name if site.router else "ROUTER"
    place = f"--region {site.region} --project {site.project}"
    call = f"gcloud compute routers list-bgp-routes {router} --peer={end.name}"
    families = sorted({one.version for one in map(net, prefixes) if one is not None}) or [4]
    return " && ".join(f"{call} --address-family=IPV{family} --route-direction=inbound {place}" for family in families)


def _aws_routes(link: Link, end: End) -> str:
    if link.kind is LinkKind.VPN:
        return f"aws ec2 describe-vpn-connections --vpn-connection-ids {end.name.partition(':')[0]}"
    if end.up is False:
        return f"aws directconnect describe-virtual-interfaces --virtual-interface-id {end.name}"
    return f"aws directconnect list-virtual-interface-routes --virtual-interface-id {end.name} --filters routeDirection=accepted"


def allowed(fabric: Fabric, seen: Seen) -> Iterator[Finding]:
    """Find prefixes of permitted flows that a Direct Connect gateway may not announce, or only within a wider one that a VPN beats."""
    for link in fabric.links:
        if link.name not in seen.allowed:
            continue
        held = seen.allowed[link.name]
        flows = [flow for flow in fabric.flows if fabric.permits(flow, link)]
        missing = _missing(flows, link.aws_site, held)
        if missing:
            yield _forbidden(fabric, link, missing, held)
        loses = [flow for flow in flows if _over_vpn(fabric, flow)]
        wide = [one for one in _missing_exactly(loses, link.aws_site, held) if one not in missing]
        if wide:
            yield _wide(fabric, link, wide, held)


def _over_vpn(fabric: Fabric, flow: Flow) -> bool:
    return any(link.kind == "vpn" and fabric.permits(flow, link) for link in fabric.links)


def _missing_exactly(flows: Sequence[Flow], site: str, held: Sequence[str]) -> list[str]:
    return [prefix for prefix in _wanted(flows, site) if prefix not in held]


def _forbidden(fabric: Fabric, link: Link, missing: Sequence[str], held: Sequence[str]) -> Finding:
    return Finding(
        check=Check.ALLOWED_PREFIXES,
        subject=f"{link.name} missing",
        severity=Severity.ERROR,
        text=f"{link.name} cannot carry what Google sends to {', '.join(missing[:SHOWN])}: the gateway may not announce it",
        evidence=_prefixes(link, held),
        fix=_allow(fabric, link, missing),
        link=link.name,
    )


def _wide(fabric: Fabric, link: Link, wide: Sequence[str], held: Sequence[str]) -> Finding:
    return Finding(
        check=Check.ALLOWED_PREFIXES,
        subject=f"{link.name} summary",
        severity=Severity.WARNING,
        text=f"{link.name} announces {', '.join(wide[:SHOWN])} only within a wider prefix: a VPN that announces it exactly wins the way back",
        evidence=_prefixes(link, held),
        fix=_allow(fabric, link, wide),
        link=link.name,
    )


def _prefixes(link: Link, held: Sequence[str]) -> tuple[Evidence, ...]:
    return (
        Evidence(side="aws", says=f"{link.aws.association} allows {', '.join(held[:SHOWN]) or 'nothing'}"),
        Evidence(side="fabric", says=f"prefixes of flows that prefer {link.name}"),
    )


def _allow(fabric: Fabric, link: Link, prefixes: Sequence[str]) -> str:
    added = " ".join(f"cidr={prefix}" for prefix in prefixes)
    call = "aws directconnect update-direct-connect-gateway-association"
    return (
        f"{call} --association-id {link.aws.association} --add-allowed-prefixes-to-direct-connect-gateway {added}"
        f" --region {fabric.aws_site(link).region}"
    )


def _covers(outer: str, inner: str) -> bool:
    wide, narrow = net(outer), net(inner)
    return wide is not None and narrow is not None and within(wide, narrow)
