"""One thing is declared once: an identifier that stands in two places would make an event speak of either."""

from collections.abc import Callable, Iterator

from pointsman.adapters.files.declared import File, GcpSite, Member
from pointsman.adapters.files.findings import Fault, Path, shown, spelled
from pointsman.core.values import Frozen


class Use(Frozen):
    """An identifier where it is used. Within one ``scope`` it must be the only one."""

    value: str
    path: Path
    scope: str = ""


def identifiers_are_used_once(file: File) -> Iterator[Fault]:
    """Find identifiers that are declared twice where they can be only one thing."""
    for what, uses in IDENTIFIERS:
        seen: dict[tuple[str, str], Path] = {}
        for use in filter(lambda use: file.wrote_all(use.path), uses(file)):
            first = seen.setdefault((use.scope, use.value), use.path)
            if first != use.path:
                text = f"{what} {shown(use.value)} is already used at {spelled(first)}"
                yield Fault(path=use.path, text=text, mend=_MENDS.get(what, "each is declared once"), related=(first,))


_MENDS = {
    "Direct Connect connection": "each is declared once: of virtual interfaces on one port name it at one, and put their links into one risk group",
}


Scope = Callable[[File, str], str]
"""Names the scope of an identifier of a link."""


def _sites(key: str) -> Callable[[File], Iterator[Use]]:
    def uses(file: File) -> Iterator[Use]:
        for name, site in file.sites.items():
            value = getattr(site, key, None)
            if value:
                yield Use(value=value, path=("sites", name, key))

    return uses


def _routers(file: File) -> Iterator[Use]:
    for name, site in file.sites.items():
        if site.cloud == "gcp" and site.router:
            yield Use(value=site.router.id, path=("sites", name, "router", "id"))


def _fabric(_: File, __: str) -> str:
    return ""


def _ends(cloud: str, key: str, scope: Scope = _fabric) -> Callable[[File], Iterator[Use]]:
    def uses(file: File) -> Iterator[Use]:
        for name, link in file.links.items():
            value = getattr(getattr(link, cloud), key)
            if value:
                yield Use(value=value, path=("links", name, cloud, key), scope=scope(file, name))

    return uses


def _attachments(file: File) -> Iterator[Use]:
    for name, link in file.links.items():
        for at, value in enumerate(link.aws.attachments):
            yield Use(value=value, path=("links", name, "aws", "attachments", at))


def _policies(file: File) -> Iterator[Use]:
    for name, link in file.links.items():
        for key in ("import_policy", "export_policy"):
            value = getattr(link.gcp, key)
            if value:
                yield Use(value=value, path=("links", name, "gcp", key), scope=_google(file, name))


def _members(cloud: str, key: str, scope: Scope = _fabric) -> Callable[[File], Iterator[Use]]:
    def uses(file: File) -> Iterator[Use]:
        for link, member, path in _all_members(file):
            value = getattr(getattr(member, cloud), key)
            if value:
                yield Use(value=value, path=(*path, cloud, key), scope=scope(file, link))

    return uses


def _peers(key: str) -> Callable[[File], Iterator[Use]]:
    def uses(file: File) -> Iterator[Use]:
        for link, member, path in _all_members(file):
            if member.gcp.peer:
                value = getattr(member.gcp.peer, key)
                yield Use(value=value, path=(*path, "gcp", "peer", key), scope=_google(file, link))

    return uses


def _member_ids(file: File) -> Iterator[Use]:
    for _, member, path in _all_members(file):
        yield Use(value=member.id, path=(*path, "id"), scope=str(path[1]))


def _alarms(file: File) -> Iterator[Use]:
    for _, member, path in _all_members(file):
        for at, value in enumerate(member.alarms):
            yield Use(value=value, path=(*path, "alarms", at))


def _probes(file: File) -> Iterator[Use]:
    for name, link in file.links.items():
        for site, probe in link.probes.items():
            yield Use(value=f"{probe.source} > {probe.target}", path=("links", name, "probes", site))


def _prefix_lists(file: File) -> Iterator[Use]:
    for name, flow in file.flows.items():
        if flow.aws_prefix_list:
            yield Use(value=flow.aws_prefix_list.id, path=("flows", name, "aws_prefix_list", "id"))


def _all_members(file: File) -> Iterator[tuple[str, Member, Path]]:
    for name, link in file.links.items():
        for at, member in enumerate(link.members):
            yield name, member, ("links", name, "members", at)


def _google(file: File, link: str) -> str:
    """Give the Google site that names stand for one thing at; where it is not known, they do so within the link alone."""
    return file.ends(link).get("gcp", f"unknown, of {link}")


def _region(file: File, link: str) -> str:
    """Give the project and region that a regional name stands for one thing in; where they are not known, it does so at the site alone."""
    name = _google(file, link)
    site = file.sites.get(name)
    if not isinstance(site, GcpSite) or not all(file.wrote(("sites", name, key)) for key in ("project", "region")):
        return name
    return f"{site.project}/{site.region}"


IDENTIFIERS: tuple[tuple[str, Callable[[File], Iterator[Use]]], ...] = (
    ("Transit Gateway", _sites("transit_gateway")),
    ("virtual private gateway", _sites("virtual_private_gateway")),
    ("router", _routers),
    ("attachment", _attachments),
    ("association", _ends("aws", "association")),
    ("interconnect", _ends("aws", "connection")),
    ("VLAN attachment", _ends("gcp", "vlan_attachment", _region)),
    ("transport", _ends("gcp", "transport")),
    ("route policy", _policies),
    ("member", _member_ids),
    ("virtual interface", _members("aws", "virtual_interface")),
    ("Direct Connect connection", _members("aws", "connection")),
    ("outside address", _members("aws", "outside_ip")),
    ("tunnel", _members("gcp", "tunnel", _region)),
    ("peer", _peers("name")),
    ("peer address", _peers("ip")),
    ("alarm", _alarms),
    ("probe", _probes),
    ("prefix list", _prefix_lists),
)
"""What may be declared once, and where it stands."""
