"""What a link is made of fits its kind, and its ends fit their sites."""

from collections.abc import Iterator

from pointsman.adapters.files.declared import GATEWAYS, AwsSite, Declared, File, GcpSite
from pointsman.adapters.files.findings import Fault, Path
from pointsman.core.fabric import LinkKind
from pointsman.core.values import Frozen


class Makeup(Frozen):
    """Which keys a part of a link needs and which it may have besides."""

    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()


_XC, _MC, _VPN = LinkKind.CROSS_CLOUD_INTERCONNECT, LinkKind.MANAGED_INTERCONNECT, LinkKind.VPN

ENDS: dict[LinkKind, dict[str, Makeup]] = {
    _XC: {
        "aws": Makeup(may=("attachments", "dx_gateway", "association")),
        "gcp": Makeup(needs=("vlan_attachment",), may=("import_policy", "export_policy")),
    },
    _MC: {
        "aws": Makeup(needs=("connection", "dx_gateway"), may=("attachments", "association")),
        "gcp": Makeup(needs=("transport",)),
    },
    _VPN: {
        "aws": Makeup(may=("attachments",)),
        "gcp": Makeup(may=("import_policy", "export_policy")),
    },
}
"""What each kind of link is made of at its ends."""

MEMBERS: dict[LinkKind, dict[str, Makeup]] = {
    _XC: {"aws": Makeup(needs=("virtual_interface",), may=("connection",)), "gcp": Makeup(needs=("peer",))},
    _MC: {"aws": Makeup(), "gcp": Makeup()},
    _VPN: {"aws": Makeup(needs=("vpn", "outside_ip")), "gcp": Makeup(needs=("tunnel", "peer"))},
}
"""What each kind's members are made of."""


_PREFIXES = {"transit_gateway": "tgw-attach-", "core_network": "attachment-"}


def ends_belong_to_their_kind(file: File) -> Iterator[Fault]:
    """Find ends that lack what their link's kind is made of, or have what it is not."""
    for name, link in file.links.items():
        for cloud, makeup in ENDS[link.kind].items():
            yield from _belongs(getattr(link, cloud), ("links", name, cloud), makeup, link.kind)


def members_belong_to_their_kind(file: File) -> Iterator[Fault]:
    """Find members that lack an identifier of their link's kind, or have another kind's."""
    for name, link in file.links.items():
        for at, member in enumerate(link.members):
            for cloud, makeup in MEMBERS[link.kind].items():
                yield from _belongs(getattr(member, cloud), ("links", name, "members", at, cloud), makeup, link.kind)


def policies_come_in_pairs(file: File) -> Iterator[Fault]:
    """Find links with one route policy: both directions move together."""
    for name, link in file.links.items():
        gcp = link.gcp
        if bool(gcp.import_policy) != bool(gcp.export_policy):
            there, absent = ("import", "export") if gcp.import_policy else ("export", "import")
            text = f"has an {there}_policy and no {absent}_policy"
            yield Fault(path=("links", name, "gcp"), text=text, mend=f"add {absent}_policy: both directions move together")


def attachments_fit_their_gateway(file: File) -> Iterator[Fault]:
    """Find links whose attachments are not of their site's kind of gateway, or of none that it can be."""
    for name in file.links:
        site = file.sites.get(file.ends(name).get("aws", ""))
        if isinstance(site, AwsSite):
            several = [{fault.path: fault for fault in _attached(file, name, gateway)} for gateway in site.gateways or GATEWAYS]
            for path, fault in several[0].items():
                if all(path in others and others[path].text == fault.text for others in several[1:]):
                    yield fault


def sessions_have_a_router(file: File) -> Iterator[Fault]:
    """Find links with BGP peers at a site without a Cloud Router."""
    for name, link in file.links.items():
        end = file.ends(name).get("gcp", "")
        site = file.sites.get(end)
        if isinstance(site, GcpSite) and not site.router and any(member.gcp.peer for member in link.members):
            path: Path = ("sites", end, "router")
            text = f"link {name} has BGP peers here and the site names no Cloud Router"
            yield Fault(path=path, text=text, mend="add router: {name: NAME, id: NUMBER}")


def vpn_has_no_bfd(file: File) -> Iterator[Fault]:
    """Find BFD on Cloud VPN tunnels, which do not speak it."""
    for name, link in file.links.items():
        if link.kind is _VPN and link.timers.bfd:
            path: Path = ("links", name, "timers", "bfd")
            related: tuple[Path, ...] = (("links", name, "kind"),)
            text = "Cloud VPN does not speak BFD"
            yield Fault(path=path, text=text, mend="remove it: the hold time counts", related=related, present=True)


def _belongs(part: Declared, path: Path, makeup: Makeup, kind: LinkKind) -> Iterator[Fault]:
    related: tuple[Path, ...] = ((*path[:2], "kind"),)
    has = {key for key in type(part).model_fields if getattr(part, key)}
    for key in sorted(has - {*makeup.needs, *makeup.may}):
        mend = f"a {kind} has {_listed(makeup)} here"
        yield Fault(path=(*path, key), text=f"does not belong to a {kind}", mend=mend, related=related, on_key=True, present=True)
    for key in makeup.needs:
        if key not in has:
            yield Fault(path=(*path, key), text=f"a {kind} needs this key", mend="add it", related=related, on_key=True)


def _listed(makeup: Makeup) -> str:
    return ", ".join((*makeup.needs, *makeup.may)) or "no identifiers"


def _attached(file: File, name: str, gateway: str) -> Iterator[Fault]:
    """Find what would be wrong with a link's attachments if its AWS site were that kind of gateway."""
    link, path = file.links[name], ("links", name, "aws")
    want = _PREFIXES.get(gateway)
    if not want:
        if link.aws.attachments:
            text = "a virtual private gateway has no attachments"
            yield Fault(path=(*path, "attachments"), text=text, mend="remove them", present=True)
        return
    if not link.aws.attachments:
        yield Fault(path=(*path, "attachments"), text="the link names no attachment", mend=f"add attachments: [{want}..]")
    if link.kind is _XC and not link.aws.dx_gateway:
        text = f"a {_XC} to this site needs this key"
        yield Fault(path=(*path, "dx_gateway"), text=text, mend="add the Direct Connect gateway", related=((*path[:2], "kind"),))
    for at, one in enumerate(link.aws.attachments):
        if not one.startswith(want):
            text = "is not an attachment of this site's gateway"
            yield Fault(path=(*path, "attachments", at), text=text, mend=f"it starts with {want}")
