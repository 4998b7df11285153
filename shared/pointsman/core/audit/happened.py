"""What somebody did by hand, and what could not be read."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from pointsman.core.audit.commands import to_read, who_did_it
from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.seen import Seen, Unread
from pointsman.core.fabric import AwsSite, Cloud, Fabric, GcpSite, Link, LinkName
from pointsman.core.plan import LinkState, Plan
from pointsman.core.sightings import Actor, Change, Vantage

LOOKBACK = timedelta(hours=24)
"""How far back hand changes are told."""
CHANGES_LIMIT = 50
"""Hand changes of one cloud, of what the fabric declares, that are told, the newest; an audit names them to be looked at, it is no log."""


def hand_changes(fabric: Fabric, plan: Plan | None, seen: Seen, now: datetime) -> Iterator[Finding]:
    """Name what somebody else than pointsman changed of what the fabric declares, and who it was."""
    names = _names(fabric)
    recent = (one for one in seen.changes if one.actor is not Actor.OURSELVES and now - one.seen_at <= LOOKBACK)
    ours = ((change, name) for change in recent if (name := _declared(change, names)) is not None)
    for change, name in sorted(ours, key=lambda one: one[0].seen_at, reverse=True)[:CHANGES_LIMIT]:
        yield _changed(fabric, change, (name, names[name]), _asked(plan, names[name]), seen.cloud)


def _declared(change: Change, names: Mapping[str, LinkName | None]) -> str | None:
    """Give the first thing of the fabric that a change names: by its whole name, or by the end of a path."""
    words = (one for word in change.target.split() for one in (word, word.rpartition("/")[2]))
    return next((one for one in words if one in names), None)


def _asked(plan: Plan | None, link: LinkName | None) -> tuple[Evidence, ...]:
    """Say what the plan asks of a link."""
    if plan is None or link is None:
        return ()
    drained = "drained" if plan.links.get(link, LinkState()).drain is not None else "not drained"
    on = ", ".join(name for name, placed in plan.flows.items() if placed.link == link) or "no flow"
    return (Evidence(side="plan", says=f"{link} is {drained}, with {on} on it"),)


def _changed(fabric: Fabric, change: Change, of: tuple[str, LinkName | None], asked: tuple[Evidence, ...], cloud: Cloud) -> Finding:
    name, link = of
    return Finding(
        check=Check.HAND_CHANGE,
        subject=f"{cloud} {change.what} {change.target} {change.seen_at:%FT%T}",
        severity=Severity.WARNING,
        text=f"{change.who or 'somebody'} made {change.what} on {change.target} at {change.seen_at:%FT%TZ}{_claimed(change)}",
        evidence=(
            Evidence(side=cloud.value, says=f"{change.what} by {change.who or 'an unnamed principal'}"),
            Evidence(side="fabric", says=f"{name} is declared{f' for {link}' if link else ''}"),
            *asked,
        ),
        show=who_did_it(fabric, cloud, change, link),
        link=link,
    )


def _claimed(change: Change) -> str:
    """Say what to do where it was most likely a function of ours, which its name hides."""
    name = "role session" if change.vantage is Vantage.AWS else "service account"
    told = f" under pointsman's user agent: if a function of yours made it, give it a {name} named pointsman-.."
    return told if change.actor is Actor.CLAIMED else ""


def _names(fabric: Fabric) -> dict[str, LinkName | None]:
    """Map the identifiers of everything that the fabric declares to their link, None where they serve several."""
    found: dict[str, LinkName | None] = {}
    for site in fabric.sites:
        found.update(dict.fromkeys(site.route_tables if isinstance(site, AwsSite) else _routers(site)))
    found.update({flow.aws_prefix_list.prefix_list: None for flow in fabric.flows if flow.aws_prefix_list})
    for link in fabric.links:
        found.update(dict.fromkeys(_of_link(fabric, link), link.name))
    return found


def _routers(site: GcpSite) -> Iterator[str]:
    """Name a site's router, by its number too; a change of its route policies names no more than the router."""
    if site.router is not None:
        yield from (f"{_region(site)}/routers/{site.router.name}", site.router.id)


def _region(site: GcpSite) -> str:
    """Give what the paths of a region's things begin with: another region's may have the same names."""
    return f"projects/{site.project}/regions/{site.region}"


def _of_link(fabric: Fabric, link: Link) -> Iterator[str]:
    aws, gcp, region = link.aws, link.gcp, _region(fabric.gcp_site(link))
    yield from aws.attachments
    yield from (one for one in (aws.dx_gateway, aws.association, aws.connection) if one)
    if gcp.vlan_attachment:
        yield f"{region}/interconnectAttachments/{gcp.vlan_attachment}"
    if gcp.transport:
        yield gcp.transport
    for member in link.members:
        yield from (one for one in (member.aws.virtual_interface, member.aws.connection, member.aws.vpn) if one)
        if member.gcp.tunnel:
            yield f"{region}/vpnTunnels/{member.gcp.tunnel}"


def unread(fabric: Fabric, seen: Seen, both: Mapping[Cloud, Seen]) -> Iterator[Finding]:
    """Name what could not be read: nothing is proved of it. The other cloud's evidence says whether it was read."""
    other = [Evidence(side=cloud.value, says=_how_read(one)) for cloud, one in both.items() if cloud is not seen.cloud]
    beside = tuple(other) or (Evidence(side="fabric", says=f"{_other(seen.cloud)} is audited by itself"),)
    return (_unread(fabric, seen, one, beside) for one in seen.unread)


def _other(cloud: Cloud) -> Cloud:
    return Cloud.GCP if cloud is Cloud.AWS else Cloud.AWS


def _how_read(seen: Seen) -> str:
    if seen.dark:
        return "nothing could be read"
    return f"read, but for {', '.join(one.what for one in seen.unread)}" if seen.unread else "every part was read"


def _unread(fabric: Fabric, seen: Seen, one: Unread, beside: tuple[Evidence, ...]) -> Finding:
    return Finding(
        check=Check.UNREAD,
        subject=f"{seen.cloud} {one.what}",
        severity=Severity.WARNING,
        text=f"{one.what} could not be read, so nothing is known of it: {one.why}",
        evidence=(Evidence(side=seen.cloud.value, says=one.why), *beside),
        show=to_read(fabric, seen.cloud, one),
    )
