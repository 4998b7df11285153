"""How the clouds name a link's members, and which link a name belongs to.

Keys, as ``Sighting.member`` holds them:

| form | what |
|---|---|
| ``dxvif-..``, ``dxcon-..``, ``mcc-..``, ``tgw-attach-..``, ``vpn-..`` | an AWS resource of that id |
| a bare UUID | a Direct Connect gateway's association, or the gateway itself where one link alone is declared on it |
| ``dxcon-..#METRIC``, ``tgw-attach-..#METRIC`` | the same resource by an alarm on one of its further metrics (``LIGHT``, ``DROPS``) |
| ``vpn-..:IP`` | one tunnel of a VPN connection, by its outside address; ``tgw-attach-..:IP`` where only the attachment is named |
| ``router/ROUTER_ID:IP`` | a BGP peer of a Cloud Router, by the far end's address |
| ``router/ROUTER_ID:NAME`` | the same, where the feed gives the peer's name alone |
| ``router/ROUTER_ID`` | a Cloud Router as a whole |
| ``connect-peer-..:IP`` | a Connect peer, by the core network's address |
| ``tunnel/PROJECT/REGION/NAME``, ``vlan/PROJECT/REGION/NAME`` | a Cloud VPN tunnel, a VLAN attachment: Google's names are unique in a project's region |
| ``tunnel/NAME``, ``vlan/NAME`` | the same, where the feed does not say the place: it leads to a link while the fabric has one of that name alone |
| ``interconnect/NAME``, ``projects/../transports/NAME`` | Google resources |
| ``alarm/NAME`` | an alarm of either cloud that the fabric maps to a member (``placed``); in ``Sighting.text``, the one that speaks of another key |
| ``probe/SOURCE>TARGET`` | a probe of ours over that address pair |
| ``link/LINK`` | a link as a whole, where a person announces its maintenance |
| ``lever/LINK`` | what pointsman itself found its own lever on a link set to |
| ``refused/KIND/NAME`` | a lever of that kind, on a link or of a flow, that its cloud will not let pointsman set |

Clouds spell an IPv6 address as they like; a key holds its canonical text, so that all spellings name one member.
"""

import ipaddress
from collections.abc import Callable, Container, Iterator, Mapping
from functools import lru_cache
from typing import TypeVar
from unicodedata import normalize

from pointsman.core.fabric import Fabric, GcpSite, Link, LinkName, Member, MemberId
from pointsman.core.sightings import ALARMS, Sighting, Source
from pointsman.core.values import Frozen, replace

T = TypeVar("T")

LIGHT = ("ConnectionErrorCount", "ConnectionLightLevelRx", "ConnectionLightLevelTx")
"""Metrics of a Direct Connect connection beside its state: an alarm on one has a row of its own, lest it hide another."""
DROPS = ("PacketDropCountNoRoute",)
"""Metrics of an attachment's lost packets beside black holes, the same way."""
FABRICS_KEPT = 16
"""Fabrics whose index is kept at hand, more than any artefact carries; at the bound all are worked out anew."""
ADDRESSES_KEPT = 1024
"""IPv6 spellings whose one canonical text is kept at hand; beyond it the one longest unused is worked out anew."""


def metric_key(resource: str, metric: str) -> str:
    """Name a resource by one of its further metrics."""
    return f"{resource}#{metric}"


def canonical(address: str) -> str:
    """Give the one text by which keys hold an address (RFC 5952: lower case, compressed); a text that is none stays as it is."""
    return _compressed(address) if ":" in address else address  # IPv4 has one spelling alone


@lru_cache(maxsize=ADDRESSES_KEPT)
def _compressed(address: str) -> str:
    try:
        return str(ipaddress.IPv6Address(address))
    except ValueError:
        return address


def tunnel_key(owner: str, outside_ip: str) -> str:
    """Name one AWS tunnel by its VPN connection (or attachment) and outside address, however that is spelled."""
    return f"{owner}:{canonical(outside_ip)}"


def peer_key(router_id: str, peer: str) -> str:
    """Name a Cloud Router's peer by the router's number and the peer's address, however that is spelled (or name)."""
    return f"router/{router_id}:{canonical(peer)}"


def router_key(router_id: str) -> str:
    """Name a Cloud Router by its number."""
    return f"router/{router_id}"


def interconnect_key(name: str) -> str:
    """Name a physical Google interconnect."""
    return f"interconnect/{name}"


def gcp_tunnel_key(name: str, project: str = "", region: str = "") -> str:
    """Name a Cloud VPN tunnel, by its name alone where the project or the region is not known."""
    return f"tunnel/{_placed_name(name, project, region)}"


def vlan_key(name: str, project: str = "", region: str = "") -> str:
    """Name a VLAN attachment, by its name alone where the project or the region is not known."""
    return f"vlan/{_placed_name(name, project, region)}"


def _placed_name(name: str, project: str, region: str) -> str:
    return f"{project}/{region}/{name}" if project and region else name


def alarm_key(name: str) -> str:
    """Name an alarm or alert policy; a letter with an accent is the same however it is composed (Unicode's form C)."""
    return f"alarm/{normalize('NFC', name)}"


def probe_key(source: str, target: str) -> str:
    """Name a probe by its address pair."""
    return f"probe/{source}>{target}"


def link_key(link: str) -> str:
    """Name a link as a whole, where a person speaks of it."""
    return f"link/{link}"


def lever_key(link: str) -> str:
    """Name what our own lever on a link is set to."""
    return f"lever/{link}"


def pin_key(flow: str, link: str) -> str:
    """Name our own pin of a flow to a link."""
    return f"pin/{flow}>{link}"


class MemberRef(Frozen):
    """Whom a key speaks of: one member, or the whole link (``member`` is None)."""

    link: LinkName
    member: MemberId | None = None


def places(fabric: Fabric) -> Mapping[str, tuple[MemberRef, ...]]:
    """Map every key to all links and members it speaks of: several share a connection, and all of a router's peers the router."""
    return _kept(_all_places, fabric, _placed)


def index(fabric: Fabric) -> Mapping[str, MemberRef]:
    """Map every key that a feed may use to the link and member it speaks of."""
    return _kept(_indexes, fabric, _indexed)


_all_places: dict[str, Mapping[str, tuple[MemberRef, ...]]] = {}
_indexes: dict[str, Mapping[str, MemberRef]] = {}


def placed(claim: Sighting, known: Container[str]) -> Sighting:
    """Give a claim by a key that is known: that of what it names, else, of an alarm that a member declares, the alarm's own."""
    if claim.member in known or claim.source not in ALARMS:
        return claim
    alarm = next((key for key in _speakers(claim) if key in known), None)
    return claim if alarm is None else replace(claim, member=alarm, text="" if alarm == claim.text else claim.text)


def _speakers(claim: Sighting) -> Iterator[str]:
    """Give the names of the alarm that speaks; a condition of Monitoring's is named behind its policy, which is what a fabric declares."""
    name = claim.text
    yield name
    while claim.source is Source.MONITORING and "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _kept(known: dict[str, T], fabric: Fabric, work: Callable[[Fabric], T]) -> T:
    """Give what was worked out for a fabric before, or work it out: fabrics of one hash are equal."""
    found = known.get(fabric.hash)
    if found is None:
        if len(known) >= FABRICS_KEPT:
            known.clear()
        found = known[fabric.hash] = work(fabric)
    return found


def _placed(fabric: Fabric) -> Mapping[str, tuple[MemberRef, ...]]:
    found: dict[str, tuple[MemberRef, ...]] = {}
    for link in fabric.links:
        router = fabric.gcp_site(link).router
        connections = {member.aws.vpn for member in link.members if member.aws.vpn}  # of several, one takes its own tunnels alone
        here = [(key, MemberRef(link=link.name)) for key in (link_key(link.name), *_link_keys(fabric, link)) if key not in connections]
        for member in link.members:
            ref = MemberRef(link=link.name, member=member.id)
            here += [(key, ref) for key in dict.fromkeys(_member_keys(fabric, link, member))]
            here += [(member.aws.vpn, ref)] if member.aws.vpn else []
            here += [(router_key(router.id), ref)] if router and member.gcp.peer else []
        for key, ref in here:
            found[key] = (*found.get(key, ()), ref)
    return found


def _indexed(fabric: Fabric) -> Mapping[str, MemberRef]:
    found: dict[str, MemberRef] = {}
    for link in fabric.links:
        found.update(dict.fromkeys(_link_keys(fabric, link), MemberRef(link=link.name)))
        for member in link.members:
            ref = MemberRef(link=link.name, member=member.id)
            found.update(dict.fromkeys(_member_keys(fabric, link, member), ref))
    return found


def _link_keys(fabric: Fabric, link: Link) -> Iterator[str]:
    yield from link.aws.attachments
    if link.aws.association:
        yield link.aws.association
    if link.aws.dx_gateway and sum(one.aws.dx_gateway == link.aws.dx_gateway for one in fabric.links) == 1:
        yield link.aws.dx_gateway
    yield from (metric_key(attachment, metric) for attachment in link.aws.attachments for metric in DROPS)
    yield from {member.aws.vpn for member in link.members if member.aws.vpn}
    if link.aws.connection:
        yield link.aws.connection
    if link.gcp.vlan_attachment:
        named = [one.gcp.vlan_attachment for one in fabric.links]
        yield from _regional(vlan_key, link.gcp.vlan_attachment, fabric.gcp_site(link), named)
    if link.gcp.transport:
        yield link.gcp.transport
    for pair in link.probes:
        yield probe_key(pair.source, pair.target)
    yield lever_key(link.name)


def _member_keys(fabric: Fabric, link: Link, member: Member) -> Iterator[str]:
    aws, gcp = member.aws, member.gcp
    yield from (name for name in (aws.virtual_interface, aws.connection) if name)
    yield from (metric_key(aws.connection, metric) for metric in LIGHT if aws.connection)
    if aws.vpn and aws.outside_ip:
        yield tunnel_key(aws.vpn, aws.outside_ip)
        yield from (tunnel_key(attachment, aws.outside_ip) for attachment in link.aws.attachments)
    if gcp.tunnel:
        named = [one.gcp.tunnel for _, one in fabric.members()]
        yield from _regional(gcp_tunnel_key, gcp.tunnel, fabric.gcp_site(link), named)
    router = fabric.gcp_site(link).router
    if gcp.peer and router:
        yield peer_key(router.id, gcp.peer.ip)
        yield peer_key(router.id, gcp.peer.name)
    yield from (alarm_key(name) for name in member.alarms)


def _regional(key: Callable[[str, str, str], str], name: str, site: GcpSite, named: list[str | None]) -> Iterator[str]:
    """Give the key of a name with its place, and that of the name alone unless ``named``, all of its kind, has it in another place too."""
    yield key(name, site.project, site.region)
    if named.count(name) == 1:
        yield key(name, "", "")
