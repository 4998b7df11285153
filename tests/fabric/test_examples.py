"""Every example is a complete fabric that the check accepts, and it says what cannot be steered yet."""

import pytest

from pointsman.adapters.files import check, load
from pointsman.adapters.files.notes import notes
from pointsman.core.domains import TableMode, table_mode
from pointsman.core.fabric import BestPath, Fabric, LinkKind, Mode
from pointsman.core.values import replace
from tests.fabric.written import EXAMPLES

NAMES = sorted(path.stem for path in EXAMPLES.glob("*.yaml"))
UNSTEERED = {
    "cloud-wan": ["dx", "vpn"],
    "virtual-private-gateway": ["dx", "vpn"],
    "managed-with-vpn": ["mc"],
    "atlas": ["mc"],
    "demo": ["mc"],
}
MODES = {"two-regions": TableMode.HOME, "one-vpn": TableMode.LITE, "virtual-private-gateway": TableMode.LITE}


@pytest.mark.parametrize("name", NAMES)
def test_the_example_is_accepted(name: str) -> None:
    report = check(str(EXAMPLES / f"{name}.yaml"))
    assert report.findings == ()
    assert report.fabric


@pytest.mark.parametrize("name", NAMES)
def test_the_check_says_which_links_cannot_be_steered_yet(name: str) -> None:
    notes = check(str(EXAMPLES / f"{name}.yaml")).notes
    assert [note.about.removeprefix("link ") for note in notes if "cannot be steered yet" in note.text] == UNSTEERED.get(name, [])


@pytest.mark.parametrize("name", NAMES)
def test_the_check_says_what_the_table_survives(name: str) -> None:
    report = check(str(EXAMPLES / f"{name}.yaml"))
    assert report.fabric
    mode = table_mode(report.fabric.stores)
    assert mode is MODES.get(name, TableMode.QUORUM)
    assert [note.text.split(":")[0] for note in report.notes if note.about == "stores"] == [mode.value]


def test_all_six_topologies_are_there() -> None:
    assert set(NAMES) == {
        "atlas",
        "cloud-wan",
        "demo",
        "managed-with-vpn",
        "one-vpn",
        "two-regions",
        "vif-with-vpn",
        "virtual-private-gateway",
    }


def test_the_reference_fabric_compiles_to_what_it_says() -> None:
    atlas = load(str(EXAMPLES / "atlas.yaml"))
    assert [(link.name, link.kind, link.mode) for link in atlas.links] == [
        ("ix-a", LinkKind.CROSS_CLOUD_INTERCONNECT, Mode.AUTO),
        ("ix-b", LinkKind.CROSS_CLOUD_INTERCONNECT, Mode.AUTO),
        ("mc", LinkKind.MANAGED_INTERCONNECT, Mode.RECOMMEND),
        ("vpn", LinkKind.VPN, Mode.AUTO),
    ]
    assert [link.timers.budget.total_seconds() for link in atlas.links] == [180, 5, 60, 30]
    assert atlas.flow("checkout").prefixes == {"aws-use1": ("10.20.0.0/16",), "gcp-use4": ("10.216.0.0/20",)}
    assert atlas.gcp_site(atlas.link("ix-a")).router
    assert atlas.aws_site(atlas.link("ix-a")).transit_gateway == "tgw-0a1b2c3d4e5f60718"
    assert atlas.desks[0].secret == "secret://pointsman/noc-routing-key"
    assert len(list(atlas.members())) == 7


def test_the_demo_fabric_is_the_reference_with_a_dear_third_interconnect_and_probes_on_every_link() -> None:
    atlas, demo = (load(str(EXAMPLES / f"{name}.yaml")) for name in ("atlas", "demo"))
    assert {link.name for link in demo.links} - {link.name for link in atlas.links} == {"ix-c"}
    assert all(len(link.probes) == 2 for link in demo.links)
    assert demo.flow("training").prefer == ("ix-a", "ix-b", "ix-c")
    assert demo.link("ix-c").cost_per_gb == 0.02
    assert demo.stores == atlas.stores


def test_between_may_name_its_sites_in_either_order() -> None:
    west = load(str(EXAMPLES / "vif-with-vpn.yaml"))
    assert {(link.aws_site, link.gcp_site) for link in west.links} == {("aws-use1", "gcp-use4")}
    router = west.gcp_site(west.links[0]).router
    assert router
    assert router.best_path is BestPath.STANDARD


def test_a_vpn_that_is_not_steered_beside_an_interconnect_that_is_has_a_note() -> None:
    atlas = load(str(EXAMPLES / "atlas.yaml"))
    watched = replace(atlas, links=tuple(replace(one, mode=Mode.OBSERVE) if one.name == "vpn" else one for one in atlas.links))
    assert not [note for note in notes(atlas) if "not steered beside" in note.text]
    assert [note.about for note in notes(watched) if "not steered beside ix-a" in note.text] == ["link vpn"]


def test_an_interconnect_that_no_drop_of_ours_takes_away_beside_a_vpn_is_told() -> None:
    atlas = load(str(EXAMPLES / "atlas.yaml"))
    permitted = tuple(replace(one, prefer=(*one.prefer, atlas.link("mc").name)) if one.name == "checkout" else one for one in atlas.flows)
    (before,), (after,) = (_outranking(one) for one in (atlas, replace(atlas, flows=permitted)))
    assert before == "link mc: let it not announce the prefixes of checkout, which may use vpn and not it"
    assert after == "link mc: while it is up, checkout cannot be led to vpn"


def _outranking(fabric: Fabric) -> list[str]:
    found = [note for note in notes(fabric) if "is preferred by AWS to vpn" in note.text]
    return [f"{note.about}: {note.text.partition('; ')[2]}" for note in found]
