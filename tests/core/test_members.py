"""A name that a cloud has for part of a link leads to that link, and one that several links share to none alone."""

from pathlib import Path

from pointsman.adapters.files import load
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.members import MemberRef, index, places
from pointsman.core.values import replace

FABRIC = load(str(Path(__file__).parents[2] / "docs" / "fabrics" / "atlas.yaml"))
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
