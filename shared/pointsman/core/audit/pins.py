"""Static entries of Transit Gateway route tables against the plan: pins that lack, lead elsewhere or outlive it, and what else beats BGP.

An entry is a pin of ours by its place and target: a flow's prefix list (or exactly its Google prefixes) in a route table
that the fabric declares, pointing to an attachment of one of its links. Any other static entry to such an attachment is
somebody's own, and so is one that takes a flow's prefix, or a part of it, anywhere else: both beat BGP all the same.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.seen import Entry, Seen
from pointsman.core.fabric import AwsSite, Cloud, Fabric, Flow, FlowName, Link, Mode, PinTarget
from pointsman.core.networks import Net, net, within
from pointsman.core.plan import Pin, Plan
from pointsman.core.prefix_lists import Amiss, amiss, google_nets, named

SETTLING = timedelta(minutes=3)
"""How long after a decision its pins may still be on their way: two sweeps and AWS's own delay."""


def pins(fabric: Fabric, plan: Plan, seen: Seen, now: datetime) -> Iterator[Finding]:
    """Find planned pins that lack, lead elsewhere or are past their end, and static entries that no plan asks for."""
    if seen.cloud is not Cloud.AWS:
        return
    yield from _expired(fabric, plan, seen, now)
    if seen.entries is not None:
        yield from _missing(fabric, plan, seen.entries, now)
        yield from _entries(fabric, plan, seen.entries)


def _expired(fabric: Fabric, plan: Plan, seen: Seen, now: datetime) -> Iterator[Finding]:
    for pin in plan.pins:
        if pin.expires_at <= now:
            yield Finding(
                check=Check.EXPIRED_PIN,
                subject=pin.flow,
                severity=Severity.ERROR,
                text=f"the pin of {pin.flow} to {pin.link} was to end at {pin.expires_at:%FT%TZ} and is still planned: does anything decide?",
                evidence=(
                    Evidence(side="plan", says=f"owner {pin.owner}, because {pin.reason}"),
                    Evidence(side="aws", says=_stands(fabric.flow(pin.flow), seen.entries)),
                ),
                show="pointsman status FABRIC",
                link=pin.link,
            )


def _stands(flow: Flow, entries: Iterable[Entry] | None) -> str:
    """Say what stands in the places of a flow's pin."""
    if entries is None:
        return "static routes could not be read"
    places = set(_places(flow))
    return ", ".join(dict.fromkeys(_reads(one) for one in entries if (one.table, one.name) in places)) or "no pin of it stands"


def _places(flow: Flow) -> tuple[tuple[str, str], ...]:
    target = flow.aws_prefix_list
    return tuple((table, target.prefix_list) for table in target.route_tables) if target else ()


def _missing(fabric: Fabric, plan: Plan, entries: Iterable[Entry], now: datetime) -> Iterator[Finding]:
    """Find the places of planned pins in which nothing stands."""
    held = {(one.table, one.name) for one in entries}
    severity = Severity.NOTE if now - plan.decided_at < SETTLING else Severity.ERROR
    for pin in plan.pins:
        link = fabric.link(pin.link)
        for table, name in _places(fabric.flow(pin.flow)):
            if (table, name) not in held and link.aws.attachments:
                place = Entry(table=table, name=name)
                yield Finding(
                    check=Check.PIN_DRIFT,
                    subject=f"{table} {name}",
                    severity=severity,
                    text=f"{pin.flow} is pinned to {pin.link}, and {table} has no entry of {name}: nothing leads it there",
                    evidence=(Evidence(side="plan", says=_planned(pin)), Evidence(side="aws", says=f"no route of {name} in {table}")),
                    fix=_point("create", place, link.aws.attachments[0], _region(fabric, table)),
                    link=link.name,
                    swept=link.mode is Mode.AUTO,
                )


def _entries(fabric: Fabric, plan: Plan, entries: tuple[Entry, ...]) -> Iterator[Finding]:
    links = {one: link for link in fabric.links for one in link.aws.attachments}
    pinned = {pin.flow: pin for pin in plan.pins}
    wide = _flows_of_tables(fabric)
    modes = _modes_led_to(fabric, entries)
    for entry in dict.fromkeys(entries):
        flow, link = _flow_of(fabric, entry), links.get(entry.attachment)
        if flow is not None and flow.name in pinned:
            yield from _pinned(fabric, pinned[flow.name], entry, ours=link is not None)
        elif link is not None:
            yield _unplanned(fabric, link, entry, flow, swept=flow is not None and modes.get(flow.name) == {Mode.AUTO})
        else:
            yield from _taken(fabric, entry, wide.get(entry.table, ()))


def _pinned(fabric: Fabric, pin: Pin, entry: Entry, *, ours: bool) -> Iterator[Finding]:
    link = fabric.link(pin.link)
    if entry.attachment in link.aws.attachments:
        return
    yield Finding(
        check=Check.PIN_DRIFT,
        subject=f"{entry.table} {entry.name}",
        severity=Severity.ERROR,
        text=f"{entry.name} in {entry.table} leads to {_hop(entry)}, and {pin.flow} is pinned to {pin.link}",
        evidence=(Evidence(side="plan", says=_planned(pin)), Evidence(side="aws", says=_reads(entry))),
        fix=_point("modify" if _is_list(entry) else "replace", entry, link.aws.attachments[0], fabric.aws_site(link).region),
        link=link.name,
        swept=ours and link.mode is Mode.AUTO,  # what leads to no link of ours was set by somebody else, and the lever leaves it
    )


def _unplanned(fabric: Fabric, link: Link, entry: Entry, flow: Flow | None, *, swept: bool) -> Finding:
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
        swept=swept and flow is not None and (entry.table, entry.name) in _places(flow),
    )


def _modes_led_to(fabric: Fabric, entries: Iterable[Entry]) -> dict[FlowName, set[Mode]]:
    """Give, by flow, the modes of the links that what stands in the places of its pin leads to: the sweep empties all or none."""
    modes = {one: link.mode for link in fabric.links for one in link.aws.attachments}
    led = [(one.table, one.name, modes[one.attachment]) for one in entries if one.attachment in modes]
    return {flow.name: {mode for table, name, mode in led if (table, name) in _places(flow)} for flow in fabric.flows}


def _taken(fabric: Fabric, entry: Entry, flows: Iterable[tuple[Flow, tuple[Net, ...]]]) -> Iterator[Finding]:
    """Find an entry to a black hole, or to an attachment of no link, that takes a flow's prefix from BGP whole or in part."""
    own = net(entry.prefix or entry.name)
    for flow, prefixes in flows:
        whole = (entry.table, entry.name) in _places(flow) or own in prefixes
        if whole or (own is not None and any(within(one, own) for one in prefixes)):
            part = "" if whole else "a part of "
            yield Finding(
                check=Check.STATIC_OVERRIDE,
                subject=f"{entry.table} {entry.name}",
                severity=Severity.ERROR if whole else Severity.WARNING,
                text=f"{entry.name} in {entry.table} leads {part}{flow.name} to {_hop(entry)}, which is no link, whatever BGP says",
                evidence=(Evidence(side="aws", says=_reads(entry)), Evidence(side="plan", says=_wanted(flow))),
                fix=_delete(entry, _region(fabric, entry.table)),
            )
            return


def _wanted(flow: Flow) -> str:
    return f"no pin of {flow.name}, which goes where BGP leads it"


def _flows_of_tables(fabric: Fabric) -> dict[str, list[tuple[Flow, tuple[Net, ...]]]]:
    """Give, for each declared route table, the flows that are routed by it with their prefixes on the Google side."""
    found: dict[str, list[tuple[Flow, tuple[Net, ...]]]] = {}
    for site in fabric.sites:
        if isinstance(site, AwsSite):
            flows = [(flow, google_nets(fabric, flow)) for flow in fabric.flows if site.name in flow.prefixes]
            found.update(dict.fromkeys(site.route_tables, flows))
    return found


def contents(fabric: Fabric, plan: Plan | None, seen: Seen) -> Iterator[Finding]:
    """Find managed prefix lists that do not hold exactly their flow's prefixes on the Google side: a pin would lead others, or too few."""
    pinned = {pin.flow for pin in plan.pins} if plan else set()
    for flow in fabric.flows:
        target = flow.aws_prefix_list
        if target is None or target.prefix_list not in seen.lists:
            continue
        wrong = amiss(fabric, flow, seen.lists[target.prefix_list])
        if wrong is not None:
            yield _contents(fabric, flow, target, wrong, pinned=flow.name in pinned)


def _contents(fabric: Fabric, flow: Flow, target: PinTarget, wrong: Amiss, *, pinned: bool) -> Finding:
    verb = "leads" if pinned else "would lead"
    asked = [str(one) for one in google_nets(fabric, flow)]
    return Finding(
        check=Check.PREFIX_LIST,
        subject=target.prefix_list,
        severity=Severity.ERROR if pinned else Severity.WARNING,
        text=f"{target.prefix_list} of {flow.name} {wrong.said()}: a pin of {flow.name} {verb} what the list holds and nothing else",
        evidence=(
            Evidence(side="aws", says=f"{target.prefix_list} {wrong.said()}"),
            Evidence(side="fabric", says=f"prefixes of {flow.name}: {named(asked)}"),
        ),
        fix=_amend(target.prefix_list, wrong, _region(fabric, target.route_tables[0])),
    )


def _amend(name: str, wrong: Amiss, region: str) -> str:
    """Give the command that mends a list; AWS takes it only with the version that the list has when it runs."""
    version = (
        f"aws ec2 describe-managed-prefix-lists --prefix-list-ids {name} --query PrefixLists[0].Version --output text --region {region}"
    )
    changes = [" ".join(("--add-entries", *(f"Cidr={one}" for one in wrong.lacks)))] * bool(wrong.lacks)
    changes += [" ".join(("--remove-entries", *(f"Cidr={one}" for one in wrong.strange)))] * bool(wrong.strange)
    call = "aws ec2 modify-managed-prefix-list"
    return f'{call} --prefix-list-id {name} --current-version "$({version})" {" ".join(changes)} --region {region}'


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


def _planned(pin: Pin) -> str:
    return f"{pin.flow} pinned to {pin.link}"


def _hop(entry: Entry) -> str:
    return entry.attachment or "a black hole"


def _reads(entry: Entry) -> str:
    return f"{entry.table} {entry.name} -> {entry.attachment or 'black hole'} (static)"


def _region(fabric: Fabric, table: str) -> str:
    regions = (site.region for site in fabric.sites if isinstance(site, AwsSite) and table in site.route_tables)
    return next(regions, "REGION")


def _is_list(entry: Entry) -> bool:
    return entry.name.startswith("pl-")


def _delete(entry: Entry, region: str) -> str:
    return f"aws ec2 {_verb('delete', entry)} {_where(entry)} --region {region}"


def _point(verb: str, entry: Entry, attachment: str, region: str) -> str:
    return f"aws ec2 {_verb(verb, entry)} {_where(entry)} --transit-gateway-attachment-id {attachment} --region {region}"


def _verb(verb: str, entry: Entry) -> str:
    return f"{verb}-transit-gateway-{'prefix-list-reference' if _is_list(entry) else 'route'}"


def _where(entry: Entry) -> str:
    named = "--prefix-list-id" if _is_list(entry) else "--destination-cidr-block"
    return f"--transit-gateway-route-table-id {entry.table} {named} {entry.name}"
