"""The permission to act alone: one row, claimed once per hold-down, taken over when whoever claimed it died."""

from datetime import timedelta

import pytest

from pointsman.core.alone import DEEDS_KEPT, LEASE, Deed, Diary, Phase, claim, ended, register_of, row_of, standing_rows
from pointsman.core.fabric import Cloud, FlowName, LinkName
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.sightings import Health
from pointsman.core.steering import FailoverTest
from pointsman.core.values import replace
from tests.core.scene import START, Story, aws_probe, gcp_probe, healthy, seconds

HOLD = timedelta(minutes=5)
IX_A = LinkName("ix-a")


def deed(at: float, by: str = "one", link: str = "ix-a") -> Deed:
    return Deed(
        at=START + seconds(at),
        link=LinkName(link),
        setting=FailoverTest(link=LinkName(link), running=True),
        flows=(FlowName("checkout"),),
        because="its probe loses packets",
        epoch=4,
        by=by,
    )


def taken(diary: Diary | str) -> Diary:
    assert isinstance(diary, Diary), diary
    return diary


def test_the_first_claim_is_granted_and_granting_it_twice_is_granting_it_once() -> None:
    once = taken(claim(Diary(), deed(0), HOLD))
    assert claim(once, deed(0), HOLD) == once
    assert once.deeds == (deed(0),)


def test_within_a_hold_down_nothing_more_is_granted() -> None:
    done = ended(taken(claim(Diary(), deed(0), HOLD)), "one", Phase.DONE)
    for again in (deed(299, "two"), deed(299, "two", "ix-b"), deed(0, "two")):
        assert "once per hold-down" in str(claim(done, again, HOLD))
    assert len(taken(claim(done, deed(300, "two"), HOLD)).deeds) == 2


def test_a_claim_whose_claimant_died_is_taken_over_for_the_same_link_alone() -> None:
    claimed = taken(claim(Diary(), deed(0), HOLD))
    late = LEASE.total_seconds()
    assert "right now" in str(claim(claimed, deed(late - 1, "two"), HOLD))
    assert "once per hold-down" in str(claim(claimed, deed(late, "two", "ix-b"), HOLD))
    assert [one.by for one in taken(claim(claimed, deed(late, "two"), HOLD)).deeds] == ["two"]


def test_a_claim_that_surely_wrote_nothing_binds_nobody() -> None:
    void = ended(taken(claim(Diary(), deed(0), HOLD)), "one", Phase.VOID)
    assert len(taken(claim(void, deed(1, "two", "ix-b"), HOLD)).deeds) == 2


def test_a_claim_that_was_taken_over_is_not_ended_by_its_first_claimant() -> None:
    over = taken(claim(taken(claim(Diary(), deed(0), HOLD)), deed(90, "two"), HOLD))
    assert ended(over, "one", Phase.VOID) == over


def test_a_claim_of_a_clock_that_was_years_ahead_binds_nobody_and_one_a_little_ahead_does() -> None:
    ahead = ended(taken(claim(Diary(), deed(10**8), HOLD)), "one", Phase.DONE)
    assert isinstance(claim(ahead, deed(0, "two"), HOLD), Diary)
    little = ended(taken(claim(Diary(), deed(30), HOLD)), "one", Phase.DONE)
    assert isinstance(claim(little, deed(0, "two"), HOLD), str)


def test_the_diary_is_bounded() -> None:
    diary = Diary()
    for count in range(3 * DEEDS_KEPT):
        diary = ended(taken(claim(diary, deed(300.0 * count, str(count)), HOLD)), str(count), Phase.DONE)
    assert len(diary.deeds) == DEEDS_KEPT
    assert diary.deeds[-1].by == str(3 * DEEDS_KEPT - 1)


def test_each_cloud_has_a_row_of_its_own() -> None:
    assert {register_of("atlas", cloud) for cloud in Cloud} == {"alone/atlas/aws", "alone/atlas/gcp"}


def standing() -> Story:
    """Give a story in which everything has been well for long, at epoch 1."""
    story = Story().all_healthy(0)
    story.decided(0)
    story.all_healthy(600)
    story.decided(600)
    return story


def avoided(story: Story, at: float, epoch: int | None = None) -> Story:
    row = row_of(Cloud.GCP, IX_A, story.plan.epoch if epoch is None else epoch, START + seconds(at))
    return story.note(row)


def test_what_was_avoided_alone_is_taken_over_as_a_drain_whose_hold_down_counts_from_then() -> None:
    story = avoided(standing().all_healthy(700), 690)
    state = story.decided(700).links[IX_A]
    assert state.drain is not None
    assert state.drain.since == START + seconds(690)
    assert state.down_since_epoch == story.plan.epoch
    assert "gcp kept traffic off it alone" in next(reason.because for reason in story.plan.reasons if reason.about == IX_A)
    story.all_healthy(985)
    assert story.decided(985).links[IX_A].drain is not None
    story.all_healthy(991)
    assert story.decided(991).links[IX_A].drain is None


def test_any_epoch_agreed_since_counts_for_more() -> None:
    story = avoided(standing().all_healthy(700), 690, epoch=standing().plan.epoch - 1)
    before = story.plan
    assert story.decided(700) == before


@pytest.mark.parametrize("clouds", [(Cloud.AWS, Cloud.GCP), (Cloud.GCP, Cloud.AWS)])
def test_of_both_clouds_rows_of_one_time_that_of_the_newer_plan_counts_whatever_their_order(clouds: tuple[Cloud, ...]) -> None:
    epoch = standing().plan.epoch
    older, newer = (row_of(cloud, IX_A, epoch - 1 + late, START + seconds(690)) for late, cloud in enumerate(clouds))
    assert standing_rows((older, newer)) == standing_rows((newer, older)) == {newer.member: newer}
    same = tuple(row_of(cloud, IX_A, epoch, START + seconds(690)) for cloud in clouds)
    assert standing_rows(same) == standing_rows(same[::-1])


def test_what_has_been_told_is_over() -> None:
    story = avoided(standing().all_healthy(700), 690)
    story.note(row_of(Cloud.GCP, IX_A, story.plan.epoch, START + seconds(695), told=True))
    before = story.plan
    assert story.decided(700) == before


def test_a_link_that_is_the_last_one_open_is_not_kept_off() -> None:
    story = standing()
    story.plan = replace(story.plan, marks={})
    story.rows = {}
    story.note(*healthy("ix-a", 700))
    for name in ("ix-b", "ix-c"):
        story.note(*aws_probe(name, Health.DOWN, 700), *gcp_probe(name, Health.DOWN, 700))
    story.plan = replace(story.plan, links=story.plan.links | {LinkName("vpn"): LinkState(verdict=Verdict.DOWN)})
    avoided(story, 690)
    assert story.decided(700).links[IX_A].drain is None


def test_a_store_whose_clock_is_ahead_begins_no_drain_later_than_it_is_agreed() -> None:
    story = avoided(standing().all_healthy(700), 1000)
    plan = story.decided(700)
    state = plan.links[IX_A]
    assert state.drain is not None
    assert (state.drain.since, state.good_since) == (plan.decided_at, plan.decided_at)
    story.all_healthy(995)
    assert story.decided(995).links[IX_A].drain is not None
    story.all_healthy(1001)
    assert story.decided(1001).links[IX_A].drain is None
