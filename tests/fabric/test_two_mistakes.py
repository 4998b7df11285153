"""A second mistake is told beside the first, also where both are of one kind and a rule would take the first one's repair for real."""

import pytest

from tests.fabric.written import ATLAS, Edit, at, checked, edited, example

THIRD = """  third:
    prefixes: {aws-use1: [10.20.128.0/17], gcp-use4: [10.99.0.0/16]}
    demand: 1Gbps
    priority: 6
    prefer: [ix-a]
"""
PIN = "{id: pl-0123456789abcdef0, route_tables: [tgw-rtb-0e5f60718293a4b5c]}"
NO_WITNESS = ("  witness: s3://pointsman-atlas-witness?endpoint=https://objects.example.net", "  ")

TWO: dict[str, tuple[list[Edit], list[str]]] = {
    "a hold time without unit, and events too short-lived for other links": (
        [("hold: 60s, g", "hold: 60, g"), ("event: 10m", "event: 1m")],
        ["links.ix-a.timers.hold", "policy.freshness.event"],
    ),
    "a BFD interval without unit, and events too short-lived for other links": (
        [("interval: 1s", "interval: 1"), ("event: 10m", "event: 1m")],
        ["links.ix-b.timers.bfd.interval", "policy.freshness.event"],
    ),
    "a misspelt attachment whose repair is used, and another attachment twice": (
        [
            ("tgw-attach-0aaaa00000000000a", "tgw-attach-XX"),
            ("tgw-attach-0bbbb00000000000b", "tgw-attach-0aaaa00000000000a"),
            ("tgw-attach-0cccc00000000000c", "tgw-attach-0aaaa00000000000a"),
        ],
        ["links.ix-a.aws.attachments[0]", "links.mc.aws.attachments[0]"],
    ),
    "host bits in one prefix, and an overlap of two others": (
        [("10.21.0.0/16", "10.21.0.1/16"), ("\npolicy:", f"{THIRD}\npolicy:")],
        ["flows.training.prefixes.aws-use1[0]", "flows.third.prefixes.aws-use1[0]"],
    ),
    "host bits in one prefix, and a probe within another": (
        [("[10.20.0.0/16]", "[10.20.0.1/16]"), ("[10.21.0.0/16]", "[10.20.0.0/16]"), ("source: 10.250.1.1", "source: 10.20.1.1")],
        ["links.ix-a.probes.aws-use1.source", "flows.checkout.prefixes.aws-use1[0]"],
    ),
    "a half-life without unit, and a threshold below one failure": (
        [("half_life: 15m", "half_life: 15"), ("suppress_failback: 3000", "suppress_failback: 900")],
        ["policy.damping.half_life", "policy.damping.suppress_failback"],
    ),
    "a bad store, and another that is missing": (
        [("dynamodb://us-east-1/pointsman-atlas", "mysql://x"), NO_WITNESS],
        ["stores", "stores.aws"],
    ),
    "a misspelt gateway, and a second one": (
        [("transit_gateway: tgw-0a1b2c3d4e5f60718", "transit_gateway: tgw-x\n    core_network: core-network-0a1b2c3d4e5f60718")],
        ["sites.aws-use1", "sites.aws-use1.transit_gateway", "sites.aws-use1.route_tables"],
    ),
    "an unknown mode of the policy, and a link that its own mode would steer": (
        [("mode: auto ", "mode: autoo "), ("mode: recommend", "mode: auto")],
        ["links.mc.mode", "policy.mode"],
    ),
}

ONE: dict[str, tuple[Edit, str]] = {
    "a preferred link that is no name": (("prefer: [ix-a, ix-b]", "prefer: [IX_A, ix-a, ix-b]"), "flows.training.prefer[0]"),
    "a route table that is none": (
        ("    route_tables: [tgw-rtb-0e5f60718293a4b5c]", "    route_tables: [tgw-rtb-x, tgw-rtb-0e5f60718293a4b5c]"),
        "sites.aws-use1.route_tables[0]",
    ),
    "a gateway without a value": (("transit_gateway: tgw-0a1b2c3d4e5f60718", "transit_gateway:"), "sites.aws-use1.transit_gateway"),
    "a store without a value": (
        ("witness: s3://pointsman-atlas-witness?endpoint=https://objects.example.net", "witness:"),
        "stores.witness",
    ),
    "BFD without unit, and nothing else": (("interval: 1s", "interval: 1"), "links.ix-b.timers.bfd.interval"),
}


@pytest.mark.parametrize("case", TWO)
def test_the_second_mistake_is_told_beside_the_first(case: str) -> None:
    edits, paths = TWO[case]
    assert [finding.path for finding in checked(edited(*edits)).findings] == paths


@pytest.mark.parametrize("case", ONE)
def test_what_takes_the_place_of_a_mistake_is_never_a_second_one(case: str) -> None:
    edit, path = ONE[case]
    assert [finding.path for finding in checked(edited(edit)).findings] == [path]


def test_what_stands_under_the_second_copy_of_a_key_is_read_too() -> None:
    text = edited(("  ix-b:\n", "  ix-a:\n"), ("capacity: 5Gbps", "capacity: 5"), ("dxvif-fh2b3c4d", "vif-1"))
    found = {finding.path: finding for finding in checked(text).findings}
    assert (found["links.ix-a"].line, found["links.ix-a"].text) == (33, "this key is here twice, first in line 20 column 3")
    for path, word in (("links.ix-a.capacity", "5"), ("links.ix-a.members[0].aws.virtual_interface", "vif-1,")):
        assert at(text, found[path].line, found[path].column).startswith(word)


def test_a_second_copy_is_held_against_the_rules_where_it_stands() -> None:
    text = edited(
        ("  ix-b:\n", "  ix-a:\n"), ("between: [aws-use1, gcp-use4]\n    capacity: 5", "between: [aws-use1, aws-use1]\n    capacity: 5")
    )
    assert [finding.text for finding in checked(text).findings][:2] == [
        "this key is here twice, first in line 20 column 3",
        "both ends are the same site",
    ]


def test_what_the_second_copy_leaves_out_is_missed_nowhere_else() -> None:
    text = edited(("\nflows:", "links:\n  other: {kind: vpn}\n\nflows:"))
    findings = checked(text).findings
    assert all(finding.path == "links" or finding.path.startswith("links.other") for finding in findings)
    assert "links.other.members" in {finding.path for finding in findings}


def test_more_copies_than_are_read_are_still_told() -> None:
    text = edited(("    capacity: 10Gbps\n", "    capacity: 10Gbps\n" + "    capacity: 1\n" * 40))
    twice = [finding for finding in checked(text).findings if "here twice" in finding.text]
    assert len(twice) == 40


def test_the_good_fabric_has_no_second_reading() -> None:
    assert checked(ATLAS).findings == checked(example("demo")).findings == ()
