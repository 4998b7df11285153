"""Commands that a person runs about a finding: what shows who did it, whether it may be read and what is to come, and what mends it by hand."""

import math
import re
import shlex
from datetime import datetime, timedelta

from pointsman.core.audit.seen import Unread
from pointsman.core.case import Case
from pointsman.core.fabric import AwsSite, Cloud, Fabric, GcpSite, Link, LinkName, Mode
from pointsman.core.orders import LONGEST, undrainable
from pointsman.core.plan import LinkState, Plan, View
from pointsman.core.sightings import Change, Verb, Window
from pointsman.core.steering import RoutePolicies

AROUND = timedelta(minutes=1)
"""How far before and after a change its record is looked for."""
_ACTION = re.compile(r"\b[a-z][a-z0-9-]+:[A-Z]\w+")


def who_did_it(fabric: Fabric, cloud: Cloud, change: Change, link: LinkName | None) -> str:
    """Show the record of a change: what was asked for, by whom and from where."""
    since, until = change.seen_at - AROUND, change.seen_at + AROUND
    match cloud:
        case Cloud.AWS:
            named = f"--lookup-attributes {shlex.quote(f'AttributeKey=EventName,AttributeValue={change.what}')}"
            times = f"--start-time {since:%FT%TZ} --end-time {until:%FT%TZ}"
            return f"aws cloudtrail lookup-events {named} {times} --region {_region(fabric, change, link)}"
        case Cloud.GCP:
            asked = f'protoPayload.methodName="{change.what}" AND timestamp>="{since:%FT%TZ}" AND timestamp<="{until:%FT%TZ}"'
            return f"gcloud logging read {shlex.quote(asked)} --project {_project(fabric, change, link)}"


def _region(fabric: Fabric, change: Change, link: LinkName | None) -> str:
    if link is not None:
        return fabric.aws_site(fabric.link(link)).region
    words = set(change.target.split())
    lists = [flow.aws_prefix_list for flow in fabric.flows if flow.aws_prefix_list and flow.aws_prefix_list.prefix_list in words]
    words.update(table for target in lists for table in target.route_tables)
    sites = [site for site in fabric.sites if isinstance(site, AwsSite)]
    return next((site.region for site in sites if words.intersection(site.route_tables)), sites[0].region if sites else "REGION")


def _project(fabric: Fabric, change: Change, link: LinkName | None) -> str:
    if link is not None:
        return fabric.gcp_site(fabric.link(link)).project
    words = set(re.split(r"[/ ]", change.target))
    projects = [site.project for site in fabric.sites if isinstance(site, GcpSite)]
    return next((one for one in projects if one in words), projects[0] if projects else "PROJECT")


def to_read(fabric: Fabric, cloud: Cloud, one: Unread) -> str:
    """Show whether the right is there that a reading lacked; where none is named, read again."""
    action = _ACTION.search(one.why)
    if cloud is Cloud.AWS and action:
        return f"aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names {action[0]}"
    if cloud is Cloud.GCP and "grant" in one.why:
        project = next((site.project for site in fabric.sites if isinstance(site, GcpSite)), "PROJECT")
        shown = "--flatten='bindings[].members' --filter=bindings.members:ACCOUNT --format='value(bindings.role)'"
        return f"gcloud projects get-iam-policy {project} {shown}"
    return "pointsman audit FABRIC"


def is_away(fabric: Fabric, window: Window, now: datetime) -> bool:
    """Say whether an announced window is further off than a link is left for one."""
    return window.start is not None and window.start > now + fabric.policy.maintenance.lead


def to_foresee(fabric: Fabric, link: Link, window: Window, now: datetime) -> str:
    """Show what the loss of an observed link does, or what is announced while a window is away; "" where its link is to be left now."""
    if link.mode is Mode.OBSERVE:
        return f"pointsman whatif FABRIC --fail {link.name}"
    return "pointsman window list FABRIC" if is_away(fabric, window, now) else ""


def to_leave(link: Link, window: Window, now: datetime) -> str:
    """Take the traffic off a link whose window is near.

    An order that would hold for longer than any may is given for as long as one may: it is given anew before its end.
    """
    longest = LONGEST[Verb.DRAIN] // timedelta(hours=1)
    hours = f" --for {min(longest, math.ceil((window.end - now) / timedelta(hours=1)))}h" if window.end else ""
    return f"pointsman drain FABRIC {link.name}{hours} --author NAME --reason maintenance"


def by_hand(fabric: Fabric, plan: Plan | None, link: Link, now: datetime) -> str:
    """Say between what a person decides about a window that is near where deciding would refuse the order to leave its link; "" where it would not."""
    why = _undrainable(fabric, plan, link, now) if plan else fabric.gap(link)
    either = f"lead what is on it elsewhere by hand before the window, or let it be lost (pointsman whatif FABRIC --fail {link.name})"
    return f"no order drains {link.name} now ({why.partition(': ')[0]}): {either}" if why else ""


def _undrainable(fabric: Fabric, plan: Plan, link: Link, now: datetime) -> str:
    case = Case(fabric=fabric, view=View(here=Cloud.AWS), plan=plan, now=now, claims={})  # what is claimed does not matter to an order
    return undrainable(case, {one.name: plan.links.get(one.name, LinkState()) for one in fabric.links}, link.name)


def rewrite(fabric: Fabric, link: Link, asked: RoutePolicies, held: RoutePolicies) -> str:
    """Edit by hand the route policies that differ, each downloaded and uploaded whole; what they are to say is the finding's evidence."""
    site = fabric.gcp_site(link)
    router = site.router.name if site.router else "ROUTER"
    sides = ((link.gcp.import_policy, asked.imports, held.imports), (link.gcp.export_policy, asked.exports, held.exports))
    return " && ".join(
        _edited(router, name, f"--region {site.region} --project {site.project}") for name, want, has in sides if name and want != has
    )


def _edited(router: str, policy: str, place: str) -> str:
    both = f"{router} --policy-name={policy} --file-name={policy}.yaml {place}"
    routers = "gcloud compute routers"
    return f'{routers} download-route-policy {both} && "${{EDITOR:-vi}}" {policy}.yaml && {routers} upload-route-policy {both}'
