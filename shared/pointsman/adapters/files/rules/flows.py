"""Flows are told apart by their prefixes, fit their links and are pinned only where a pin can be written."""

import ipaddress
from collections.abc import Iterator

from pointsman.adapters.files.declared import AwsSite, File
from pointsman.adapters.files.findings import Fault, Path, nearest, shown, spelled
from pointsman.core.values import Frozen

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Owned(Frozen):
    network: Network
    path: Path

    @property
    def order(self) -> tuple[int, int, int]:
        return self.network.version, int(self.network.network_address), self.network.prefixlen


def prefixes_do_not_overlap(file: File) -> Iterator[Fault]:
    """Find prefixes that lie within another: steering one flow would move the other."""
    above: list[_Owned] = []
    for one in sorted(_owned(file), key=lambda owned: owned.order):
        while above and not _within(one.network, above[-1].network):
            above.pop()
        if above:
            yield _overlap(one, above[-1])
        above.append(one)


def flows_share_a_family_between_their_sites(file: File) -> Iterator[Fault]:
    """Find flows with IPv4 at one of their sites and IPv6 at the other: no packet goes from one to the other."""
    for name, flow in file.flows.items():
        path: Path = ("flows", name, "prefixes")
        families = {site: {ipaddress.ip_network(prefix).version for prefix in several} for site, several in flow.prefixes.items()}
        if len(families) > 1 and file.wrote_all(path) and not set.intersection(*families.values()):
            there = ", ".join(f"{site} has IPv{min(versions)}" for site, versions in families.items())
            text = f"the sites' prefixes share no address family: {there}"
            yield Fault(path=path, text=text, mend="declare prefixes of one family at both")


def probes_leave_their_source(file: File) -> Iterator[Fault]:
    """Find probes to the address that they are sent from, which would answer themselves whatever the link does."""
    for name, link in file.links.items():
        for site, probe in link.probes.items():
            if probe.source == probe.target:
                path: Path = ("links", name, "probes", site)
                text = f"{probe.target} is also the source, so the probe would answer itself"
                yield Fault(path=(*path, "target"), text=text, mend="name an address at the far end", related=((*path, "source"),))


def probes_are_never_steered(file: File) -> Iterator[Fault]:
    """Find probes that would be steered with a flow, or whose addresses are of two families."""
    owned = _Steered(list(_owned(file)))
    for name, link in file.links.items():
        for site, probe in link.probes.items():
            path: Path = ("links", name, "probes", site)
            yield from _steered((*path, "source"), probe.source, owned)
            yield from _steered((*path, "target"), probe.target, owned)
            if _address(probe.source).version != _address(probe.target).version:
                related: tuple[Path, ...] = ((*path, "source"), (*path, "target"))
                yield Fault(
                    path=path, text="source and target are of two address families", mend="use IPv4 or IPv6 for both", related=related
                )


def flows_fit_the_mtu_of_a_link(file: File) -> Iterator[Fault]:
    """Find flows that no permitted link has the MTU for."""
    for name, flow in file.flows.items():
        known = [file.links[link].mtu for link in flow.prefer if link in file.links]
        if len(known) == len(flow.prefer) and flow.min_mtu > max(known, default=flow.min_mtu) and file.wrote_all(("flows", name, "prefer")):
            text = f"{flow.min_mtu} is above the MTU of every permitted link (at most {max(known)})"
            related: tuple[Path, ...] = tuple(("links", link, "mtu") for link in flow.prefer)
            yield Fault(path=("flows", name, "min_mtu"), text=text, mend="lower it or permit a wider link", related=related)


def pins_go_to_declared_route_tables(file: File) -> Iterator[Fault]:
    """Find pins to route tables that the flow's AWS site does not declare, or no site where the flow's is not known."""
    for name, flow in file.flows.items():
        if not flow.aws_prefix_list:
            continue
        there = file.flow_ends(name).get("aws")
        sites = [there] if there else list(file.sites)
        known = _route_tables(file, sites)
        for at, table in enumerate(flow.aws_prefix_list.route_tables):
            if table not in known and file.wrote(("sites",)) and all(file.wrote_all(("sites", site, "route_tables")) for site in sites):
                path: Path = ("flows", name, "aws_prefix_list", "route_tables", at)
                whose = " of the flow's AWS site" if there else ""
                text = f"{shown(table)} is not a declared route table{whose}"
                yield Fault(path=path, text=text, mend=nearest(table, known) or "declare it at the site", lacks=True)


def _route_tables(file: File, sites: list[str]) -> set[str]:
    known = (file.sites[name] for name in sites)
    return {table for site in known if isinstance(site, AwsSite) for table in site.route_tables}


def _owned(file: File) -> Iterator[_Owned]:
    for name, flow in file.flows.items():
        for site, prefixes in flow.prefixes.items():
            for at, prefix in enumerate(prefixes):
                path: Path = ("flows", name, "prefixes", site, at)
                if file.wrote(path):
                    yield _Owned(network=ipaddress.ip_network(prefix), path=path)


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def _overlap(one: _Owned, other: _Owned) -> Fault:
    text = f"{one.network} overlaps {other.network} of {spelled(other.path[:4])}"
    return Fault(path=one.path, text=text, mend="an address belongs to one flow and one site", related=(other.path,))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(text)


class _Steered:
    """The prefixes of all flows, to look addresses up in: the first in the file counts."""

    def __init__(self, owned: list[_Owned]) -> None:
        self._found: dict[tuple[int, int, int], tuple[int, _Owned]] = {}
        for at, one in enumerate(owned):
            self._found.setdefault(one.order, (at, one))
        self._lengths = {(one.network.version, one.network.prefixlen) for one in owned}

    def holding(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> _Owned | None:
        """Give the prefix that an address lies in."""
        fitting = (length for version, length in self._lengths if version == address.version)
        keys = ((address.version, int(address) >> (rest := address.max_prefixlen - length) << rest, length) for length in fitting)
        found = [self._found[key] for key in keys if key in self._found]
        return min(found, key=lambda one: one[0])[1] if found else None


def _steered(path: Path, address: str, owned: _Steered) -> Iterator[Fault]:
    one = owned.holding(_address(address))
    if one:
        text = f"{address} lies in {one.network} of flow {one.path[1]}, so the probe would be steered with it"
        yield Fault(path=path, text=text, mend="probe from addresses outside every flow")
