"""A name that a cloud has for part of a link leads to that link, and one that several links share to none alone."""

from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.files import load
from pointsman.core.fabric import Fabric, LinkName, MemberId
from pointsman.core.members import MemberRef, canonical, gcp_tunnel_key, index, peer_key, places, tunnel_key, vlan_key
from pointsman.core.values import replace

FABRICS = Path(__file__).parents[2] / "docs" / "fabrics"
FABRIC, TANDEM = load(str(FABRICS / "atlas.yaml")), load(str(FABRICS / "two-regions.yaml"))
ASSOCIATION, GATEWAY = "9eb2f0d4-2f9e-4a8b-8d0c-2f5d0c1f9a11", "5f294f92-bafb-4011-916d-9b0bec5dd43c"
IX_A = MemberRef(link=LinkName("ix-a"))


def sharing(fabric: Fabric, *names: str) -> Fabric:
    links = tuple(replace(one, aws=replace(one.aws, dx_gateway=GATEWAY)) if one.name in names else one for one in fabric.links)
    return replace(fabric, links=links)


def test_a_gateways_association_leads_to_the_link_that_declares_it() -> None:
    assert index(FABRIC)[ASSOCIATION] == IX_A
    assert places(FABRIC)[ASSOCIATION] == (IX_A,)


def test_a_gateway_of_one_link_leads_to_it() -> None:
    assert index(FABRIC)[GATEWAY] == IX_A


def test_a_gateway_that_links_share_leads_to_neither() -> None:
    shared = sharing(FABRIC, "ix-b")
    assert GATEWAY not in index(shared)
    assert GATEWAY not in places(shared)
    assert index(shared)[ASSOCIATION] == IX_A


@pytest.mark.parametrize("keys", [index, places])
def test_a_name_that_two_regions_share_leads_to_a_link_only_with_its_project_and_region(
    keys: Callable[[Fabric], Mapping[str, object]],
) -> None:
    for region, side in (("us-east4", "east"), ("us-west1", "west")):
        link = MemberRef(link=LinkName(side))
        member = MemberRef(link=LinkName(f"{side}-vpn"), member=MemberId("t1"))
        assert keys(TANDEM)[vlan_key("vlan-a", "weft-prod-1", region)] in (link, (link,))
        assert keys(TANDEM)[gcp_tunnel_key("ha-t1", "weft-prod-1", region)] in (member, (member,))
    for key in (vlan_key("vlan-a"), gcp_tunnel_key("ha-t1"), vlan_key("vlan-a", "weft-prod-2", "us-east4")):
        assert key not in keys(TANDEM)


@pytest.mark.parametrize("keys", [index, places])
def test_a_name_that_stands_for_one_thing_alone_needs_no_region(keys: Callable[[Fabric], Mapping[str, object]]) -> None:
    for name, key in (("vlan-a", vlan_key), ("ha-t1", gcp_tunnel_key)):
        assert keys(FABRIC)[key(name)] == keys(FABRIC)[key(name, "weft-prod-1", "us-east4")]
        assert key(name, "weft-prod-1", "us-west1") not in keys(FABRIC)


def test_half_a_place_is_none() -> None:
    assert vlan_key("a", "weft-prod-1") == vlan_key("a", region="us-east4") == vlan_key("a") == "vlan/a"


def spellings(address: IPv6Address) -> st.SearchStrategy[str]:
    """Spell one address as clouds may: compressed or not, zeros in front or not, in either case."""
    parts = [f"{int(part, 16):x}" for part in address.exploded.split(":")]
    plain = st.sampled_from([address.compressed, address.exploded, ":".join(parts)])
    mixed = st.tuples(*(st.sampled_from([part, part.zfill(4), part.upper(), part.zfill(4).upper()]) for part in parts)).map(":".join)
    return plain | plain.map(str.upper) | mixed


@given(st.data(), st.ip_addresses(v=6))
def test_every_spelling_of_one_address_gives_one_key(data: st.DataObject, address: IPv6Address) -> None:
    spelled = data.draw(spellings(address))
    assert tunnel_key("vpn-1", spelled) == tunnel_key("vpn-1", str(address))
    assert peer_key("77", spelled) == peer_key("77", str(address))


@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
def test_two_addresses_never_share_a_key(one: IPv6Address, other: IPv6Address) -> None:
    assert (peer_key("77", one.exploded) == peer_key("77", other.exploded)) is (one == other)


@pytest.mark.parametrize("text", ["aws-a", "169.254.1.2", "AWS-A", "fe80", "2600:::1", "a:b", ":", "", "2600:2D00::1/64"])
def test_a_text_that_is_no_ipv6_address_stays_as_it_is(text: str) -> None:
    assert canonical(text) == text


def test_a_key_says_the_compressed_address() -> None:
    assert tunnel_key("vpn-1", "2001:DB8:0:0:0:0:0:7") == "vpn-1:2001:db8::7"
    assert peer_key("77", "2600:2d00:0:2:8000:0:0:5") == "router/77:2600:2d00:0:2:8000::5"
