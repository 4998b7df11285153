"""An audit as a whole: of which fabric the plan has to be, how many findings are listed, and in which order."""

import pytest

from pointsman.core.audit.audit import FINDINGS_LIMIT, audit
from pointsman.core.audit.findings import Check, Severity
from pointsman.core.audit.seen import Entry, Seen, Unread
from pointsman.core.fabric import LinkName
from pointsman.core.plan import Placement
from pointsman.core.values import replace
from pointsman.core.wants import route_policies
from tests.core.audited import CHECKOUT_PIN, IX_B, NOW, TESTED, aws, gcp, held_on, planned
from tests.core.scene import ATLAS, CHECKOUT, G, fabric, link, vpn

SHORTER = fabric(link("ix-a", 10 * G), vpn(), flows=(replace(CHECKOUT, prefer=(LinkName("ix-a"), LinkName("vpn"))),))


def test_a_plan_of_another_fabric_whose_links_the_file_lacks_is_told_and_the_clouds_are_audited_without_it() -> None:
    plan = planned(flows={CHECKOUT.name: Placement(link=IX_B)}, pins=(replace(CHECKOUT_PIN, expires_at=NOW),))
    both = (
        aws(levers=(TESTED,), entries=(Entry(table="tgw-rtb-1", name="pl-20"),), attachments=()),
        gcp(levers=(held_on(LinkName("ix-a")),)),
    )
    told = {one.check: one for one in audit(SHORTER, plan, both, NOW)}
    assert set(told) == {Check.OTHER_FABRIC, Check.ASSOCIATION, Check.PROPAGATION}
    one = told[Check.OTHER_FABRIC]
    assert (one.severity, one.link, one.subject) == (Severity.WARNING, None, "atlas")
    assert {each.side: each.says for each in one.evidence} == {
        "plan": f"epoch 1 names fabric {plan.fabric_hash}",
        "fabric": f"this file is {SHORTER.hash}",
    }
    assert "pointsman adopt" in one.decide


@pytest.mark.parametrize("seen", [aws(levers=(TESTED,)), gcp(levers=(held_on(LinkName("ix-a")),))])
def test_a_file_that_merely_differs_does_not_audit_another_plan(seen: Seen) -> None:
    renamed = replace(ATLAS, policy=replace(ATLAS.policy, epochs_per_hour=9))
    assert [one.check for one in audit(renamed, planned(), (seen,), NOW)] == [Check.OTHER_FABRIC]
    assert Check.OTHER_FABRIC not in {one.check for one in audit(ATLAS, planned(), (seen,), NOW)}


def test_without_any_plan_nothing_is_said_of_one() -> None:
    levers = tuple(route_policies(ATLAS, planned(), one) for one in ATLAS.links)
    assert audit(ATLAS, None, (gcp(levers=levers), aws(levers=(TESTED,))), NOW) == ()


def many(count: int) -> Seen:
    return gcp(unread=tuple(Unread(what=f"part {number:04d}", why="denied") for number in range(count)))


def test_findings_beyond_the_limit_are_counted_in_one_more() -> None:
    assert {one.check for one in audit(ATLAS, planned(), (many(FINDINGS_LIMIT),), NOW)} == {Check.UNREAD}
    told = audit(ATLAS, planned(), (many(FINDINGS_LIMIT + 7),), NOW)
    assert len(told) == FINDINGS_LIMIT + 1
    assert (told[-1].check, told[-1].severity, told[-1].text.split()[0]) == (Check.UNLISTED, Severity.WARNING, "7")
    assert told[-1].evidence[0].says == "7 of unread"


def test_what_is_not_listed_is_never_graver_than_what_is() -> None:
    told = audit(ATLAS, planned(), (many(FINDINGS_LIMIT), aws(attachments=())), NOW)
    assert told[0].severity is Severity.ERROR
    assert (told[-1].check, told[-1].severity) == (Check.UNLISTED, Severity.WARNING)
