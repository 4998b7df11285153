"""A site is one gateway, and what it lists belongs to that gateway."""

from collections.abc import Iterator

from pointsman.adapters.files.declared import GATEWAYS, AwsSite, File, GcpSite
from pointsman.adapters.files.findings import Fault, Path
from pointsman.core.fabric import BestPath


def aws_sites_are_one_gateway(file: File) -> Iterator[Fault]:
    """Find AWS sites that are not exactly one of the three kinds of gateway."""
    for name, site in file.sites.items():
        if not isinstance(site, AwsSite):
            continue
        if len(site.gateways) != 1:
            text = f"names {' and '.join(site.gateways)}" if site.gateways else "names no gateway"
            yield Fault(path=("sites", name), text=text, mend=f"name one of {', '.join(GATEWAYS)}")


def route_tables_belong_to_a_transit_gateway(file: File) -> Iterator[Fault]:
    """Find route tables where there is no Transit Gateway, and those listed twice."""
    for name, site in file.sites.items():
        if not isinstance(site, AwsSite):
            continue
        path: Path = ("sites", name, "route_tables")
        if site.route_tables and (site.core_network or site.virtual_private_gateway):
            text = "only a Transit Gateway has route tables here"
            yield Fault(path=path, text=text, mend="remove them", on_key=True, present=True)
        for at in file.again(path, site.route_tables):
            yield Fault(path=(*path, at), text="is listed twice", mend="keep one of the two")


def hubs_choose_the_best_path_the_legacy_way(file: File) -> Iterator[Fault]:
    """Find routers of an NCC hub with standard best-path selection: its hybrid spokes know the legacy one only."""
    for name, site in file.sites.items():
        if isinstance(site, GcpSite) and site.hub and site.router and site.router.best_path is BestPath.STANDARD:
            path: Path = ("sites", name, "router", "best_path")
            yield Fault(path=path, text="spokes of an NCC hub choose the best path the legacy way only", mend="write legacy")
