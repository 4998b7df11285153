"""From a fabric to its network."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import pointsman.testing.network
from pointsman.adapters.files import load
from pointsman.testing.blueprint import blueprint as built
from pointsman.testing.network.blueprint import LinkType
from pointsman.testing.network.model import Network
from tests.twin.networks import blueprint, only, reference

FABRICS = sorted((Path(__file__).parents[2] / "docs" / "fabrics").glob("*.yaml"))


@pytest.mark.parametrize("path", FABRICS, ids=lambda path: path.stem)
def test_every_example_fabric_becomes_a_network_that_carries_its_flows_in_peace(path: Path) -> None:
    net = Network(built(load(str(path))))
    net.advance(1000)
    for flow in net.blueprint.flows:
        assert net.path(flow.name).carried
        assert net.path(flow.name).symmetric
        assert net.loss(flow.name) == 0
    assert not net.happenings


def test_there_is_an_example_to_every_topology() -> None:
    assert len(FABRICS) >= 6


def test_a_link_keeps_its_identifiers_timers_and_probes() -> None:
    plan = blueprint()
    link = plan.link("ix-b")
    assert (link.type, link.association, link.vlan_attachment) == (LinkType.DXGW, "assoc-b", "vlan-b")
    assert link.timers.bfd is not None
    assert link.timers.bfd.multiplier == 5
    assert plan.link("ix-a").timers.keepalive == 20
    assert {probe.alarm for probe in link.probes.values()} == {"probe-ix-b-aws-use1", "probe-ix-b-gcp-use4"}


def test_tunnels_hang_on_the_attachment_of_their_vpn_connection() -> None:
    link = blueprint().link("vpn")
    assert [member.attachment for member in link.members] == [link.attachments[0]] * 2 + [link.attachments[1]] * 2


def test_a_flow_is_on_a_link_that_it_is_not_permitted_on_only_when_nothing_else_is_left() -> None:
    assert only("mc", "ix-b").path("training").to_gcp.links == {"ix-b": 1.0}
    assert only("mc").path("training").to_gcp.links == {"mc": 1.0}


def test_cloud_wan_compares_med_before_the_type_of_the_attachment() -> None:
    plan = built(reference(), native={"vpn": 0, "ix-a": 50, "ix-b": 50})
    assert Network(plan).path("checkout").to_gcp.links == {"ix-a": 0.5, "ix-b": 0.5}
    wide = replace(plan, sites=tuple(replace(site, cloud_wan=True) for site in plan.sites))
    assert Network(wide).path("checkout").to_gcp.links == {"vpn": 1.0}
    declared = {path.stem: built(load(str(path))).sites for path in FABRICS}
    assert [name for name, sites in declared.items() if any(site.cloud_wan for site in sites)] == ["cloud-wan"]


def test_the_model_imports_nothing_of_what_it_judges() -> None:
    folder = Path(pointsman.testing.network.__file__).parent
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not str(node.module).startswith("pointsman.") or str(node.module).startswith("pointsman.testing.network")
