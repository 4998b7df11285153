"""Would a link carry the flows that it is permitted to: by the routes of its sessions, or by probes where no session of it is ours."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.routes import missing_of, wanted_of
from pointsman.core.audit.seen import End, Seen
from pointsman.core.claims import rows_of
from pointsman.core.evidence import PROBES, claims_by_link, cloud_of
from pointsman.core.fabric import Cloud, Fabric, Flow, Link, LinkKind
from pointsman.core.networks import net
from pointsman.core.plan import LinkState, Plan, Verdict
from pointsman.core.sightings import Health, Sighting
from pointsman.core.unforced import Known

SHOWN = 6
"""Prefixes, or flows, that one finding names."""
_TOLD = (Health.UNKNOWN, Health.UP, Health.DEGRADED, Health.DOWN)
_PASSING = frozenset({Health.UP, Health.DEGRADED})


def standby(fabric: Fabric, plan: Plan | None, seen: Seen) -> Iterator[Finding]:
    """Find links that a flow may be moved to and that do not offer its routes: sessions that accept nothing, prefixes that were not learned."""
    for link, flows in _standbys(fabric, plan):
        for end in seen.ends or ():
            if end.link == link.name:
                yield from _end(fabric, link, flows, end, seen.cloud)


def _standbys(fabric: Fabric, plan: Plan | None) -> Iterator[tuple[Link, list[Flow]]]:
    """Give the links that flows may be moved to, with these; of one that is down or drained it is known, and dealt with."""
    for link in fabric.links:
        state = plan.links.get(link.name, LinkState()) if plan else LinkState()
        flows = [flow for flow in fabric.flows if fabric.permits(flow, link)]
        if flows and state.verdict is not Verdict.DOWN and state.drain is None:
            yield link, flows


def _end(fabric: Fabric, link: Link, flows: Sequence[Flow], end: End, cloud: Cloud) -> Iterator[Finding]:
    far = link.gcp_site if cloud is Cloud.AWS else link.aws_site
    missing = missing_of(flows, far, end.learned) if end.learned is not None else []
    if end.up is not False and not missing and end.accepted != 0:
        return
    says = "the session is down" if end.up is False else f"{', '.join(missing[:SHOWN]) or 'any route'} was not learned"
    yield Finding(
        check=Check.STANDBY,
        subject=f"{link.name} {cloud} {end.name}",
        severity=Severity.WARNING,
        text=f"{link.name} is no standby for {_named(flows)}: {says} by {end.name}",
        evidence=(Evidence(side=cloud.value, says=says), Evidence(side="fabric", says=f"prefixes of {far} permitted on {link.name}")),
        show=_routes(fabric, end, cloud, missing or wanted_of(flows, far)),
        link=link.name,
    )


def _named(flows: Sequence[Flow]) -> str:
    return ", ".join(flow.name for flow in flows[:SHOWN])


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


def unproved(fabric: Fabric, plan: Plan | None, known: Known, now: datetime) -> Iterator[Finding]:
    """Find links without a session of ours that flows may be moved to and that fresh probes do not show passing packets both ways.

    Only where both clouds' rows were read: else nothing is known of their probes.
    """
    if known.whole_at is None:
        return
    claims = claims_by_link(fabric, known.rows, now)
    for link, flows in _standbys(fabric, plan):
        told = _probes(rows_of(claims[link.name]))
        if not _has_sessions(link) and not _PASSING.issuperset(told.values()):
            yield _unproved(link, flows, told)


def _has_sessions(link: Link) -> bool:
    return any(member.aws.virtual_interface or member.aws.vpn or member.gcp.peer for member in link.members)


def _probes(rows: Iterator[Sighting]) -> dict[Cloud, Health]:
    """Say what each cloud's probe of a link tells, the worst where there are several; unknown where none is fresh."""
    found: dict[Cloud, Health] = dict.fromkeys(Cloud, Health.UNKNOWN)
    for row in rows:
        cloud = cloud_of(row.vantage)
        if row.vantage in PROBES and row.health in _TOLD and cloud is not None:
            found[cloud] = max(found[cloud], row.health, key=_TOLD.index)
    return found


def _unproved(link: Link, flows: Sequence[Flow], told: Mapping[Cloud, Health]) -> Finding:
    lost = [cloud for cloud, health in told.items() if health is Health.DOWN]
    bare = not link.probes and not any(member.alarms for member in link.members)
    why = f"the probe of {' and '.join(lost)} loses packets on it" if lost else "no fresh probes show packets passing both ways over it"
    return Finding(
        check=Check.STANDBY,
        subject=f"{link.name} probes",
        severity=Severity.WARNING if lost else Severity.NOTE,
        text=f"{link.name} is {'no' if lost else 'not proved as a'} standby for {_named(flows)}: none of its sessions is ours, and {why}",
        evidence=(
            *(Evidence(side=cloud.value, says=_said(health)) for cloud, health in told.items()),
            Evidence(side="fabric", says=f"{_named(flows)} permitted on {link.name}{', which declares no probe' if bare else ''}"),
        ),
        show="" if bare else f"pointsman explain FABRIC {link.name}",
        decide=(
            f"declare probes for {link.name} in the fabric file, or alarms of the clouds' own probes on its members, adopt it and run a"
            " prober at each end; or take it that nobody knows whether it carries"
        )
        if bare
        else "",
        link=link.name,
    )


def _said(health: Health) -> str:
    return "no fresh probe" if health is Health.UNKNOWN else f"its probe says {health}"
