"""What is not wrong with a fabric but should be known."""

from collections.abc import Callable, Iterator

from pointsman.adapters.files.findings import Note
from pointsman.adapters.files.units import spoken_bandwidth
from pointsman.core.domains import StoreScheme, addresses_of
from pointsman.core.fabric import Fabric, Link, LinkKind, Mode
from pointsman.core.filling import outranking
from pointsman.core.modes import standing


def notes(fabric: Fabric) -> tuple[Note, ...]:
    """Say what cannot be steered yet, what the table survives and what will not fit."""
    return tuple(note for kind in NOTES for note in kind(fabric))


def _unsteered(fabric: Fabric) -> Iterator[Note]:
    for link in fabric.links:
        gap = fabric.gap(link)
        if gap:
            by_hand = ", and recommendations are carried out by hand" if link.mode is Mode.RECOMMEND else ""
            yield Note(about=f"link {link.name}", text=f"cannot be steered yet: {gap}; it is watched{by_hand}")


def _undrained(fabric: Fabric) -> Iterator[Note]:
    for link in fabric.links:
        if not fabric.gap(link) and not link.gcp.import_policy:
            text = "declares no route policies: only the failover test of its virtual interfaces can drain it, all flows at once"
            yield Note(about=f"link {link.name}", text=text)


def _rivals(fabric: Fabric) -> Iterator[Note]:
    """Name VPNs that Google prefers to an avoided interconnect, while AWS prefers any interconnect."""
    for link in fabric.links:
        beside = [one for one in fabric.links if one.kind is not LinkKind.VPN and _steered(one) and _ends(one) == _ends(link)]
        if link.kind is LinkKind.VPN and beside and not _steered(link):
            text = (
                f"is not steered beside {beside[0].name}: should a flow's interconnect fail, Google sends over this VPN and AWS over another"
                " interconnect until the next decision; declare its route policies and set its mode to auto"
            )
            yield Note(about=f"link {link.name}", text=text)


def _outranking(fabric: Fabric) -> Iterator[Note]:
    """Name interconnects that are not ours to steer beside a VPN: no drop of ours leads AWS away from them."""
    for vpn in fabric.links:
        for link in outranking(fabric, vpn):
            if not _steered(link):
                flows = [flow for flow in fabric.flows if vpn.name in flow.prefer]
                both = ", ".join(flow.name for flow in flows if link.name in flow.prefer)
                others = ", ".join(flow.name for flow in flows if link.name not in flow.prefer)
                yield Note(about=f"link {link.name}", text=_outranks(vpn, both, others))


def _outranks(vpn: Link, both: str, others: str) -> str:
    stay = f"; while it is up, {both} cannot be led to {vpn.name}" if both else ""
    hide = f"; let it not announce the prefixes of {others}, which may use {vpn.name} and not it" if others else ""
    return f"is preferred by AWS to {vpn.name} for equal prefixes, and pointsman does not steer it by itself{stay}{hide}"


def _steered(link: Link) -> bool:
    return link.mode is Mode.AUTO and link.has_policies


def _ends(link: Link) -> tuple[str, str]:
    return link.aws_site, link.gcp_site


def _table(fabric: Fabric) -> Iterator[Note]:
    yield Note(about="stores", text=standing(fabric.stores).text)
    files = [slot for slot, one in addresses_of(fabric.stores).items() if one.scheme is StoreScheme.SQLITE]
    if files:
        yield Note(about="stores", text=f"{' and '.join(files)} in a file of this machine: for trying out only")


def _idle(fabric: Fabric) -> Iterator[Note]:
    used = {name for flow in fabric.flows for name in flow.prefer}
    for link in fabric.links:
        if link.name not in used:
            yield Note(about=f"link {link.name}", text="no flow may use it: it is watched only")


def _alone(fabric: Fabric) -> Iterator[Note]:
    for flow in fabric.flows:
        if len(flow.prefer) == 1:
            yield Note(about=f"flow {flow.name}", text=f"has no other link than {flow.prefer[0]}: nothing can be done when that fails")


def _narrow(fabric: Fabric) -> Iterator[Note]:
    for flow in fabric.flows:
        for link in map(fabric.link, flow.prefer):
            if link.mtu < flow.min_mtu:
                yield Note(
                    about=f"flow {flow.name}",
                    text=f"needs MTU {flow.min_mtu} and {link.name} has {link.mtu}: used only when nothing else is left",
                )
            if link.capacity < flow.demand:
                text = f"needs {spoken_bandwidth(flow.demand)} and {link.name} carries {spoken_bandwidth(link.capacity)}: squeezed there"
                yield Note(about=f"flow {flow.name}", text=text)


def _shared_gateways(fabric: Fabric) -> Iterator[Note]:
    seen: dict[str, str] = {}
    for link in fabric.links:
        gateway = link.aws.dx_gateway
        first = seen.setdefault(gateway, link.name) if gateway else link.name
        if first != link.name:
            text = f"shares its Direct Connect gateway with {first}: their routes cannot be told apart; use one gateway a link"
            yield Note(about=f"link {link.name}", text=text)


def _shared_names(fabric: Fabric) -> Iterator[Note]:
    """Name tunnels and VLAN attachments that have the name of another in another region or project."""
    tunnels = [(link.name, member.gcp.tunnel) for link, member in fabric.members()]
    for what, named in (("VLAN attachment", [(link.name, link.gcp.vlan_attachment) for link in fabric.links]), ("tunnel", tunnels)):
        seen: dict[str, str] = {}
        for link, name in named:
            first = seen.setdefault(name, link) if name else link
            if first != link:
                text = (
                    f'has the name of its {what} "{name}" in common with {first}: let alert policies on it keep the labels project_id and'
                    " region (group by both, if at all), for an incident without them is taken for neither"
                )
                yield Note(about=f"link {link}", text=text)


def _blind(fabric: Fabric) -> Iterator[Note]:
    for link in fabric.links:
        if not link.probes and link.kind is not LinkKind.MANAGED_INTERCONNECT:
            yield Note(about=f"link {link.name}", text="has no probes: packets lost while BGP stays up are not seen")


NOTES: tuple[Callable[[Fabric], Iterator[Note]], ...] = (
    _unsteered,
    _undrained,
    _rivals,
    _outranking,
    _table,
    _idle,
    _alone,
    _narrow,
    _shared_gateways,
    _shared_names,
    _blind,
)
"""Every kind of note."""
