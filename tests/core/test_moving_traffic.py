"""Traffic on the move: what congestion, a router's restart and a flow without a choice do to a decision."""

from collections.abc import Callable, Sequence

import pytest

from pointsman.core.fabric import Cloud, LinkName, Mode
from pointsman.core.intents import intent, is_intent, over
from pointsman.core.members import lever_key
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Cause, Health, Sighting, Source, Vantage
from pointsman.core.values import replace
from pointsman.core.wants import TEST_DURATION
from tests.core.scene import START, G, Story, aws_bgp, aws_probe, fabric, flow, gcp_bgp, gcp_probe, healthy, lever, link, seconds
from tests.core.test_decide import grey, steady

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")
OVERFILLED = 1 - (5 / 7) ** 2
"""What probes lose, there and back, on 5G that are offered 7G each way."""


def test_a_link_that_a_drain_is_pouring_onto_is_not_condemned_by_its_probes_alone() -> None:
    story = grey(steady(), 10)
    story.decided(11)
    grey(story, 12, "ix-b").decided(13)
    assert story.plan.links[IX_B].verdict is Verdict.UP
    story.note(*lever("ix-a", Health.DRAINING, 14, story.plan.epoch))
    assert story.decided(15).links[IX_B].drain is None
    grey(story, 20, "ix-b")
    assert story.decided(21).links[IX_B].drain is not None


def losing(story: Story, at: float, share: float, name: str = "ix-b") -> Story:
    claims = (*aws_probe(name, Health.DOWN, at), *gcp_probe(name, Health.DOWN, at))
    return story.note(*(replace(one, value=share) for one in claims))


def drained_by_aws_alone(at: float) -> Story:
    """Leave ix-a by AWS's failover test, with Google's functions away: checkout's 1G and training's 6G fall onto ix-b's 5G."""
    story = grey(steady(), 10)
    story.note(*lever("ix-a", Health.DRAINING, 15, story.decided(11).epoch, Vantage.AWS))
    return story.note(*healthy("ix-c", at), *healthy("vpn", at))


def test_what_awss_own_drain_puts_on_a_link_beyond_its_capacity_is_explained_for_longer_than_a_hold_down() -> None:
    story = losing(drained_by_aws_alone(1_000), 1_000, OVERFILLED)
    assert story.fabric.policy.hold_down.total_seconds() < 1_000 - 11
    assert story.decided(1_001).links[IX_B].verdict is Verdict.UP


def test_it_is_still_explained_in_the_moment_in_which_googles_levers_are_set() -> None:
    story = losing(drained_by_aws_alone(1_000), 1_000, OVERFILLED)
    story.note(*lever("ix-a", Health.DRAINING, 1_001, story.plan.epoch))
    assert story.decided(1_002).links[IX_B].verdict is Verdict.UP
    assert losing(story, 1_010, OVERFILLED).decided(1_011).links[IX_B].verdict is Verdict.DOWN


def test_more_loss_than_awss_own_drain_explains_condemns_a_link_after_the_hold_down() -> None:
    story = losing(drained_by_aws_alone(1_000), 1_000, 0.7)
    assert story.decided(1_001).links[IX_B].verdict is Verdict.DOWN


def squeezed() -> Story:
    """Leave ix-a with nothing but ix-b's 5G left for checkout's 1G and training's 6G: the plan says who is squeezed."""
    both = (IX_A, IX_B)
    flows = (flow("checkout", G, 1, both, 20), flow("training", 6 * G, 5, both, 21))
    story = Story(fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=flows)).all_healthy(0)
    story.decided(1)
    grey(story, 10).decided(11)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-b")
    return story.note(*lever("ix-a", Health.DRAINING, 12, story.plan.epoch))


def test_what_the_plan_itself_puts_on_a_link_beyond_its_capacity_condemns_nobody() -> None:
    for at in (1_000, 5_000):
        story = losing(squeezed(), at, OVERFILLED)
        grey(story, at, "ix-a")
        plan = story.decided(at + 1)
        assert (plan.links[IX_B].verdict, plan.links[IX_B].down_since_epoch) == (Verdict.UP, None)
    story = losing(squeezed(), 1_000, 0.75)
    assert grey(story, 1_000, "ix-a").decided(1_001).links[IX_B].verdict is Verdict.DOWN


def eased(at: float) -> Story:
    """Let ix-a heal and the flows return from ix-b, which its probes saw overfilled just before (they report no sooner than that)."""
    story = squeezed()
    while story.on("training") == "ix-b":
        at += 60
        story.note(*healthy("ix-a", at))
        losing(story, at, OVERFILLED).decided(at + 1)
    relieved = story.plan.links[IX_B].relieved
    assert relieved is not None
    assert (relieved.at, relieved.epoch) == (story.plan.decided_at, story.plan.epoch)
    assert relieved.loss == pytest.approx(1 - 5 / (7 * 1.25))
    return story.note(*lever("ix-a", Health.UP, since(story), story.plan.epoch))


def since(story: Story) -> float:
    """Say how many seconds after ``START`` the newest plan was decided."""
    return (story.plan.decided_at - START).total_seconds()


def set_by_google(story: Story, at: float) -> Story:
    return story.note(*lever("ix-b", Health.UP, at, story.plan.epoch))


def verdict_on(story: Story, at: float, share: float = OVERFILLED) -> Verdict:
    """Let ix-b's probes lose a share of packets while ix-a is well, and give what is made of ix-b."""
    story.note(*healthy("ix-a", at))
    return losing(story, at, share).decided(at + 1).links[IX_B].verdict


def test_what_the_plan_kept_on_a_link_until_just_now_condemns_nobody() -> None:
    story = eased(1_000)
    at = since(story)
    set_by_google(story, at + 1)
    assert verdict_on(story, at + 20) is Verdict.UP
    assert story.decided(at + 100).links[IX_B].verdict is Verdict.UP, "nobody has said it since"
    assert verdict_on(story, at + 101) is Verdict.DOWN


def test_it_condemns_nobody_for_as_long_as_googles_levers_are_not_set() -> None:
    story = eased(1_000)
    at = since(story)
    story.note(*lever("ix-b", Health.UP, at, story.plan.epoch - 1))
    assert verdict_on(story, at + 500) is Verdict.UP
    set_by_google(story, at + 501)
    assert verdict_on(story, at + 505) is Verdict.UP
    assert verdict_on(story, at + 507) is Verdict.DOWN


def test_what_was_kept_on_a_link_that_we_do_not_steer_excuses_nothing_for_longer() -> None:
    story = eased(1_000)
    links = tuple(replace(one, mode=Mode.OBSERVE) if one.name == IX_B else one for one in story.fabric.links)
    story.fabric = replace(story.fabric, links=links)
    story.plan = replace(story.plan, fabric_hash=story.fabric.hash)
    assert verdict_on(story, since(story) + 31) is Verdict.DOWN


def test_more_than_it_explains_condemns_a_link_whether_googles_levers_are_set_or_not() -> None:
    story = eased(1_000)
    assert verdict_on(story, since(story) + 31, 0.75) is Verdict.DOWN


def test_a_probes_word_from_the_time_of_a_move_condemns_nobody_when_it_is_read_late() -> None:
    story = grey(steady(), 10)
    story.decided(11)
    story.note(*lever("ix-a", Health.DRAINING, 12, story.plan.epoch))
    grey(story, 16, "ix-b")
    assert story.decided(40).links[IX_B].verdict is Verdict.UP
    assert story.decided(43).links[IX_B].verdict is Verdict.UP, "nobody has said it since"
    late = 16 + story.fabric.policy.freshness.look.total_seconds()
    assert story.note(*healthy("ix-c", late - 1)).decided(late).links[IX_B].verdict is Verdict.UP
    grey(story, late, "ix-b")
    assert story.decided(late + 1).links[IX_B].verdict is Verdict.DOWN


def test_loss_that_nobody_drains_onto_a_link_condemns_it_however_small() -> None:
    assert losing(steady(), 10, OVERFILLED).decided(11).links[IX_B].verdict is Verdict.DOWN


def test_awss_own_drain_explains_nothing_for_longer_than_a_failover_test_lasts() -> None:
    late = 11 + TEST_DURATION.total_seconds()
    story = losing(drained_by_aws_alone(late), late, OVERFILLED)
    assert story.decided(late + 1).links[IX_B].verdict is Verdict.DOWN


def steered_ahead(at: float) -> Story:
    """Let Google carry out what is foreseen for ix-a, which lost packets just before, while nobody has agreed on it yet."""
    story = grey(steady(), 10)
    return story.note(intent(Cloud.GCP, "ix-a", story.plan.epoch, START + seconds(at)))


@pytest.mark.parametrize("lossy", [(aws_probe, gcp_probe), (aws_probe,)])
def test_a_link_that_a_steer_ahead_of_its_agreement_pours_onto_is_not_doubted(lossy: Sequence[Callable[..., tuple[Sighting, ...]]]) -> None:
    story = steered_ahead(10.5).note(*(one for probe in lossy for one in probe("ix-b", Health.DOWN, 11)))
    plan = story.decided(11.5)
    assert (plan.links[IX_A].verdict, plan.links[IX_B].verdict) == (Verdict.DOWN, Verdict.UP)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c")


def test_what_was_steered_ahead_explains_nothing_after_a_hold_down_nor_once_it_is_over() -> None:
    late = 11 + steady().fabric.policy.hold_down.total_seconds()
    story = losing(steered_ahead(10.5).all_healthy(late), late, OVERFILLED)
    assert story.decided(late + 1).links[IX_B].verdict is Verdict.DOWN
    story = steered_ahead(10.5)
    story.note(*(over(row, START + seconds(11)) for row in story.rows.values() if is_intent(row)))
    assert losing(story.all_healthy(19), 20, OVERFILLED).decided(21).links[IX_B].verdict is Verdict.DOWN


def test_congestion_right_after_bgp_left_a_dead_link_does_not_condemn_the_link_it_chose() -> None:
    story = steady()
    grey(story.note(*dead(10)), 10.5, "ix-b")
    plan = story.decided(11)
    assert (plan.links[IX_A].verdict, plan.links[IX_B].verdict) == (Verdict.DOWN, Verdict.UP)
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-c")


def test_a_grey_failure_is_not_put_down_to_bgp_that_leaves_another_link_with_too_little_on_it_to_overfill_this_one() -> None:
    flows = (flow("checkout", G, 1, (IX_A, IX_B), 20), flow("training", G, 5, (IX_B, IX_A), 21))
    story = Story(fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G), flows=flows)).all_healthy(0)
    story.decided(1)
    story.note(*gcp_bgp("ix-a", Health.DOWN, 10, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN)).decided(11)
    assert grey(story, 12, "ix-b").decided(13).links[IX_B].verdict is Verdict.DOWN


@pytest.mark.parametrize(("passed", "lost_at_both_ends"), [(170, False), (200, False), (200, True)])
def test_bgp_leaves_a_link_no_longer_than_its_budget_where_one_end_alone_has_lost_the_session(
    passed: float, *, lost_at_both_ends: bool
) -> None:
    story = steady()
    budget = story.fabric.link(IX_A).timers.budget.total_seconds()
    assert 170 < budget <= 200 < story.fabric.policy.hold_down.total_seconds()
    story.note(*aws_bgp("ix-a", Health.DOWN, 10, source=Source.CLOUDWATCH, cause=Cause.ALARM))
    story.note(*(gcp_bgp("ix-a", Health.DOWN, 10) if lost_at_both_ends else ())).decided(11)
    late = 10 + passed
    story.note(*healthy("ix-c", late), *healthy("vpn", late), *(() if lost_at_both_ends else gcp_bgp("ix-a", Health.UP, late)))
    plan = grey(story, late, "ix-b").decided(late + 1)
    assert plan.links[IX_B].verdict is (Verdict.UP if passed < budget or lost_at_both_ends else Verdict.DOWN)


def test_a_link_that_passes_nothing_is_down_whatever_else_would_explain_that_it_loses_packets() -> None:
    moving = losing(grey(steady(), 10), 12, 1.0)
    assert moving.decided(13).links[IX_B].verdict is Verdict.DOWN
    assert losing(overfilled_fourfold(), 1_000, 1.0).decided(1_001).links[IX_B].verdict is Verdict.DOWN
    assert losing(overfilled_fourfold(), 1_000, 0.95).decided(1_001).links[IX_B].verdict is Verdict.UP


def overfilled_fourfold() -> Story:
    """Leave ix-a with nothing but ix-b's 2G left for checkout's 2G and bulk's 6G."""
    both = (IX_A, IX_B)
    flows = (flow("checkout", 2 * G, 1, both, 20), flow("bulk", 6 * G, 5, both, 21))
    story = Story(fabric(link("ix-a", 10 * G), link("ix-b", 2 * G), flows=flows)).all_healthy(0)
    story.decided(1)
    grey(story, 10).decided(11)
    story.note(*lever("ix-a", Health.DRAINING, 12, story.plan.epoch))
    return grey(story, 1_000, "ix-a")


def bgp_leaves_ix_a(mode: Mode = Mode.AUTO) -> Story:
    """Let BGP leave ix-a and overfill ix-b, the only link beside it."""
    both = (IX_A, IX_B)
    flows = (flow("checkout", G, 1, both, 20), flow("training", 6 * G, 5, both, 21))
    story = Story(fabric(link("ix-a", 10 * G, mode=mode), link("ix-b", 5 * G), flows=flows)).all_healthy(0)
    story.decided(1)
    return losing(story.note(*dead(10)), 10.5, OVERFILLED)


def dead(at: float) -> tuple[Sighting, ...]:
    """Let both ends of ix-a miss its session."""
    return (*gcp_bgp("ix-a", Health.DOWN, at, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN), *aws_bgp("ix-a", Health.DOWN, at))


def test_the_last_link_is_not_condemned_for_what_bgp_moves_onto_it() -> None:
    plan = bgp_leaves_ix_a().decided(11)
    assert (plan.links[IX_A].verdict, plan.links[IX_B].verdict) == (Verdict.DOWN, Verdict.UP)


def test_nor_is_one_that_bgp_moves_flows_onto_which_nobody_has_placed_yet() -> None:
    story = bgp_leaves_ix_a()
    story.plan = replace(story.plan, flows={})
    assert story.decided(11).links[IX_B].verdict is Verdict.UP


@pytest.mark.parametrize(("share", "verdict"), [(OVERFILLED, Verdict.UP), (0.9, Verdict.DOWN)])
def test_what_is_placed_nowhere_may_be_on_any_link_for_as_long_as_it_is_and_explains_no_more_than_its_demand(
    share: float, verdict: Verdict
) -> None:
    story = bgp_leaves_ix_a()
    story.decided(11)
    story.plan = replace(story.plan, flows={})
    losing(story.note(*dead(1_000)), 1_000, share)
    assert story.decided(1_001).links[IX_B].verdict is verdict


def test_what_probes_saw_while_bgp_left_a_link_that_nobody_steers_condemns_nobody_when_it_is_read_late() -> None:
    story = bgp_leaves_ix_a(Mode.OBSERVE)
    assert story.decided(11).links[IX_A].verdict is Verdict.DOWN
    end = 11 + story.fabric.policy.hold_down.total_seconds()
    losing(story.note(*dead(end - 2)), end - 2, OVERFILLED)
    assert story.decided(end + 2).links[IX_B].verdict is Verdict.UP
    assert losing(story, end + 3, OVERFILLED).decided(end + 4).links[IX_B].verdict is Verdict.DOWN


def test_nor_what_they_saw_before_it_was_back() -> None:
    story = bgp_leaves_ix_a(Mode.OBSERVE)
    assert story.decided(11).links[IX_A].verdict is Verdict.DOWN
    story.note(*healthy("ix-a", 20))
    assert story.decided(21).links[IX_B].verdict is Verdict.UP
    assert (story.decided(22).links[IX_A].verdict, story.plan.links[IX_B].verdict) == (Verdict.UP, Verdict.UP)
    assert losing(story, 30, OVERFILLED).decided(31).links[IX_B].verdict is Verdict.DOWN


def test_nor_what_they_saw_before_it_was_back_when_only_one_end_was_known_to_have_lost_the_session() -> None:
    story = bgp_leaves_ix_a(Mode.OBSERVE)
    story.note(*gcp_bgp("ix-a", Health.UP, 10.1), *aws_probe("ix-a", Health.DOWN, 10.2))
    assert (story.decided(11).links[IX_A].verdict, story.plan.links[IX_A].lost) == (Verdict.DOWN, {})
    story.note(*aws_bgp("ix-a", Health.UP, 20), *gcp_bgp("ix-a", Health.UP, 20))
    assert story.decided(21).links[IX_B].verdict is Verdict.UP


def led_off_ix_a(share: float) -> Story:
    """Let Google's lever still keep everything off ix-a, as an earlier plan asked, and ix-b lose a share of packets."""
    flows = (flow("checkout", G, 1, (IX_A, IX_B), 20), flow("training", 6 * G, 5, (IX_A, IX_B), 21))
    story = Story(fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=flows)).all_healthy(0)
    story.decided(1)
    story.note(*lever("ix-a", Health.DRAINING, 2, story.plan.epoch)).all_healthy(2_000)
    return losing(story, 2_001, share)


def test_what_googles_lever_still_leads_off_a_link_that_nobody_drains_any_more_condemns_nobody() -> None:
    story = led_off_ix_a(OVERFILLED)
    assert story.decided(2_002).links[IX_B].verdict is Verdict.UP
    story.note(*lever("ix-a", Health.UP, 2_003, story.plan.epoch))
    assert story.decided(2_004).links[IX_B].verdict is Verdict.UP
    assert losing(story, 2_010, OVERFILLED).decided(2_011).links[IX_B].verdict is Verdict.DOWN


@pytest.mark.parametrize(
    ("unread", "share", "verdict"), [(True, OVERFILLED, Verdict.UP), (True, 0.9, Verdict.DOWN), (False, OVERFILLED, Verdict.DOWN)]
)
def test_nor_does_what_it_may_lead_off_one_while_nobody_can_read_how_it_is_set(verdict: Verdict, *, unread: bool, share: float) -> None:
    story = led_off_ix_a(share)
    story.rows = {key: row for key, row in story.rows.items() if row.member != lever_key(IX_A)}
    story.unreadable = (Cloud.GCP,) if unread else ()
    assert story.decided(2_002).links[IX_B].verdict is verdict


def test_more_than_that_explains_condemns() -> None:
    assert led_off_ix_a(0.9).decided(2_002).links[IX_B].verdict is Verdict.DOWN


@pytest.mark.parametrize("behind", [True, False])
def test_bgp_may_lead_a_flow_from_where_googles_levers_still_have_it(*, behind: bool) -> None:
    both = (LinkName("ix-c"), IX_A, IX_B)
    flows = (flow("checkout", G, 1, both, 20), flow("training", 6 * G, 5, both, 21))
    story = Story(fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G), flows=flows)).all_healthy(0)
    story.decided(1)
    story.note(*lever("ix-a", Health.UP, 5, story.plan.epoch - behind))
    plan = losing(story.note(*dead(10)), 10.5, OVERFILLED).decided(11)
    assert plan.links[IX_B].verdict is (Verdict.UP if behind else Verdict.DOWN)


def test_bgp_leaves_a_link_from_when_the_plan_holds_it_down_and_not_from_its_first_lost_packets() -> None:
    story = bgp_leaves_ix_a()
    long_ago = START - story.fabric.policy.hold_down
    state = replace(story.plan.links[IX_A], verdict=Verdict.SUSPECT, since=START + seconds(9), onset=long_ago)
    story.plan = replace(story.plan, links={**story.plan.links, IX_A: state})
    assert story.decided(11).links[IX_B].verdict is Verdict.UP


def test_a_link_that_a_drain_is_pouring_onto_is_left_when_more_than_its_probes_speak_against_it() -> None:
    story = grey(steady(), 10)
    story.decided(11)
    grey(story, 12, "ix-b").note(*gcp_bgp("ix-b", Health.DOWN, 12, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN))
    assert story.decided(13).links[IX_B].drain is not None


def test_a_flow_with_no_other_open_link_returns_to_one_that_is_good_again_without_waiting() -> None:
    story = steady().all_healthy(400)
    grey(story, 410).decided(411)
    story.note(*lever("ix-a", Health.DRAINING, 412, story.plan.epoch)).all_healthy(420).decided(421)
    for name in ("ix-b", "ix-c"):
        grey(story, 430, name)
    plan = story.decided(431)
    assert plan.links[IX_A].verdict is Verdict.UP
    assert (plan.links[IX_A].drain, story.on("training")) == (None, "ix-a")
    assert story.on("checkout") == "vpn"


def test_a_router_restart_that_forwards_on_is_not_fled_from_before_its_budget() -> None:
    story = steady().note(*aws_bgp("ix-a", Health.DOWN, 10), *gcp_bgp("ix-a", Health.DOWN, 10))
    story.note(*aws_probe("ix-a", Health.UP, 10.5), *gcp_probe("ix-a", Health.UP, 10.5)).decided(11)
    assert (story.on("checkout"), story.on("training")) == ("ix-a", "ix-a")
