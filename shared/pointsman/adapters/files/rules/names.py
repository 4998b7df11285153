"""Every name that is used is declared, and links and flows join what they can join."""

from collections.abc import Iterable, Iterator

from pointsman.adapters.files.declared import CLOUDS, File
from pointsman.adapters.files.findings import Fault, Path, nearest, shown
from pointsman.adapters.files.scalars import is_name
from pointsman.core.nearness import likely


def links_join_two_clouds(file: File) -> Iterator[Fault]:
    """Find links that do not join two declared sites, one in each cloud."""
    for name, link in file.links.items():
        path: Path = ("links", name, "between")
        yield from _dangling(link.between, path, file.sites, "sites")
        if len(link.between) != len(CLOUDS) or not file.wrote_all(path):
            continue
        if len(set(link.between)) == 1:
            yield Fault(path=path, text="both ends are the same site", mend="name one AWS and one Google site")
        else:
            yield from _one_cloud(file, link.between, path)


def flows_prefer_links(file: File) -> Iterator[Fault]:
    """Find preferred links that are not declared, or listed twice."""
    for name, flow in file.flows.items():
        path: Path = ("flows", name, "prefer")
        yield from _dangling(flow.prefer, path, file.links, "links")
        for at in file.again(path, flow.prefer):
            yield Fault(path=(*path, at), text=f"{shown(flow.prefer[at])} is listed twice", mend="keep one of the two")


def flows_name_sites(file: File) -> Iterator[Fault]:
    """Find flows whose prefixes are not at two declared sites, one in each cloud."""
    for name, flow in file.flows.items():
        path: Path = ("flows", name, "prefixes")
        yield from _undeclared(file, flow.prefixes, path)
        if len(flow.prefixes) == len(CLOUDS):
            yield from _one_cloud(file, list(flow.prefixes), path)


def probes_name_sites(file: File) -> Iterator[Fault]:
    """Find probes that are not sent from one of their link's two sites, or from none that is declared where those are not known."""
    for name, link in file.links.items():
        joins = file.joins(name)
        known = link.between if joins else [*link.between, *file.sites]
        for site in link.probes:
            if site not in known and is_name(site):
                related: tuple[Path, ...] = () if joins else (("sites", site),)
                path: Path = ("links", name, "probes", site)
                text = f"{shown(site)} is not a site of this link"
                yield Fault(path=path, text=text, mend=_meant(site, known), related=related, on_key=True, lacks=not joins)


def probes_come_in_pairs(file: File) -> Iterator[Fault]:
    """Find links that are probed from one of their sites alone: nobody would ever see such a link pass packets both ways again."""
    for name, link in file.links.items():
        if len(link.probes) == 1:
            missing = [site for site in link.between if site not in link.probes] if file.joins(name) else []
            absent = missing[0] if len(missing) == 1 else "one of its two sites"
            text = f"{absent} has no probe, so that nobody sees it come back"
            yield Fault(path=("links", name, "probes"), text=text, mend="declare one from each site, or none")


def flows_use_links_between_their_sites(file: File) -> Iterator[Fault]:
    """Find preferred links that join other sites than the flow's."""
    for name, flow in file.flows.items():
        for at, chosen in enumerate(flow.prefer):
            if chosen in file.links and _apart(file, chosen, name):
                between = file.links[chosen].between
                text = f"{shown(chosen)} joins {' and '.join(between)}, not this flow's sites {' and '.join(flow.prefixes)}"
                yield Fault(path=("flows", name, "prefer", at), text=text, mend="permit only links between its sites")


def _apart(file: File, link: str, flow: str) -> bool:
    """Say whether a link cannot be one of a flow's, by what the file tells of the ends of both."""
    ends, sites = file.ends(link), file.flow_ends(flow)
    prefixes = file.flows[flow].prefixes
    known = (
        file.joins(link) and file.wrote(("flows", flow, "prefixes")) and len(prefixes) == len(CLOUDS) and set(prefixes) <= set(file.sites)
    )
    return any(ends[cloud] != sites[cloud] for cloud in ends.keys() & sites.keys()) or (known and set(ends.values()) != set(prefixes))


def _one_cloud(file: File, sites: list[str], path: Path) -> Iterator[Fault]:
    clouds = {file.sites[site].cloud if site in file.sites else None for site in sites}
    if len(clouds) == 1 and None not in clouds:
        text = "both sites are in one cloud" if path[0] == "flows" else f"both sites are in {clouds.pop()}"
        related = tuple(("sites", site, "cloud") for site in sites)
        yield Fault(path=path, text=text, mend="name one AWS and one Google site", related=related)


def _dangling(used: Iterable[str], path: Path, declared: Iterable[str], part: str) -> Iterator[Fault]:
    known = set(declared)
    for at, name in enumerate(used):
        if name not in known and is_name(name):
            text = f"{shown(name)} is not declared under {part}"
            yield Fault(path=(*path, at), text=text, mend=_meant(name, known), related=((part, name),), lacks=True)


def _undeclared(file: File, used: Iterable[str], path: Path) -> Iterator[Fault]:
    for name in used:
        if name not in file.sites and is_name(name):
            text = f"{shown(name)} is not a declared site"
            yield Fault(path=(*path, name), text=text, mend=_meant(name, file.sites), related=(("sites", name),), on_key=True, lacks=True)


def _meant(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name; one that is none has to be mended itself."""
    close = likely(name, known)
    return f"mend the name {shown(close)}" if close and not is_name(close) else nearest(name, filter(is_name, known))
