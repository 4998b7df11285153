"""Is each link wired as its flows need it at AWS: associations and propagations, and what a gateway may announce."""

from collections.abc import Iterator, Sequence

from pointsman.core.audit.findings import Check, Evidence, Finding, Severity
from pointsman.core.audit.routes import missing_of, wanted_of
from pointsman.core.audit.seen import Attachment, Seen
from pointsman.core.fabric import Fabric, Flow, Link

SHOWN = 6
"""Prefixes that one finding names."""


def wiring(fabric: Fabric, seen: Seen) -> Iterator[Finding]:
    """Find attachments that packets cannot come in by (no association) or whose routes no table has (no propagation).

    A Transit Gateway's alone: those of a core network are wired by its policy, which is not read.
    """
    shown = {one.id: one for one in seen.attachments or ()}
    links = [link for link in fabric.links if fabric.aws_site(link).transit_gateway]
    for link in links if seen.attachments is not None else ():
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


def allowed(fabric: Fabric, seen: Seen) -> Iterator[Finding]:
    """Find prefixes of permitted flows that a Direct Connect gateway may not announce, or only within a wider one that a VPN beats."""
    for link in fabric.links:
        if link.name not in seen.allowed:
            continue
        held = seen.allowed[link.name]
        flows = [flow for flow in fabric.flows if fabric.permits(flow, link)]
        missing = missing_of(flows, link.aws_site, held)
        if missing:
            yield _forbidden(fabric, link, missing, held)
        loses = [flow for flow in flows if _over_vpn(fabric, flow)]
        wide = [one for one in _missing_exactly(loses, link.aws_site, held) if one not in missing]
        if wide:
            yield _wide(fabric, link, wide, held)


def _over_vpn(fabric: Fabric, flow: Flow) -> bool:
    return any(link.kind == "vpn" and fabric.permits(flow, link) for link in fabric.links)


def _missing_exactly(flows: Sequence[Flow], site: str, held: Sequence[str]) -> list[str]:
    return [prefix for prefix in wanted_of(flows, site) if prefix not in held]


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
