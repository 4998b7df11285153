"""Drains that are agreed and not in force: what is told, how grave it is, and when nothing is."""

import pytest

from pointsman.core import refusals
from pointsman.core.evidence import claims_by_link
from pointsman.core.fabric import Cloud, Fabric, LinkKind
from pointsman.core.incidents import Ask, Incident, Severity
from pointsman.core.marks import marks
from pointsman.core.outbox import follow, severity_of
from pointsman.core.plan import Drain, DrainCause, Pin, Plan, View
from pointsman.core.sightings import Aspect, Health, Sighting, Vantage
from pointsman.core.steering import LeverKind
from pointsman.core.unforced import A_SWEEP, TOLD_LIMIT, Known, missing, remarks, told, unforced
from pointsman.core.values import replace
from tests.core.outages import IX_A, IX_B, IX_C, LATE, asks, healed, opened, outage
from tests.core.scene import ATLAS, CHECKOUT, START, TRAINING, claim, healthy, lever, seconds

DENIED = "the write was denied: grant compute.routers.update"
SOON, AFTER = START + seconds(20), START + ATLAS.policy.takeover_after + A_SWEEP
BY_GOOGLE = lever("ix-a", Health.DRAINING, 20, 2)
BY_AWS = lever("ix-a", Health.DRAINING, 20, 2, Vantage.AWS)


def refused(
    target: str, cloud: Cloud = Cloud.GCP, *, epoch: int = 2, why: str = DENIED, kind: LeverKind | None = None
) -> tuple[Sighting, ...]:
    lever_kind = kind or (LeverKind.ROUTE_POLICY if cloud is Cloud.GCP else LeverKind.FAILOVER_TEST)
    return tuple(refusals.begun(cloud, replace(outage(), epoch=epoch), {(lever_kind, target): why}, {}, SOON))


def known(*rows: Sighting, whole: bool = True, late: bool = False) -> Known:
    at = AFTER if late else SOON
    return Known(rows=rows, whole_at=at if whole else None)


def grade(what: Known, plan: Plan | None = None) -> Severity:
    return severity_of(ATLAS, plan or outage(), IX_A, what)


def after(before: Incident, what: Known) -> Incident:
    return follow(ATLAS, outage(), IX_A, 2, before, known=what)


BOTH_REFUSED = (*refused("ix-a"), *refused("ix-a", Cloud.AWS, why="AWS denies directconnect:StartBgpFailoverTest: allow it"))


def test_before_anybody_had_his_time_and_refused_nothing_is_told() -> None:
    assert unforced(ATLAS, outage(), IX_A, known()) is None
    assert grade(known()) is Severity.WARNING


def test_a_refused_lever_is_told_with_its_cause_and_who_may_still_act_and_is_an_error() -> None:
    text = told(ATLAS, outage(), IX_A, known(*refused("ix-a")))
    assert text == (
        "the drain of ix-a (epoch 2) is agreed and not in force: gcp refuses its functions the lever gcp.route_policy of ix-a: "
        f"{DENIED}; aws may still act: take-over is after 30 s"
    )
    assert grade(known(*refused("ix-a"))) is Severity.ERROR


def test_where_every_cloud_refuses_the_flows_that_nothing_leads_off_a_dead_link_make_it_critical() -> None:
    what = known(*BOTH_REFUSED)
    assert told(ATLAS, outage(), IX_A, what).endswith("nothing leads checkout, training off it: drain it by hand, or mend that")
    assert grade(what) is Severity.CRITICAL


@pytest.mark.parametrize("whole", [True, False])
def test_a_drain_that_nobody_has_found_set_in_his_time_is_told_if_all_rows_were_read(whole: bool) -> None:  # noqa: FBT001
    found = unforced(ATLAS, outage(), IX_A, known(whole=whole, late=True))
    assert (found is not None) is whole
    assert grade(known(whole=whole, late=True)) is (Severity.CRITICAL if whole else Severity.WARNING)
    if whole:
        assert "no functions on aws or gcp have found their levers set within the time for it" in told(
            ATLAS, outage(), IX_A, known(late=True)
        )


@pytest.mark.parametrize("acting", [BY_GOOGLE, BY_AWS], ids=["google", "aws"])
def test_once_either_cloud_has_found_the_drain_set_nothing_is_told(acting: tuple[Sighting, ...]) -> None:
    assert told(ATLAS, outage(), IX_A, known(*BOTH_REFUSED, *acting, late=True)) == ""
    assert grade(known(*BOTH_REFUSED, *acting, late=True)) is grade(known(*acting, late=True)) is not Severity.CRITICAL


def test_a_link_that_bgp_has_left_by_itself_strands_nobody() -> None:
    gone = claim(Vantage.AWS, "dxvif-1", Health.DOWN, 15, aspect=Aspect.BGP)
    assert unforced(ATLAS, outage(), IX_A, known(gone, late=True)) is None
    assert grade(known(gone, *BOTH_REFUSED, late=True)) is Severity.ERROR


def test_a_link_that_still_carries_strands_nobody() -> None:
    ordered = Drain(cause=DrainCause.ORDER, since=START, epoch=2, enactor=Cloud.GCP)
    alive = replace(
        outage(), links=outage().links | {IX_A: replace(outage().links[IX_A], verdict=outage().links[IX_B].verdict, drain=ordered)}
    )
    assert grade(known(*BOTH_REFUSED), alive) is Severity.ERROR


def test_a_refusal_of_an_earlier_drain_is_none_of_this_one() -> None:
    assert unforced(ATLAS, outage(), IX_A, known(*refused("ix-a", epoch=1))) is None


def test_a_lever_on_a_link_where_its_flows_go_is_named_too_and_one_elsewhere_is_not() -> None:
    two = known(*refused("ix-b"), *refused("ix-c"))
    assert f"the lever gcp.route_policy of ix-b, ix-c: {DENIED}" in told(ATLAS, outage(), IX_A, two)
    lonely = replace(ATLAS, flows=(replace(CHECKOUT, prefer=(IX_A, IX_B)), replace(TRAINING, prefer=(IX_C,))))
    assert told(lonely, outage(), IX_A, known(*refused("ix-c"))) == ""


def test_of_a_link_that_no_lever_of_ours_is_on_a_refused_pin_is_told() -> None:
    bare = replace(ATLAS.link(IX_A), kind=LinkKind.MANAGED_INTERCONNECT, members=(), gcp=type(ATLAS.link(IX_A).gcp)())
    start: Fabric = replace(ATLAS, links=(bare, *ATLAS.links[1:]))
    pinned = replace(outage(), pins=(Pin(flow=CHECKOUT.name, link=IX_B, owner="pointsman", reason="broken", expires_at=LATE),))
    what = known(*refused("checkout", Cloud.AWS, kind=LeverKind.PREFIX_LIST_PIN), late=True)
    assert told(start, pinned, IX_A, known(late=True)) == ""
    assert "the lever aws.prefix_list_pin of checkout" in told(start, pinned, IX_A, what)
    assert severity_of(start, pinned, IX_A, what) is Severity.CRITICAL


def test_the_ticket_is_told_once_in_the_same_words_and_of_what_is_new() -> None:
    one = after(opened(), known(*refused("ix-a")))
    assert (one.severity, asks(one)) == (Severity.ERROR, [Ask.OPEN, Ask.UPDATE])
    assert after(one, known(*refused("ix-a"))) is one
    assert follow(ATLAS, outage(), IX_A, 2, one) is one, "who read no rows says nothing else"
    two = after(one, known(*BOTH_REFUSED))
    assert (two.severity, asks(two)) == (Severity.CRITICAL, [Ask.OPEN, Ask.UPDATE, Ask.UPDATE])
    assert after(two, known(*BOTH_REFUSED)) is two


def test_a_ticket_that_is_grave_already_is_told_all_the_same() -> None:
    grave = replace(opened(), severity=Severity.CRITICAL)
    assert asks(after(grave, known(*refused("ix-a")))) == [Ask.OPEN, Ask.UPDATE]


def test_that_it_is_in_force_at_last_is_told_once_and_only_where_it_was_not() -> None:
    assert after(opened(), known(*BY_GOOGLE)) == opened()
    late = after(opened(), known(*refused("ix-a")))
    done = after(late, known(*BY_GOOGLE))
    assert done.timeline[-1].text == "the drain of ix-a (epoch 2) is in force: gcp found it set"
    assert after(done, known(*BY_GOOGLE)) is done
    assert follow(ATLAS, healed(), IX_A, 2, done, known=known(*BY_GOOGLE)).outbox[-1].ask is Ask.RESOLVE


def test_words_that_change_for_ever_do_not_fill_a_ticket() -> None:
    incident = opened()
    for number in range(TOLD_LIMIT + 5):
        incident = after(incident, known(*refused("ix-a", why=f"denied, request {number}")))
    assert len(asks(incident)) == 1 + TOLD_LIMIT


def test_a_link_whose_lever_will_not_let_it_in_again_is_told_in_its_incident() -> None:
    state = replace(outage().links[IX_A], drain=None, verdict=outage().links[IX_B].verdict)
    back = replace(outage(epoch=9), links=outage().links | {IX_A: state})
    what = known(*BY_GOOGLE, *refused("ix-a", epoch=9))
    assert told(ATLAS, back, IX_A, what).startswith("ix-a is not let in again: gcp refuses its functions")
    assert missing(ATLAS, back, what) == {}
    assert len(remarks(ATLAS, back, what)) == 1


def test_a_drain_on_what_a_cloud_did_alone_has_its_time_from_when_it_was_agreed() -> None:
    late = replace(outage(), decided_at=AFTER)
    assert unforced(ATLAS, late, IX_A, known(late=True)) is None
    assert unforced(ATLAS, replace(late, epoch=3), IX_A, known(late=True)) is not None


def test_a_row_is_left_once_and_anew_for_a_newer_drain_or_after_a_while_in_other_words() -> None:
    target = (LeverKind.ROUTE_POLICY, "ix-a")
    (row,) = refused("ix-a")
    stored = {row.row: row}

    def again(plan: Plan, why: str, at: float) -> list[Sighting]:
        return refusals.begun(Cloud.GCP, plan, {target: why}, stored, SOON + seconds(at))

    assert again(outage(), DENIED, 60) == again(outage(epoch=8), DENIED, 60) == again(outage(), "otherwise", 60) == []
    assert again(outage(), "otherwise", 700)
    newer = Drain(cause=DrainCause.OUTAGE, since=START, epoch=7, enactor=Cloud.GCP)
    assert again(replace(outage(epoch=8), links={IX_A: replace(outage().links[IX_A], drain=newer)}), DENIED, 60)


def test_a_lever_that_is_set_ends_its_refusal_whatever_the_clocks_say() -> None:
    target = (LeverKind.ROUTE_POLICY, "ix-a")
    (row,) = refused("ix-a")
    (over,) = refusals.ended(Cloud.GCP, outage(), [target], {row.row: row}, START)
    assert over.row == row.row
    assert over.seen_at > row.seen_at
    assert refusals.standing(ATLAS, [over]) == ()
    assert refusals.ended(Cloud.GCP, outage(), [target], {over.row: over}, SOON) == []
    assert refusals.ended(Cloud.GCP, outage(), [target], {}, SOON) == []


def test_refusals_of_what_the_fabric_no_longer_has_and_of_levers_nobody_knows_are_passed_over() -> None:
    (row,) = refused("ix-a")
    assert refusals.standing(ATLAS, (*refused("ix-z"), replace(row, member="refused/gcp.crane/ix-a"))) == ()


def test_what_is_believed_is_the_same_with_refusals_and_without() -> None:
    rows = (*healthy("ix-a", 10), *healthy("ix-b", 10), *BY_GOOGLE)
    assert claims_by_link(ATLAS, (*rows, *BOTH_REFUSED), SOON) == claims_by_link(ATLAS, rows, SOON)
    assert marks(ATLAS, View(here=Cloud.AWS, rows=(*rows, *BOTH_REFUSED)), {}) == marks(ATLAS, View(here=Cloud.AWS, rows=rows), {})
