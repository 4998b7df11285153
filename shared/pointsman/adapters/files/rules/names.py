"""Every name that is used is declared, and links and flows join what they can join."""

from collections.abc import Iterable, Iterator

from pointsman.adapters.files.declared import File
from pointsman.adapters.files.findings import Fault, Path, nearest, shown


def links_join_two_clouds(file: File) -> Iterator[Fault]:
    """Find links that do not join two declared sites, one in each cloud."""
    for name, link in file.links.items():
        path: Path = ("links", name, "between")
        dangling = list(_dangling(link.between, path, file.sites, "sites"))
        yield from dangling
        if dangling:
            continue
        related = tuple(("sites", site, "cloud") for site in link.between)
        clouds = {file.sites[site].cloud for site in link.between}
        if len(set(link.between)) == 1:
            yield Fault(path=path, text="both ends are the same site", mend="name one AWS and one Google site", related=related)
        elif len(clouds) == 1:
            text = f"both sites are in {clouds.pop()}"
            yield Fault(path=path, text=text, mend="name one AWS and one Google site", related=related)


def flows_prefer_links(file: File) -> Iterator[Fault]:
    """Find preferred links that are not declared, or listed twice."""
    for name, flow in file.flows.items():
        path: Path = ("flows", name, "prefer")
        yield from _dangling(flow.prefer, path, file.links, "links")
        for at, link in enumerate(flow.prefer):
            if any(link == other and file.wrote((*path, before)) for before, other in enumerate(flow.prefer[:at])):
                yield Fault(path=(*path, at), text=f"{shown(link)} is listed twice", mend="keep one of the two")


def flows_name_sites(file: File) -> Iterator[Fault]:
    """Find flows whose prefixes are not at two declared sites, one in each cloud."""
    for name, flow in file.flows.items():
        path: Path = ("flows", name, "prefixes")
        dangling = list(_unknown_keys(flow.prefixes, path, file.sites, "site"))
        yield from dangling
        related = tuple(("sites", site, "cloud") for site in flow.prefixes)
        if not dangling and len({file.sites[site].cloud for site in flow.prefixes}) == 1:
            yield Fault(path=path, text="both sites are in one cloud", mend="name one AWS and one Google site", related=related)


def probes_name_sites(file: File) -> Iterator[Fault]:
    """Find probes that are not sent from one of their link's two sites."""
    for name, link in ((name, link) for name, link in file.links.items() if file.joins(link)):
        yield from _unknown_keys(link.probes, ("links", name, "probes"), link.between, "site of this link")


def probes_come_in_pairs(file: File) -> Iterator[Fault]:
    """Find links that are probed from one of their sites alone: nobody would ever see such a link pass packets both ways again."""
    for name, link in ((name, link) for name, link in file.links.items() if file.joins(link)):
        missing = [site for site in link.between if site not in link.probes]
        if len(link.probes) == 1 and len(missing) == 1:
            text = f"{missing[0]} has no probe, so that nobody sees it come back"
            yield Fault(path=("links", name, "probes"), text=text, mend="declare one from each site, or none")


def flows_use_links_between_their_sites(file: File) -> Iterator[Fault]:
    """Find preferred links that join other sites than the flow's."""
    for name, flow in file.flows.items():
        for at, chosen in enumerate(flow.prefer):
            link = file.links.get(chosen)
            if link and file.joins(link) and set(flow.prefixes) <= set(file.sites) and set(link.between) != set(flow.prefixes):
                text = f"{shown(chosen)} joins {' and '.join(link.between)}, not this flow's sites {' and '.join(flow.prefixes)}"
                related: tuple[Path, ...] = (("links", chosen, "between"), ("flows", name, "prefixes"))
                yield Fault(path=("flows", name, "prefer", at), text=text, mend="permit only links between its sites", related=related)


def _dangling(used: Iterable[str], path: Path, declared: Iterable[str], part: str) -> Iterator[Fault]:
    known = set(declared)
    for at, name in enumerate(used):
        if name not in known:
            text = f"{shown(name)} is not declared under {part}"
            yield Fault(path=(*path, at), text=text, mend=nearest(name, known), related=((part, name),))


def _unknown_keys(used: Iterable[str], path: Path, declared: Iterable[str], what: str) -> Iterator[Fault]:
    known = set(declared)
    for name in used:
        if name not in known:
            text = f"{shown(name)} is not a {what}" if " " in what else f"{shown(name)} is not a declared {what}"
            related: tuple[Path, ...] = (("sites", name), (*path[:2], "between"))
            yield Fault(path=(*path, name), text=text, mend=nearest(name, known), related=related, on_key=True)
