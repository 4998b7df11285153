"""What is told while AWS's failover test stands in for Google's finer lever, and puts more on a link than it carries."""

import pytest

from pointsman.core.fabric import Fabric
from pointsman.core.incidents import Ask, Severity
from pointsman.core.outbox import follow, severity_of
from pointsman.core.overfilling import FLOWS_NAMED, Overfilled, may_overfill, overfilled, stands_in, told
from pointsman.core.plan import Drain, DrainCause, LinkState, Maintenance, Placement, Plan, Verdict
from pointsman.core.sightings import Health, Sighting, Vantage
from pointsman.core.unforced import Known
from pointsman.core.values import replace
from tests.core.outages import IX_A, IX_B, IX_C, LATE, OUT, VPN, asks, healed, opened, outage
from tests.core.scene import ATLAS, CHECKOUT, START, TRAINING, G, fabric, flow, lever, link, vpn

ROOMY = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())
AWS_ACTS = lever("ix-a", Health.DRAINING, 40, 2, Vantage.AWS)
BY_AWS = Known(rows=AWS_ACTS)
GOOGLE_ACTS = lever("ix-a", Health.DRAINING, 50, 2)
SAID = "AWS's failover test empties ix-a until Google's finer levers do: ix-b is overfilled, and loses 28.6% of the packets of checkout, training"


def under(start: Fabric, plan: Plan) -> Plan:
    return replace(plan, fabric_hash=start.hash)


@pytest.mark.parametrize(
    ("rows", "stands"),
    [
        ((), False),
        (AWS_ACTS, True),
        ((*AWS_ACTS, *GOOGLE_ACTS), False),
        ((*AWS_ACTS, *lever("ix-a", Health.DRAINING, 20, 1)), True),
        ((*AWS_ACTS, *lever("ix-a", Health.UP, 50, 2)), True),
        (lever("ix-a", Health.UP, 50, 2, Vantage.AWS), False),
        (lever("ix-a", Health.DRAINING, 5, 1, Vantage.AWS), False),
        (lever("ix-b", Health.DRAINING, 40, 2, Vantage.AWS), False),
    ],
    ids=["nobody", "aws", "both", "google-before", "google-undone", "aws-ended", "aws-before", "elsewhere"],
)
def test_aws_stands_in_while_its_own_row_says_so_of_this_drain_and_googles_does_not(rows: tuple[Sighting, ...], stands: bool) -> None:  # noqa: FBT001
    assert stands_in(outage(), IX_A, rows) is stands
    assert bool(told(ATLAS, outage(), IX_A, rows)) is stands


def test_a_link_that_is_not_drained_is_emptied_by_nobody() -> None:
    assert not stands_in(healed(), IX_A, AWS_ACTS)


def test_each_overfilled_link_is_named_with_its_flows_and_the_share_that_they_lose() -> None:
    (one,) = overfilled(ATLAS, outage(), IX_A, AWS_ACTS)
    assert (one.link, one.flows) == (IX_B, (CHECKOUT.name, TRAINING.name))
    assert one.loss == pytest.approx(2 / 7)
    assert told(ATLAS, outage(), IX_A, AWS_ACTS) == SAID


def test_a_flow_that_falls_to_a_link_with_room_is_not_named() -> None:
    patient = flow("training", 6 * G, 5, ("ix-a", "ix-c"), 21)
    heavy = flow("backup", 8 * G, 9, ("ix-a", "ix-b"), 22)
    start = fabric(link("ix-a", 20 * G), link("ix-b", 5 * G), link("ix-c", 10 * G, cost=0.02), flows=(CHECKOUT, heavy, patient))
    agreed = under(start, replace(outage(), flows=outage().flows | {heavy.name: Placement(link=IX_B)}))
    (found,) = overfilled(start, agreed, IX_A, AWS_ACTS)
    assert found == Overfilled(link=IX_B, loss=found.loss, flows=(CHECKOUT.name, heavy.name))


def test_of_many_flows_the_precious_ones_are_named_and_the_rest_counted() -> None:
    many = tuple(flow(f"flow-{number:02}", 2 * G, number, ("ix-a", "ix-b"), 30 + number) for number in range(FLOWS_NAMED + 2))
    start = replace(ATLAS, flows=many)
    agreed = under(start, replace(outage(), flows={one.name: Placement(link=IX_B) for one in many}))
    assert told(start, agreed, IX_A, AWS_ACTS).endswith("flow-06, flow-07 and 2 more")


def test_where_every_link_carries_what_falls_to_it_there_is_nothing_to_tell_or_to_look_for() -> None:
    assert overfilled(ROOMY, under(ROOMY, outage()), IX_A, AWS_ACTS) == ()
    assert (may_overfill(ROOMY, under(ROOMY, outage())), may_overfill(ATLAS, outage()), may_overfill(ATLAS, healed())) == (
        False,
        True,
        False,
    )


def test_capacity_that_aws_own_drain_makes_short_is_an_error_and_no_path_left_stays_the_graver() -> None:
    assert severity_of(ATLAS, outage(), IX_A) is Severity.WARNING
    assert severity_of(ATLAS, outage(), IX_A, BY_AWS) is Severity.ERROR
    assert severity_of(ATLAS, outage(IX_B, IX_C, VPN), IX_A, BY_AWS) is Severity.CRITICAL


def test_within_its_window_too() -> None:
    window = Drain(cause=DrainCause.MAINTENANCE, since=START, epoch=2, enactor=OUT.enactor)
    left = LinkState(verdict=Verdict.DOWN, down_since_epoch=2, drain=window, maintenance=Maintenance(start=START, until=LATE))
    agreed = replace(outage(), links=outage().links | {IX_A: left})
    assert [severity_of(ATLAS, agreed, IX_A, known) for known in (Known(), BY_AWS)] == [Severity.INFO, Severity.ERROR]


def test_the_ticket_is_told_once_when_aws_takes_over_though_no_new_plan_says_so() -> None:
    worse = follow(ATLAS, outage(), IX_A, 2, opened(), known=BY_AWS)
    assert (worse.severity, asks(worse)) == (Severity.ERROR, [Ask.OPEN, Ask.UPDATE])
    assert worse.outbox[1].summary == f"ix-a is down; both probes lose packets over this link; {SAID}; severity rises to error"
    assert follow(ATLAS, outage(), IX_A, 2, worse, known=BY_AWS) is worse
    assert follow(ATLAS, outage(epoch=4), IX_A, 2, worse) is worse, "who did not read the rows says nothing else"


def test_a_ticket_that_is_graver_already_is_told_all_the_same() -> None:
    squeezed = outage(squeezed=10**9)
    known = follow(ATLAS, squeezed, IX_A, 2, None)
    after = follow(ATLAS, squeezed, IX_A, 2, known, known=BY_AWS)
    assert (known.severity, after.severity, after.outbox[1].summary) == (Severity.ERROR, Severity.ERROR, SAID)
    assert follow(ATLAS, squeezed, IX_A, 2, after, known=BY_AWS) is after


def test_a_ticket_that_is_opened_late_says_it_at_once() -> None:
    late = follow(ATLAS, outage(), IX_A, 2, None, known=BY_AWS)
    assert (late.severity, asks(late)) == (Severity.ERROR, [Ask.OPEN])
    assert late.outbox[0].summary.endswith(SAID)
    assert follow(ATLAS, outage(), IX_A, 2, late, known=BY_AWS) is late
    assert follow(ATLAS, healed(), IX_A, 2, late, known=BY_AWS).outbox[-1].ask is Ask.RESOLVE
