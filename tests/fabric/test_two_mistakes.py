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


def test_what_a_second_copy_breaks_elsewhere_is_told_with_its_line() -> None:
    text = edited(("    mtu: 8500\n", "    mtu: 8500\n    mtu: 1400\n"), ("prefer: [ix-a, ix-b]", "prefer: [ix-a]"))
    assert [(finding.path, finding.text) for finding in checked(text).findings] == [
        ("links.ix-a.mtu", "this key is here twice, first in line 24 column 5"),
        ("flows.training.min_mtu", "8000 is above the MTU of every permitted link (at most 1400), by the copy in line 25"),
    ]


def test_two_second_copies_that_break_each_other_are_told_with_both_lines() -> None:
    one = ("    mtu: 1406\n", "    mtu: 1406\n    mtu: 600\n")
    other = ("    min_mtu: 1400\n    prefer: [ix-a, ix-b, vpn]", "    min_mtu: 1400\n    min_mtu: 1000\n    prefer: [vpn]")
    found = {finding.text for finding in checked(edited(one, other)).findings if finding.path == "flows.checkout.min_mtu"}
    assert "1000 is above the MTU of every permitted link (at most 600), by the copy in line 63" in found
    assert "1400 is above the MTU of every permitted link (at most 600), by the copy in line 63" in found


def test_copies_within_copies_are_all_read() -> None:
    text = edited(("timers: {hold: 60s, g", "timers: {hold: 60s, hold: 61}\n    timers: {hold: 62, hold: 1s, g"))
    assert [(finding.line, finding.text) for finding in checked(text).findings if "twice" not in finding.text] == [
        (27, "61 has no unit"),
        (28, "62 has no unit"),
        (28, "1s is not a BGP hold time"),
    ]


def test_what_any_copy_declares_is_not_missing() -> None:
    text = edited(("route_tables: [tgw-rtb-0e5f60718293a4b5c]\n", "route_tables: [tgw-rtb-0e5f60718293a4b5d]\n    route_tables: []\n"))
    assert [finding.path for finding in checked(text).findings] == [
        "sites.aws-use1.route_tables",
        "flows.checkout.aws_prefix_list.route_tables[0]",
    ]
    kept = edited(("route_tables: [tgw-rtb-0e5f60718293a4b5c]\n", "route_tables: []\n    route_tables: [tgw-rtb-0e5f60718293a4b5c]\n"))
    assert [finding.path for finding in checked(kept).findings] == ["sites.aws-use1.route_tables"]


def test_what_stands_under_a_misspelt_key_is_read_as_what_it_means() -> None:
    text = edited(
        ("\nlinks:", "\nlink:"), ("    members:\n      - {id: a1", "    member:\n      - {id: A1"), ("hold: 60s, g", "hold: 1s, g")
    )
    assert [finding.path for finding in checked(text).findings] == [
        "link",
        "link.ix-a.timers.hold",
        "link.ix-a.member",
        "link.ix-a.member[0].id",
    ]


def test_a_site_without_its_cloud_is_read_as_the_kind_that_its_keys_belong_to() -> None:
    edits = [("    cloud: aws\n", ""), ("    cloud: gcp\n    project: weft-prod-1", "    cloud: [gcp]\n    project: 1")]
    text = edited(*edits, ('account: "111122223333"', "account: 5"), ("tgw-attach-0bbbb", "attachment-0bbbb"))
    assert [finding.path for finding in checked(text).findings] == [
        "sites.aws-use1",
        "sites.aws-use1.account",
        "sites.gcp-use4.cloud",
        "sites.gcp-use4.project",
        "links.ix-b.aws.attachments[0]",
    ]


def test_a_site_whose_keys_belong_to_both_clouds_is_told_once() -> None:
    text = edited(("    cloud: aws\n", "    cloud: azure\n    network: core\n"))
    assert [finding.path for finding in checked(text).findings] == ["sites.aws-use1.cloud"]


def test_a_name_that_is_none_but_declared_so_is_to_be_mended_there() -> None:
    found = [finding for finding in checked(edited(("  ix-a: ", "  ix_a: "))).findings if finding.path == "flows.training.prefer[0]"]
    assert [(finding.text, finding.mend) for finding in found] == [('"ix-a" is not declared under links', 'mend the name "ix_a"')]


def test_what_is_known_of_a_budget_counts_where_some_of_it_is_wrong() -> None:
    text = edited(("hold: 60s, graceful_restart: 120s", "hold: 60, graceful_restart: 120s"), ("event: 10m", "event: 3m"))
    assert [finding.text for finding in checked(text).findings] == [
        "60 has no unit",
        "3m is not above 3m: what is known of link ix-a's convergence budget and the sweep interval",
    ]


def test_the_place_of_what_a_merge_gave_is_forgotten_where_it_is_replaced() -> None:
    text = edited(
        ("timers: {hold: 60s}", "timers: {<<: *slow, bfd: {interval: 1s}}"),
        ("timers: {hold: 60s, bfd: {", "timers: &slow {hold: 60s, bfd: {"),
    )
    (found,) = checked(text).findings
    assert (found.line, found.path) == (53, "links.mc.timers.bfd.multiplier")


def test_entries_too_many_are_told_and_read_all_the_same() -> None:
    text = edited(("between: [aws-use1, gcp-use4]", "between: [aws-use1, gcp-use4, gcp-use5]"))
    assert [finding.path for finding in checked(text).findings] == ["links.ix-a.between", "links.ix-a.between[2]"]


MISPLACED: dict[str, tuple[Edit, str]] = {
    "a member's key of another kind": (("connection: dxcon-fg5e6f7a", "vpn: vpn-x"), "does not belong to a cross_cloud_interconnect"),
    "an end's key of another kind": (
        ("gcp: {import_policy: from-vpn", "gcp: {transport: x, import_policy: from-vpn"),
        "does not belong to a vpn",
    ),
    "BFD on a VPN": (("timers: {hold: 30s}", "timers: {hold: 30s, bfd: 5}"), "Cloud VPN does not speak BFD"),
    "route tables without a Transit Gateway": (
        (
            "transit_gateway: tgw-0a1b2c3d4e5f60718\n    route_tables: [",
            "virtual_private_gateway: vgw-0a1b2c3d4e5f60718\n    route_tables: 5 #[",
        ),
        "only a Transit Gateway has route tables here",
    ),
    "keys for a witness that is none": (
        (
            "witness: s3://pointsman-atlas-witness?endpoint=https://objects.example.net",
            "witness: dynamodb://eu-west-1/t\n  witness_key: plain",
        ),
        "only a witness in an s3:// bucket is enciphered by us",
    ),
}


@pytest.mark.parametrize("case", MISPLACED)
def test_a_key_that_does_not_belong_is_told_also_where_its_value_is_wrong(case: str) -> None:
    edit, text = MISPLACED[case]
    assert text in {finding.text for finding in checked(edited(edit)).findings}
