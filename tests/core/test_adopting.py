"""What a next fabric would strand, and what it may change while a pin stands."""

from collections.abc import Callable

import pytest

from pointsman.core.adopting import stranded
from pointsman.core.fabric import Fabric, Flow, FlowName, Link, LinkName, PinTarget
from pointsman.core.plan import Pin, Plan
from pointsman.core.values import replace
from tests.core.scene import ATLAS, START, Story, seconds

CHECKOUT, IX_B = FlowName("checkout"), LinkName("ix-b")
PIN = Pin(flow=CHECKOUT, link=IX_B, owner="pointsman", reason="grey", expires_at=START + seconds(3600))


def pinned(under: Fabric = ATLAS, *pins: Pin) -> Plan:
    return replace(Story(under).all_healthy(0).decided(1), pins=pins or (PIN,))


def with_flow(change: Callable[[Flow], Flow]) -> Fabric:
    return replace(ATLAS, flows=tuple(change(one) if one.name == CHECKOUT else one for one in ATLAS.flows))


def with_link(name: str, change: Callable[[Link], Link]) -> Fabric:
    return replace(ATLAS, links=tuple(change(one) if one.name == name else one for one in ATLAS.links))


def listed(prefix_list: str, *tables: str) -> Fabric:
    return with_flow(lambda one: replace(one, aws_prefix_list=PinTarget(prefix_list=prefix_list, route_tables=tables)))


def attached(*attachments: str) -> Fabric:
    return with_link("ix-b", lambda one: replace(one, aws=replace(one.aws, attachments=attachments)))


@pytest.mark.parametrize(
    "following",
    [
        with_flow(lambda one: replace(one, aws_prefix_list=None)),
        listed("pl-99", "tgw-rtb-1"),
        listed("pl-20", "tgw-rtb-2"),
    ],
)
def test_a_fabric_that_no_longer_names_the_place_of_a_pin_is_refused_with_the_place(following: Fabric) -> None:
    (why,) = stranded(pinned(), ATLAS, following)
    assert why.startswith("checkout is pinned to ix-b by pl-20 in tgw-rtb-1, ")
    assert why.endswith("until it has ended")
    assert list(stranded(replace(pinned(), pins=()), ATLAS, following)) == []


@pytest.mark.parametrize("following", [attached("tgw-attach-new"), attached("tgw-attach-new", "tgw-attach-2"), attached()])
def test_a_fabric_that_leads_a_pinned_link_elsewhere_is_refused_with_the_attachment(following: Fabric) -> None:
    (why,) = stranded(pinned(), ATLAS, following)
    assert why.startswith("checkout is pinned to ix-b by tgw-attach-2, ")
    assert list(stranded(replace(pinned(), pins=()), ATLAS, following)) == []


def test_what_leaves_the_place_of_a_pin_as_it_is_may_change() -> None:
    assert list(stranded(pinned(), ATLAS, listed("pl-20", "tgw-rtb-1", "tgw-rtb-2"))) == []
    assert list(stranded(pinned(), ATLAS, attached("tgw-attach-2", "tgw-attach-22"))) == []
    moved = with_link("ix-c", lambda one: replace(one, aws=replace(one.aws, attachments=("tgw-attach-new",))))
    assert list(stranded(pinned(), ATLAS, moved)) == []


def test_a_pin_whose_link_or_flow_is_gone_is_told_once() -> None:
    without_link = replace(ATLAS, links=tuple(one for one in ATLAS.links if one.name != IX_B))
    without_flow = replace(ATLAS, flows=tuple(one for one in ATLAS.flows if one.name != CHECKOUT))
    for following in (without_link, without_flow):
        assert list(stranded(pinned(), ATLAS, following)) == ["the pin of checkout to ix-b would be forgotten: let it end first"]


def test_a_fabric_that_the_plan_names_already_strands_nothing() -> None:
    following = listed("pl-99", "tgw-rtb-1")
    assert list(stranded(pinned(following), ATLAS, following)) == []
