"""The audit of levers and static entries against the plan: what is drift, and what only looks like it."""

import pytest

from pointsman.core.audit.findings import Check, Severity, repair
from pointsman.core.audit.seen import Entry
from pointsman.core.fabric import Mode, PinTarget
from pointsman.core.plan import LinkState
from pointsman.core.values import replace
from pointsman.core.wants import route_policies
from tests.core.audited import CHECKOUT_PIN, DRAINED, IX_A, IX_B, NOW, TESTED, aws, checks, found, gcp, held_on, planned
from tests.core.scene import ATLAS, CHECKOUT, G, fabric, link, seconds


def test_policies_that_read_otherwise_than_planned_are_drift_with_both_readings() -> None:
    (one,) = found(gcp(levers=(held_on(IX_A),)))
    assert (one.check, one.severity, one.subject, one.swept) == (Check.POLICY_DRIFT, Severity.WARNING, "ix-a", True)
    assert {each.side: each.says for each in one.evidence}["gcp"] == "import avoid 10.99.0.0/16 (rank 1)"
    place = "cr-aws-1 --policy-name=from-ix-a --file-name=from-ix-a.yaml --region us-east4 --project weft-prod-1"
    assert f"gcloud compute routers download-route-policy {place} && " in one.fix
    assert f"gcloud compute routers upload-route-policy {place}" in one.fix


def test_only_the_policy_that_differs_is_to_be_rewritten() -> None:
    asked = route_policies(ATLAS, planned(), ATLAS.link("ix-b"))
    (one,) = found(gcp(levers=(replace(asked, exports=()),)))
    assert "to-ix-b" in one.fix
    assert "from-ix-b" not in one.fix


def test_drift_right_after_a_decision_is_a_note() -> None:
    (one,) = found(gcp(levers=(held_on(IX_A),)), planned(decided_at=NOW - seconds(60)))
    assert one.severity is Severity.NOTE


def test_policies_of_a_link_that_is_not_steered_are_no_drift() -> None:
    watched = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 5 * G))
    assert checks(gcp(levers=(held_on(IX_A),)), start=watched) == []


def test_policies_of_a_link_in_mode_recommend_are_drift_while_an_approved_drain_stands_alone() -> None:
    asked = fabric(link("ix-a", 10 * G, mode=Mode.RECOMMEND), link("ix-b", 5 * G))
    assert checks(gcp(levers=(held_on(IX_A),)), start=asked) == []
    for state in (DRAINED, LinkState(steered=2)):
        plan = planned(links={IX_A: state})
        assert checks(gcp(levers=(held_on(IX_A),)), plan, asked) == [Check.POLICY_DRIFT]
        assert checks(gcp(levers=(route_policies(asked, plan, asked.link("ix-a")),)), plan, asked) == []


def test_without_a_decision_nothing_drifts() -> None:
    assert checks(gcp(levers=(held_on(IX_A),)), planned(epoch=0)) == []


def test_a_test_of_ours_on_a_link_that_is_not_drained_is_drift_and_one_on_a_drained_link_is_not() -> None:
    (one,) = found(aws(levers=(TESTED,)))
    assert one.check is Check.TEST_DRIFT
    assert one.fix == "aws directconnect stop-bgp-failover-test --virtual-interface-id dxvif-1 --region us-east-1"
    assert checks(aws(levers=(TESTED,)), planned(links={IX_A: DRAINED})) == []
    assert checks(aws(levers=(replace(TESTED, running=False),))) == []


@pytest.mark.parametrize(
    ("entry", "check"),
    [
        (Entry(table="tgw-rtb-1", name="pl-20", attachment="tgw-attach-2"), Check.ORPHAN_PIN),
        (Entry(table="tgw-rtb-1", name="10.220.0.0/16", attachment="tgw-attach-2"), Check.ORPHAN_PIN),
        (Entry(table="tgw-rtb-1", name="10.77.0.0/16", attachment="tgw-attach-2"), Check.STATIC_OVERRIDE),
        (Entry(table="tgw-rtb-1", name="pl-77", attachment="tgw-attach-2"), Check.STATIC_OVERRIDE),
    ],
)
def test_a_static_entry_to_a_link_is_an_orphan_in_a_place_of_ours_and_somebodys_own_elsewhere(entry: Entry, check: Check) -> None:
    (one,) = found(aws(entries=(entry,)))
    assert one.check is check
    assert one.fix.startswith("aws ec2 delete-transit-gateway-")
    assert one.link == IX_B


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (Mode.AUTO, "the sweep mends it by itself"),
        (Mode.RECOMMEND, "run: aws ec2 delete-transit-gateway-prefix-list-reference"),
        (Mode.OBSERVE, "observed only"),
    ],
)
def test_an_orphan_pin_is_mended_by_the_sweep_only_where_all_that_stands_leads_to_links_in_mode_auto(mode: Mode, says: str) -> None:
    wide = replace(CHECKOUT, aws_prefix_list=PinTarget(prefix_list="pl-20", route_tables=("tgw-rtb-1", "tgw-rtb-2")))
    start = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G, mode=mode), flows=(wide,))
    here = Entry(table="tgw-rtb-1", name="pl-20", attachment="tgw-attach-1")
    there = Entry(table="tgw-rtb-2", name="pl-20", attachment="tgw-attach-2")
    one = next(one for one in found(aws(entries=(here, there)), start=start) if one.link == IX_B)
    assert repair(start, one).startswith(says)
    assert [each.swept for each in found(aws(entries=(here, there)), start=start)] == [mode is Mode.AUTO] * 2
    assert [each.swept for each in found(aws(entries=(here,)), start=start)] == [True]


@pytest.mark.parametrize("attachment", ["", "tgw-attach-of-a-vpc"])
def test_static_entries_that_lead_to_no_link_are_nobodys_business_here(attachment: str) -> None:
    for name in ("10.77.0.0/16", "10.0.0.0/8", "0.0.0.0/0", "pl-77"):
        assert checks(aws(entries=(Entry(table="tgw-rtb-1", name=name, attachment=attachment),))) == []
    assert checks(aws(entries=(Entry(table="tgw-rtb-of-nobody", name="10.220.0.0/16", attachment=attachment),))) == []


@pytest.mark.parametrize("attachment", ["", "tgw-attach-of-a-vpc"])
@pytest.mark.parametrize(
    ("name", "prefix", "severity"),
    [
        ("pl-20", "10.220.0.0/16", Severity.ERROR),
        ("pl-20", "10.99.0.0/16", Severity.ERROR),
        ("10.220.0.0/16", "", Severity.ERROR),
        ("10.221.0.0/16", "", Severity.ERROR),
        ("pl-77", "10.221.0.0/16", Severity.ERROR),
        ("10.220.1.0/24", "", Severity.WARNING),
        ("pl-77", "10.220.1.0/24", Severity.WARNING),
    ],
)
def test_a_static_entry_that_takes_a_flow_from_bgp_to_no_link_is_told(attachment: str, name: str, prefix: str, severity: Severity) -> None:
    (one,) = found(aws(entries=(Entry(table="tgw-rtb-1", name=name, attachment=attachment, prefix=prefix),)))
    assert (one.check, one.severity, one.subject, one.swept) == (Check.STATIC_OVERRIDE, severity, f"tgw-rtb-1 {name}", False)
    assert one.fix.startswith("aws ec2 delete-transit-gateway-")
    assert one.fix.endswith(f"{name} --region us-east-1")
    assert {each.side for each in one.evidence} == {"aws", "plan"}


def test_a_list_that_takes_one_flow_whole_and_another_in_part_is_told_at_the_weight_of_the_whole() -> None:
    both = tuple(Entry(table="tgw-rtb-1", name="pl-77", prefix=prefix) for prefix in ("10.221.0.0/16", "10.220.1.0/24"))
    for entries in (both, both[::-1]):
        (one,) = found(aws(entries=entries))
        assert (one.check, one.severity) == (Check.STATIC_OVERRIDE, Severity.ERROR)


def test_a_planned_pin_of_which_nothing_stands_is_drift_in_each_table_and_a_note_while_it_is_new() -> None:
    wide = replace(CHECKOUT, aws_prefix_list=PinTarget(prefix_list="pl-20", route_tables=("tgw-rtb-1", "tgw-rtb-2")))
    two = replace(ATLAS, flows=(wide,))
    there = Entry(table="tgw-rtb-1", name="pl-20", attachment="tgw-attach-2")
    (one,) = found(aws(entries=(there,)), planned(pins=(CHECKOUT_PIN,)), two)
    assert (one.check, one.severity, one.subject, one.swept) == (Check.PIN_DRIFT, Severity.ERROR, "tgw-rtb-2 pl-20", True)
    assert one.fix.startswith("aws ec2 create-transit-gateway-prefix-list-reference --transit-gateway-route-table-id tgw-rtb-2 ")
    assert [each.severity for each in found(aws(entries=()), planned(pins=(CHECKOUT_PIN,)), two)] == [Severity.ERROR] * 2
    (new,) = found(aws(entries=()), planned(pins=(CHECKOUT_PIN,), decided_at=NOW - seconds(60)))
    assert new.severity is Severity.NOTE
    assert checks(aws(entries=None), planned(pins=(CHECKOUT_PIN,))) == [], "what was not read is not called missing"


@pytest.mark.parametrize(("attachment", "swept"), [("tgw-attach-1", True), ("", False), ("tgw-attach-of-a-vpc", False)])
def test_the_sweep_is_said_to_mend_a_pin_that_leads_to_a_link_alone(attachment: str, swept: bool) -> None:  # noqa: FBT001
    (one,) = found(aws(entries=(Entry(table="tgw-rtb-1", name="pl-20", attachment=attachment),)), planned(pins=(CHECKOUT_PIN,)))
    assert (one.check, one.swept) == (Check.PIN_DRIFT, swept)


def test_a_prefix_list_that_lacks_or_adds_a_prefix_is_told_and_is_an_error_while_its_flow_is_pinned() -> None:
    edited = aws(lists={"pl-20": ("10.99.0.0/16",)})
    (one,) = found(edited)
    assert (one.check, one.severity, one.subject) == (Check.PREFIX_LIST, Severity.WARNING, "pl-20")
    assert "lacks 10.220.0.0/16 and holds 10.99.0.0/16" in one.text
    assert "--add-entries Cidr=10.220.0.0/16 --remove-entries Cidr=10.99.0.0/16 --region us-east-1" in one.fix
    assert [each.severity for each in found(edited, planned(pins=(CHECKOUT_PIN,)))] == [Severity.ERROR]
    (more,) = found(aws(lists={"pl-20": ("10.220.0.0/16", "10.99.0.0/16")}))
    assert "--add-entries" not in more.fix
    (less,) = found(aws(lists={"pl-20": ()}))
    assert "--remove-entries" not in less.fix
    assert checks(aws(lists={"pl-20": ("10.220.0.0/16",), "pl-of-nobody": ("10.99.0.0/16",)})) == []


def test_a_planned_pin_is_no_orphan_and_one_that_leads_elsewhere_is_drift() -> None:
    plan = planned(pins=(CHECKOUT_PIN,))
    assert checks(aws(entries=(Entry(table="tgw-rtb-1", name="pl-20", attachment="tgw-attach-2"),)), plan) == []
    (one,) = found(aws(entries=(Entry(table="tgw-rtb-1", name="pl-20"),)), plan)
    assert one.check is Check.PIN_DRIFT
    assert "modify-transit-gateway-prefix-list-reference" in one.fix
    assert "--transit-gateway-attachment-id tgw-attach-2" in one.fix


def test_a_pin_that_outlived_its_end_is_told_until_it_is_decided_anew() -> None:
    late = planned(pins=(replace(CHECKOUT_PIN, expires_at=NOW),))
    (one,) = found(aws(), late)
    assert (one.check, one.show) == (Check.EXPIRED_PIN, "pointsman status FABRIC")
    assert {each.side: each.says for each in one.evidence}["aws"] == "static routes could not be read"
    stands = aws(entries=(Entry(table="tgw-rtb-1", name="pl-20", attachment="tgw-attach-2"),))
    (one,) = found(stands, late)
    assert {each.side: each.says for each in one.evidence}["aws"] == "tgw-rtb-1 pl-20 -> tgw-attach-2 (static)"
    assert checks(aws(), planned(pins=(replace(CHECKOUT_PIN, expires_at=NOW + seconds(1)),))) == []
