"""Levers against the plan, and static entries that no plan asks for.

An entry is a pin of ours by its place and target: a flow's prefix list (or exactly its Google prefixes) in a route table
that the fabric declares, pointing to an attachment of one of its links. Any other static entry to such an attachment is
somebody's own, and beats BGP all the same.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.seen import Entry, Seen
from pointsman.core.fabric import Cloud, Fabric, Flow, FlowName, Link, Mode
from pointsman.core.plan import LinkState, Pin, Plan
from pointsman.core.steering import FailoverTest, PeerPriority, PrefixListPin, RoutePolicies, Setting, StaticPin
from pointsman.core.wants import route_policies

SETTLING = timedelta(minutes=3)
"""How long after a decision its levers may still be on their way: two sweeps and the clouds' own delay."""
SHOWN = 8
"""Stances of one link that are told as evidence."""


def drift(fabric: Fabric, plan: Plan, seen: Seen, now: datetime) -> Iterator[Finding]:
    """Find levers that read otherwise than the plan asks, and pins that have no business to stand."""
    severity = Severity.NOTE if now - plan.decided_at < SETTLING else Severity.WARNING
    for setting in seen.levers if plan.epoch else ():
        yield from _lever(fabric, plan, setting, severity)
    if seen.cloud is Cloud.AWS:
        yield from _expired(plan, now)
        yield from _entries(fabric, plan, seen.entries or ())


def _lever(fabric: Fabric, plan: Plan, held: Setting, severity: Severity) -> Iterator[Finding]:
    match held:
        case RoutePolicies():
            yield from _policies(fabric, plan, held, severity)
        case FailoverTest(running=True):
            yield from _test(fabric, plan, held, severity)
        case FailoverTest() | PeerPriority() | PrefixListPin() | StaticPin():
            return


def _policies(fabric: Fabric, plan: Plan, held: RoutePolicies, severity: Severity) -> Iterator[Finding]:
    link = fabric.link(held.link)
    asked = route_policies(fabric, plan, link)
    if link.mode is not Mode.AUTO or held == asked:
        return
    yield Finding(
        check=Check.POLICY_DRIFT,
        subject=link.name,
        severity=severity,
        text=f"the route policies of {link.name} are not set as epoch {plan.epoch} asks",
        evidence=(Evidence(side="plan", says=_stances(asked)), Evidence(side="gcp", says=_stances(held))),
        link=link.name,
        swept=True,
    )


def _stances(policies: RoutePolicies) -> str:
    sides = (("import", policies.imports), ("export", policies.exports))
    parts = [f"{side} {one.stance} {one.prefix} (rank {one.rank})" for side, stances in sides for one in stances]
    return ", ".join(parts[:SHOWN]) + (f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else "") or "every prefix attracted"


def _test(fabric: Fabric, plan: Plan, held: FailoverTest, severity: Severity) -> Iterator[Finding]:
    link = fabric.link(held.link)
    if plan.links.get(link.name, LinkState()).drain is not None:
        return
    interfaces = [member.aws.virtual_interface for member in link.members if member.aws.virtual_interface]
    region = fabric.aws_site(link).region
    stop = "aws directconnect stop-bgp-failover-test --virtual-interface-id"
    yield Finding(
        check=Check.TEST_DRIFT,
        subject=link.name,
        severity=severity,
        text=f"a failover test of ours keeps traffic off {link.name}, which the plan does not drain",
        evidence=(Evidence(side="plan", says="not drained"), Evidence(side="aws", says=f"a test runs on {', '.join(interfaces)}")),
        fix=" && ".join(f"{stop} {one} --region {region}" for one in interfaces),
        link=link.name,
        swept=link.mode is Mode.AUTO,
    )


def _expired(plan: Plan, now: datetime) -> Iterator[Finding]:
    for pin in plan.pins:
        if pin.expires_at <= now:
            yield Finding(
                check=Check.EXPIRED_PIN,
                subject=pin.flow,
                severity=Severity.ERROR,
                text=f"the pin of {pin.flow} to {pin.link} was to end at {pin.expires_at:%FT%TZ} and is still planned: does anything decide?",
                evidence=(Evidence(side="plan", says=f"owner {pin.owner}, because {pin.reason}"),),
                fix="pointsman status",
                link=pin.link,
            )


def _entries(fabric: Fabric, plan: Plan, entries: tuple[Entry, ...]) -> Iterator[Finding]:
    links = {one: link for link in fabric.links for one in link.aws.attachments}
    pins = {pin.flow: pin for pin in plan.pins}
    for entry in dict.fromkeys(entries):
        flow, link = _flow_of(fabric, entry), links.get(entry.attachment)
        if flow is not None and flow.name in pins:
            yield from _pinned(fabric, pins[flow.name], entry)
        elif link is not None:
            yield _unplanned(fabric, link, entry, flow)


def _pinned(fabric: Fabric, pin: Pin, entry: Entry) -> Iterator[Finding]:
    link = fabric.link(pin.link)
    if entry.attachment in link.aws.attachments:
        return
    yield Finding(
        check=Check.PIN_DRIFT,
        subject=f"{entry.table} {entry.name}",
        severity=Severity.ERROR,
        text=f"{entry.name} in {entry.table} leads to {entry.attachment or 'a black hole'}, and {pin.flow} is pinned to {pin.link}",
        evidence=(Evidence(side="plan", says=f"{pin.flow} pinned to {pin.link}"), Evidence(side="aws", says=_reads(entry))),
        fix=_point(entry, link.aws.attachments[0], fabric.aws_site(link).region),
        link=link.name,
        swept=link.mode is Mode.AUTO,
    )


def _unplanned(fabric: Fabric, link: Link, entry: Entry, flow: Flow | None) -> Finding:
    """Name an entry that no plan asks for: a pin of ours that was left behind, or somebody's own."""
    whose = "no plan asks for it" if flow else "no flow declares its place, so somebody set it by hand"
    return Finding(
        check=Check.ORPHAN_PIN if flow else Check.STATIC_OVERRIDE,
        subject=f"{entry.table} {entry.name}",
        severity=Severity.ERROR if flow else Severity.WARNING,
        text=f"{entry.name} in {entry.table} leads to {link.name} whatever BGP says: {whose}",
        evidence=(Evidence(side="aws", says=_reads(entry)), Evidence(side="plan", says=f"no pin of {flow.name}" if flow else "no pin")),
        fix=_delete(entry, fabric.aws_site(link).region),
        link=link.name,
        swept=flow is not None and flow.aws_prefix_list is not None and entry.name == flow.aws_prefix_list.prefix_list,
    )


def _flow_of(fabric: Fabric, entry: Entry) -> Flow | None:
    """Name the flow whose place for a pin an entry stands in."""
    by_name: dict[str, FlowName] = {}
    for flow in fabric.flows:
        if flow.aws_prefix_list and entry.table in flow.aws_prefix_list.route_tables:
            by_name[flow.aws_prefix_list.prefix_list] = flow.name
        google = {link.gcp_site for link in fabric.links}
        by_name.update((prefix, flow.name) for site in google for prefix in flow.prefixes.get(site, ()))
    found = by_name.get(entry.name)
    return None if found is None else fabric.flow(found)


def _reads(entry: Entry) -> str:
    return f"{entry.table} {entry.name} -> {entry.attachment or 'black hole'} (static)"


def _delete(entry: Entry, region: str) -> str:
    return f"aws ec2 {_verb('delete', entry)} {_where(entry)} --region {region}"


def _point(entry: Entry, attachment: str, region: str) -> str:
    verb = _verb("modify" if entry.name.startswith("pl-") else "replace", entry)
    return f"aws ec2 {verb} {_where(entry)} --transit-gateway-attachment-id {attachment} --region {region}"


def _verb(verb: str, entry: Entry) -> str:
    return f"{verb}-transit-gateway-{'prefix-list-reference' if entry.name.startswith('pl-') else 'route'}"


def _where(entry: Entry) -> str:
    named = "--prefix-list-id" if entry.name.startswith("pl-") else "--destination-cidr-block"
    return f"--transit-gateway-route-table-id {entry.table} {named} {entry.name}"
