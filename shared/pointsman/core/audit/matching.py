"""Do the two sides agree with each other and with the fabric file: timers, MTU, base priorities."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.seen import End, Seen
from pointsman.core.fabric import Bfd, Cloud, Fabric, Link, LinkKind, LinkName
from pointsman.core.lint import PRIORITY_LIMIT

AWS_HOLD = {LinkKind.CROSS_CLOUD_INTERCONNECT: timedelta(seconds=90), LinkKind.VPN: timedelta(seconds=30)}
"""Hold times that AWS documents, that no call shows (Direct Connect and Site-to-Site VPN user guides); the smaller of both sides' counts (RFC 4271, 4.2)."""

JUMBO = {Cloud.AWS: 8500, Cloud.GCP: 8896}
"""From which MTU on an end carries all that its cloud offers on a transit gateway's interface or an attachment: those two sizes
cannot be made equal (Direct Connect user guide, jumbo frames; Cloud Interconnect documentation, MTU)."""


def timers(fabric: Fabric, seen: Seen) -> Iterator[Finding]:
    """Find members whose two sides agree on another hold time, or on BFD or none, than the fabric file declares."""
    for link, end in _ends(fabric, seen):
        agreed = min((one for one in (end.hold, AWS_HOLD.get(link.kind)) if one is not None), default=None)
        if end.hold is not None and agreed is not None and agreed != link.timers.hold:
            yield _hold(link, end, agreed)
        declared = link.timers.bfd.interval * link.timers.bfd.multiplier if link.timers.bfd else timedelta(0)
        if end.bfd is not None and end.bfd != declared:
            yield _bfd(fabric, link, end, declared)
        if declared and end.bfd and end.far_bfd is not None and not timedelta(0) < end.far_bfd <= declared:
            yield _far_bfd(fabric, link, end, declared)


def _hold(link: Link, end: End, agreed: timedelta) -> Finding:
    offered = AWS_HOLD.get(link.kind)
    return Finding(
        check=Check.TIMERS,
        subject=f"{link.name} {end.name} hold",
        severity=Severity.WARNING,
        text=f"{link.name} declares a hold time of {_s(link.timers.hold)}, and its sides agree on {_s(agreed)}: its budget is wrong by that",
        evidence=(
            Evidence(side="aws", says=f"documents {_s(offered)}, and shows none" if offered else "not shown"),
            Evidence(side="gcp", says=f"offers {_s(end.hold)} on {end.name}" if end.hold else "not shown"),
            Evidence(side="fabric", says=f"timers.hold {_s(link.timers.hold)}"),
        ),
        decide=(
            f"declare timers: {{hold: {_s(agreed)}}} for {link.name} in the fabric file and adopt it, or have its ends offer"
            f" {_s(link.timers.hold)}: a router's keepalive interval is a third of what it offers"
        ),
        link=link.name,
    )


def _bfd(fabric: Fabric, link: Link, end: End, declared: timedelta) -> Finding:
    site = fabric.gcp_site(link)
    router = site.router.name if site.router else "ROUTER"
    return Finding(
        check=Check.TIMERS,
        subject=f"{link.name} {end.name} bfd",
        severity=Severity.WARNING,
        text=f"{link.name} declares {_bfd_words(declared)}, and {end.name} has {_bfd_words(end.bfd or timedelta(0))}",
        evidence=(
            Evidence(side="gcp", says=f"{end.name}: {_bfd_words(end.bfd or timedelta(0))}"),
            Evidence(side="fabric", says=f"timers.bfd: {_bfd_words(declared)}"),
        ),
        fix=(
            f"gcloud compute routers update-bgp-peer {router} --peer-name={end.name} {_bfd_flags(link.timers.bfd)}"
            f" --region {site.region} --project {site.project}"
        ),
        link=link.name,
    )


def _bfd_flags(declared: Bfd | None) -> str:
    """Give the flags that set BFD as a link declares it; intervals are milliseconds."""
    if declared is None:
        return "--bfd-session-initialization-mode=DISABLED"
    interval = declared.interval // timedelta(milliseconds=1)
    return (
        f"--bfd-session-initialization-mode=ACTIVE --bfd-min-receive-interval={interval} --bfd-min-transmit-interval={interval}"
        f" --bfd-multiplier={declared.multiplier}"
    )


def _far_bfd(fabric: Fabric, link: Link, end: End, declared: timedelta) -> Finding:
    """Tell of a far end that answers no BFD, or lets the session live longer by it: failures are noticed later than the budget says."""
    far = end.far_bfd or timedelta(0)
    site = fabric.gcp_site(link)
    router = site.router.name if site.router else "ROUTER"
    shown = f"{_bfd_words(far)}, by what {end.name} hears of it" if far else f"the session of {end.name} is up and its BFD is not"
    return Finding(
        check=Check.TIMERS,
        subject=f"{link.name} {end.name} far bfd",
        severity=Severity.WARNING,
        text=f"{link.name} declares {_bfd_words(declared)}, and at its AWS end has {_bfd_words(far)}: its budget is too short",
        evidence=(
            Evidence(side="aws", says=shown),
            Evidence(side="gcp", says=f"{end.name}: {_bfd_words(end.bfd or timedelta(0))}"),
            Evidence(side="fabric", says=f"timers.bfd: {_bfd_words(declared)}"),
        ),
        show=f"gcloud compute routers get-status {router} --region {site.region} --project {site.project}",
        link=link.name,
    )


def _bfd_words(detection: timedelta) -> str:
    return f"BFD that gives up after {_s(detection)}" if detection else "no BFD"


def mtu(fabric: Fabric, both: Mapping[Cloud, Seen]) -> Iterator[Finding]:
    """Find links of which a side carries smaller packets than declared, or larger ones than the other side takes."""
    for link in fabric.links:
        shown = {cloud: seen.mtus[link.name] for cloud, seen in sorted(both.items()) if link.name in seen.mtus}
        if min(shown.values(), default=link.mtu) < link.mtu:
            yield _small(fabric, link, shown)
        elif len(set(shown.values())) > 1 and any(size < JUMBO[cloud] for cloud, size in shown.items()):
            yield _unequal(link, shown)


def _small(fabric: Fabric, link: Link, shown: Mapping[Cloud, int]) -> Finding:
    least = min(shown.values())
    hurt = [flow.name for flow in fabric.flows if fabric.permits(flow, link) and flow.min_mtu > least]
    return Finding(
        check=Check.MTU,
        subject=link.name,
        severity=Severity.ERROR if hurt else Severity.WARNING,
        text=f"{link.name} declares an MTU of {link.mtu} and carries {least}{': too little for ' + ', '.join(hurt) if hurt else ''}",
        evidence=_sizes(link, shown),
        decide=(
            f"raise the MTU of both ends to {link.mtu}, which may end their sessions for a moment, so drain {link.name} first;"
            f" or declare mtu: {least} for it in the fabric file and adopt it"
        ),
        link=link.name,
    )


def _unequal(link: Link, shown: Mapping[Cloud, int]) -> Finding:
    """Tell of an end that sends what the other one drops: the declaration binds pointsman alone, and no router."""
    small, large = (choose(shown, key=lambda cloud: shown[cloud]) for choose in (min, max))
    return Finding(
        check=Check.MTU,
        subject=f"{link.name} ends",
        severity=Severity.WARNING,
        text=(
            f"the ends of {link.name} differ: {large} sends packets of up to {shown[large]} bytes over it, and {small} takes {shown[small]}:"
            " what is larger may be lost without a word"
        ),
        evidence=_sizes(link, shown),
        decide=(
            f"set {large} to {shown[small]} as well, or both to jumbo frames (AWS {JUMBO[Cloud.AWS]}, Google {JUMBO[Cloud.GCP]});"
            f" either may end its sessions for a moment, so drain {link.name} first"
        ),
        link=link.name,
    )


def _sizes(link: Link, shown: Mapping[Cloud, int]) -> tuple[Evidence, ...]:
    sides = (Evidence(side=cloud.value, says=f"MTU {size}") for cloud, size in shown.items())
    return (*sides, Evidence(side="fabric", says=f"mtu: {link.mtu}"))


def priorities(fabric: Fabric, seen: Seen) -> Iterator[Finding]:
    """Find peers whose base priority reaches into the region costs, or differs from that of the other peers of their link."""
    by_link: dict[LinkName, list[End]] = {}
    for link, end in _ends(fabric, seen):
        if end.priority is not None:
            by_link.setdefault(link.name, []).append(end)
    for name, ends in by_link.items():
        usual = ends[0].priority
        for end in ends:
            if end.priority is not None and (end.priority > PRIORITY_LIMIT or end.priority != usual):
                yield _priority(fabric, fabric.link(name), end, ends[0])


def _priority(fabric: Fabric, link: Link, end: End, first: End) -> Finding:
    high = (end.priority or 0) > PRIORITY_LIMIT
    site = fabric.gcp_site(link)
    why = f"above {PRIORITY_LIMIT}, where region costs begin" if high else f"and {first.name} of the same link with {first.priority}"
    value = PRIORITY_LIMIT if high else first.priority
    return Finding(
        check=Check.BASE_PRIORITY,
        subject=f"{link.name} {end.name}",
        severity=Severity.WARNING,
        text=f"{end.name} of {link.name} advertises with base priority {end.priority}, {why}",
        evidence=(
            Evidence(side="gcp", says=f"advertisedRoutePriority {end.priority} on {end.name}"),
            Evidence(side="fabric", says=f"{end.name} and {first.name} are peers of {link.name}, which flows are led by as one"),
        ),
        fix=(
            f"gcloud compute routers update-bgp-peer {site.router.name if site.router else 'ROUTER'} --peer-name={end.name}"
            f" --advertised-route-priority={value} --region {site.region} --project {site.project}"
        ),
        link=link.name,
    )


def _ends(fabric: Fabric, seen: Seen) -> Iterator[tuple[Link, End]]:
    return ((fabric.link(end.link), end) for end in seen.ends or ())


def _s(span: timedelta) -> str:
    return f"{span.total_seconds():g}s"
