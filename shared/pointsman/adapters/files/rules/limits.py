"""What the levers would have to write fits what the clouds take, however the flows are placed."""

from collections.abc import Iterator, Mapping, Sequence

from pointsman.adapters.files.declared import File, Flow, GcpSite
from pointsman.adapters.files.findings import Fault, Path
from pointsman.core.fabric import LinkKind, Mode
from pointsman.core.policy_limits import SIZE_LIMIT, TERM_LIMIT, Listed, longest, share
from pointsman.core.steering import RANKS

_MEND = "declare fewer, larger prefixes or fewer flows, lead some links to another router, or set mode: observe for some"


def route_policies_fit_a_router(file: File) -> Iterator[Fault]:
    """Find routers whose route policies, as we may have to write them, would be longer than Cloud Router takes: then no drain is in force."""
    for name, site in file.sites.items():
        links = [link for link in file.links if isinstance(site, GcpSite) and _is_written(file, link, name)]
        flows = {flow: one for flow, one in file.flows.items() if file.wrote_all(("flows", flow, "prefixes"))}
        if links and flows and file.wrote(("sites", name)):
            yield from _terms(file, links, flows)
            yield from _size(file, name, links, flows)


def _is_written(file: File, name: str, site: str) -> bool:
    """Say whether both policies of a link to a site's router are ours to write."""
    link = file.links[name]
    mode = link.mode or file.policy.mode
    told = all(file.wrote(path) for path in (("links", name, "mode"), ("links", name, "gcp"), ("policy", "mode")))
    pair = link.gcp.import_policy and link.gcp.export_policy
    return bool(told and pair and mode is not Mode.OBSERVE and file.joins(name) and file.ends(name).get("gcp") == site)


def _terms(file: File, links: Sequence[str], flows: Mapping[str, Flow]) -> Iterator[Fault]:
    for name in links:
        terms = max(longest(_listed(file, name, flows, way)).terms for way in ("aws", "gcp"))
        if terms > TERM_LIMIT:
            text = f"a route policy of this link may need {terms:,} terms, and Cloud Router takes {TERM_LIMIT:,}"
            yield Fault(path=("links", name, "gcp"), text=text, mend=_MEND)


def _size(file: File, site: str, links: Sequence[str], flows: Mapping[str, Flow]) -> Iterator[Fault]:
    """Find a router whose policies are too long together while each flow is on that one of its links that spares the most."""
    whole = sum(longest(_listed(file, name, flows, way)).size for name in links for way in ("aws", "gcp"))
    spared = sum(_spared(file, name, flow, links) for name, flow in flows.items())
    if whole - spared > SIZE_LIMIT:
        text = f"the route policies of {', '.join(links)} may come to {whole - spared:,} bytes on this router, and Cloud Router takes {SIZE_LIMIT:,}"
        path: Path = ("sites", site, "router")
        yield Fault(path=path, text=text, mend=_MEND)


def _spared(file: File, name: str, flow: Flow, links: Sequence[str]) -> int:
    """Give the bytes that a flow spares on the link that it is on; none where it may be on a link of no policies of ours here."""
    known = file.wrote_all(("flows", name, "prefer"))
    joined = [link for link in links if _joins(file, flow, link)]
    if not joined or (known and not set(flow.prefer) <= set(joined)):
        return 0
    return sum(share(prefixes) for prefixes in flow.prefixes.values())


def _listed(file: File, link: str, flows: Mapping[str, Flow], way: str) -> list[Listed]:
    """List what one of a link's policies has of each flow, in the order in which it is written.

    Towards AWS a flow may be dropped for a VPN's sake, and on a VPN one may fall behind all others.
    """
    site, behind = file.ends(link)[way], file.links[link].kind is LinkKind.VPN
    there = sorted((name, flow) for name, flow in flows.items() if _joins(file, flow, link))
    return [
        Listed(prefixes=tuple(flow.prefixes[site]), rank=_rank(flow, link), apart=behind or (way == "gcp" and _may_be_dropped(file, flow)))
        for name, flow in there
    ]


def _rank(flow: Flow, link: str) -> int:
    return min(RANKS - 1, 1 + flow.prefer.index(link)) if link in flow.prefer else RANKS - 1


def _joins(file: File, flow: Flow, link: str) -> bool:
    return set(flow.prefixes) == set(file.ends(link).values())


def _may_be_dropped(file: File, flow: Flow) -> bool:
    return any(name in file.links and file.links[name].kind is LinkKind.VPN for name in flow.prefer)
