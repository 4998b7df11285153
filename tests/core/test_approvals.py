"""Links in mode recommend: what is proposed, what an approval is of, and that nothing else is done."""

from datetime import timedelta

import pytest

from pointsman.core.adopting import adopted
from pointsman.core.approvals import PROPOSAL_LIFE, command, told, what
from pointsman.core.changes import changes
from pointsman.core.decide import judge
from pointsman.core.explaining import Scene, link_story
from pointsman.core.fabric import Bandwidth, Cloud, Fabric, LinkName, Mode, Policy
from pointsman.core.outbox import follow
from pointsman.core.plan import DrainCause, Plan, Proposal, Verdict
from pointsman.core.sightings import Cause, Health, Order, Sighting, Vantage, Verb
from pointsman.core.values import canonical, replace
from tests.core.days import HOLD, HOUR, LEAD, ROOMY, STEP, Days, notice
from tests.core.scene import (
    CHECKOUT,
    START,
    TRAINING,
    G,
    Story,
    aws_bgp,
    aws_probe,
    fabric,
    gcp_bgp,
    gcp_probe,
    healthy,
    lever,
    link,
    seconds,
    vpn,
)

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")


def said(verb: Verb, target: str, at: float, *, lasts: timedelta | None = None) -> Order:
    seen = START + seconds(at)
    ends = seen + lasts if lasts else None
    return Order(key=f"{verb} {at}", verb=verb, target=target, author="operator", reason="agreed", seen_at=seen, expires_at=ends)


class Asked(Story):
    """A story over links of which some wait for a person's word."""

    def __init__(self, mode: Mode = Mode.RECOMMEND) -> None:
        links = (link("ix-a", 10 * G, mode=mode), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())
        super().__init__(fabric(*links))
        for at in (0, 100, 200, 300, 399):
            self.all_healthy(at)
            self.decided(at)

    def grey(self, name: str, at: float) -> "Asked":
        self.note(*aws_probe(name, Health.DOWN, at), *gcp_probe(name, Health.DOWN, at))
        self.decided(at + 1)
        return self

    def word(self, verb: Verb, target: str, at: float, *, lasts: timedelta | None = None) -> str:
        """Give a person's word; gives why it is refused, "" when it is not."""
        view = replace(self.view(), orders=(said(verb, target, at, lasts=lasts),))
        judged = judge(self.fabric, view, self.plan, START + seconds(at))
        assert isinstance(judged.plan, Plan)
        why = next(iter(judged.refused.values()), "")
        if not why:
            self.plan = judged.plan
        return why

    @property
    def proposal(self) -> Proposal:
        assert self.plan.proposal is not None
        return self.plan.proposal


def test_nothing_is_proposed_while_all_is_well() -> None:
    assert Asked().plan.proposal is None


def test_what_would_be_done_is_proposed_and_nothing_is_done() -> None:
    story = Asked().grey("ix-a", 400)
    assert story.plan.links[IX_A].verdict is Verdict.DOWN
    assert story.plan.links[IX_A].drain is None
    assert (story.on("checkout"), story.on("training")) == ("ix-a", "ix-a")
    assert (story.proposal.leave, story.proposal.back, story.proposal.flows) == ((IX_A,), (), {"checkout": "ix-b", "training": "ix-b"})


def test_a_proposal_says_what_it_would_do_and_how_to_approve_of_it() -> None:
    story = Asked().grey("ix-a", 400)
    text = told(story.fabric, story.proposal)
    assert what(story.proposal) == "leave ix-a; move checkout to ix-b, training to ix-b"
    assert command(story.proposal) == f"pointsman approve FABRIC {story.proposal.hash} --author NAME --reason WHY"
    assert command(story.proposal) in text
    assert f"(until {story.proposal.expires_at:%FT%TZ})" in text
    assert text in {one.because for one in story.plan.reasons}


def test_what_is_approved_is_what_auto_would_have_done() -> None:
    story, auto = Asked().grey("ix-a", 400), Asked(Mode.AUTO).grey("ix-a", 400)
    assert story.word(Verb.APPROVE, story.proposal.hash, 402) == ""
    assert story.plan.flows == auto.plan.flows
    after, automatic = story.plan.links[IX_A], auto.plan.links[IX_A]
    assert after.drain is not None
    assert automatic.drain is not None
    assert replace(after.drain, epoch=0, since=START) == replace(automatic.drain, epoch=0, since=START)
    assert story.plan.proposal is None


def test_the_same_proposal_stands_until_its_time_is_over_and_is_then_another() -> None:
    story = Asked().grey("ix-a", 400)
    first = story.proposal
    story.note(*aws_probe("ix-a", Health.DOWN, 460), *gcp_probe("ix-a", Health.DOWN, 460))
    assert story.decided(461).proposal == first
    late = PROPOSAL_LIFE.total_seconds() + 500
    for one in ("ix-b", "ix-c", "vpn"):
        story.note(*healthy(one, late))
    story.note(*aws_probe("ix-a", Health.DOWN, late), *gcp_probe("ix-a", Health.DOWN, late))
    assert "another plan's hash" in story.word(Verb.APPROVE, first.hash, late)
    story.decided(late)
    assert story.proposal.hash != first.hash
    assert story.proposal.flows == first.flows


def test_a_hash_is_of_exactly_what_would_be_done() -> None:
    story = Asked().grey("ix-a", 400)
    first = story.proposal
    story.grey("ix-b", 410)
    assert story.plan.links[IX_B].drain is not None
    assert story.proposal.hash != first.hash
    before = story.plan
    assert f"what waits now is {story.proposal.hash}" in story.word(Verb.APPROVE, first.hash, 412)
    assert story.plan == before


def test_an_approval_is_of_what_follows_from_the_rows_at_that_moment() -> None:
    story = Asked().grey("ix-a", 400)
    first = story.proposal
    story.note(*aws_probe("ix-b", Health.DOWN, 405), *gcp_probe("ix-b", Health.DOWN, 405))
    assert "another plan's hash" in story.word(Verb.APPROVE, first.hash, 406)
    story.note(*healthy("ix-a", 407), *healthy("ix-b", 407))
    assert "nothing waits" in story.word(Verb.APPROVE, first.hash, 408)


def test_an_expired_approval_is_refused() -> None:
    story = Asked().grey("ix-a", 400)
    given = said(Verb.APPROVE, story.proposal.hash, 402, lasts=timedelta(seconds=10))
    judged = judge(story.fabric, replace(story.view(), orders=(given,)), story.plan, START + seconds(413))
    assert "expired at" in judged.refused[given.key]
    assert judged.plan == story.plan


def test_a_denial_is_remembered_and_ends() -> None:
    story = Asked().grey("ix-a", 400)
    first = story.proposal
    assert story.word(Verb.DENY, first.hash, 402, lasts=timedelta(hours=6)) == ""
    assert story.proposal.denied == "operator: agreed"
    assert story.proposal.expires_at == START + seconds(402) + timedelta(hours=6)
    assert "was denied by operator: agreed" in story.word(Verb.APPROVE, first.hash, 403)
    story.note(*aws_probe("ix-a", Health.DOWN, 460), *gcp_probe("ix-a", Health.DOWN, 460))
    assert story.decided(461).proposal == story.proposal


def test_a_denial_holds_for_one_hash_only() -> None:
    story = Asked().grey("ix-a", 400)
    assert story.word(Verb.DENY, story.proposal.hash, 402) == ""
    story.grey("ix-b", 410)
    assert not story.proposal.denied
    assert story.word(Verb.APPROVE, story.proposal.hash, 412) == ""


def test_what_is_proposed_may_be_denied_while_steering_is_frozen() -> None:
    story = Asked().grey("ix-a", 400)
    story.word(Verb.FREEZE, "", 401)
    assert "thaw first" in story.word(Verb.APPROVE, story.proposal.hash, 402)
    assert story.word(Verb.DENY, story.proposal.hash, 403) == ""
    assert story.proposal.denied


def approved() -> Asked:
    story = Asked().grey("ix-a", 400)
    assert story.word(Verb.APPROVE, story.proposal.hash, 402) == ""
    return story


def healed(story: Asked, first: int, last: int) -> Asked:
    for at in range(first, last, 60):
        story.all_healthy(at)
        story.decided(at)
    return story


def test_a_return_is_proposed_once_every_rail_allows_it_and_waits() -> None:
    story = healed(approved(), 460, 700)
    assert story.plan.proposal is None
    healed(story, 700, 1000)
    assert story.plan.links[IX_A].drain is not None
    assert (story.proposal.leave, story.proposal.back) == ((), (IX_A,))
    assert story.word(Verb.APPROVE, story.proposal.hash, 1001) == ""
    assert (story.plan.links[IX_A].drain, story.on("checkout")) == (None, "ix-a")


def test_a_return_obeys_the_budget_like_any_other() -> None:
    story = approved()
    story.fabric = replace(story.fabric, policy=Policy(mode=Mode.AUTO, epochs_per_hour=0))
    healed(story, 460, 1000)
    assert story.plan.proposal is None


def test_levers_stay_ours_after_a_return_until_both_clouds_have_set_them_back() -> None:
    story = healed(approved(), 460, 1000)
    story.word(Verb.APPROVE, story.proposal.hash, 1001)
    epoch = story.plan.epoch
    assert story.plan.links[IX_A].steered == epoch
    story.all_healthy(1010)
    story.note(*lever("ix-a", Health.UP, 1010, epoch), *lever("ix-a", Health.UP, 1010, epoch - 1, Vantage.AWS))
    assert story.decided(1011).links[IX_A].steered == epoch
    story.note(*lever("ix-a", Health.UP, 1020, epoch, Vantage.AWS))
    assert story.decided(1021).links[IX_A].steered is None


def cut(name: str, at: float) -> tuple[Sighting, ...]:
    return (*aws_bgp(name, Health.DOWN, at, cause=Cause.LINK_DOWN), *gcp_bgp(name, Health.DOWN, at, cause=Cause.LINK_DOWN))


def test_a_flow_without_another_way_gets_its_link_back_without_an_approval() -> None:
    story = healed(approved(), 460, 520)
    for name in ("ix-b", "ix-c"):
        story.note(*cut(name, 521))
    story.decided(522)
    assert story.plan.links[IX_A].drain is None
    assert story.on("training") == "ix-a"


def test_an_order_drains_a_link_in_mode_recommend_and_its_end_needs_no_approval() -> None:
    story = Asked()
    assert story.word(Verb.DRAIN, "ix-a", 400, lasts=timedelta(seconds=400)) == ""
    assert story.plan.links[IX_A].steered == story.plan.epoch
    healed(story, 460, 900)
    assert story.plan.links[IX_A].drain is None


def test_a_link_in_mode_observe_is_told_of_and_never_proposed() -> None:
    story = Asked(Mode.OBSERVE).grey("ix-a", 400)
    assert story.plan.proposal is None
    because = next(one.because for one in story.plan.reasons if one.about == "ix-a")
    assert because.endswith("it would have been left, but it is in mode observe")
    assert "nothing waits" in story.word(Verb.APPROVE, "0" * 16, 402)


def test_the_last_path_is_not_proposed_to_be_left() -> None:
    story = Asked()
    for one in story.fabric.links:
        story.note(*cut(one.name, 400))
    story.decided(401)
    assert story.plan.proposal is None


def test_the_same_view_decides_to_the_same_bytes() -> None:
    story, other = Asked().grey("ix-a", 400), Asked().grey("ix-a", 400)
    other.here = Cloud.AWS
    assert canonical(story.plan) == canonical(Asked().grey("ix-a", 400).plan)
    assert story.proposal == other.proposal
    assert story.decided(402) is story.plan


def test_a_better_place_on_a_link_in_mode_recommend_is_proposed_too() -> None:
    links = (link("ix-a", 10 * G, mode=Mode.RECOMMEND), link("ix-b", 10 * G))
    both = (IX_B, IX_A)
    story = Asked()
    story.fabric = fabric(*links, flows=(replace(CHECKOUT, prefer=both), replace(TRAINING, prefer=both, demand=Bandwidth(9_500_000_000))))
    story.plan = replace(story.plan, links={name: state for name, state in story.plan.links.items() if name in both}, flows={})
    story.rows = {key: row for key, row in story.rows.items() if row.seen_at >= START + seconds(300)}
    story.note(*healthy("ix-a", 400), *healthy("ix-b", 400))
    story.decided(401)
    assert story.plan.flows[TRAINING.name].squeezed_by or story.plan.flows[CHECKOUT.name].squeezed_by
    assert set(story.proposal.flows.values()) == {IX_A}


def test_a_flow_on_a_link_that_turns_to_mode_recommend_goes_to_a_better_place_on_a_persons_word_only() -> None:
    """Its levers are left as they are, so without that word the flow would be on both links at once."""
    story = Asked(Mode.AUTO)
    flows = tuple(replace(one, prefer=(IX_B, IX_A)) for one in story.fabric.flows)
    story.fabric = recommended(replace(story.fabric, flows=flows))
    story.plan = adopted(story.plan, story.fabric, START + seconds(400), author="kim", reason="ask us", finish=(IX_A,))
    assert story.plan.links[IX_A].steered == story.plan.epoch
    story.all_healthy(405).decided(405)
    assert (story.on("checkout"), story.on("training")) == ("ix-a", "ix-a")
    assert story.proposal.flows == {"checkout": "ix-b", "training": "ix-b"}
    assert story.word(Verb.APPROVE, story.proposal.hash, 406) == ""
    assert (story.on("checkout"), story.on("training")) == ("ix-b", "ix-b")
    assert story.plan.links[IX_A].steered == story.plan.epoch
    assert story.plan.proposal is None


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.OBSERVE])
def test_a_plan_without_links_in_mode_recommend_has_no_room_for_proposals(mode: Mode) -> None:
    assert b"proposal" not in canonical(Asked(mode).grey("ix-a", 400).plan)


def test_explain_says_what_waits_and_what_an_ordered_drain_waits_for() -> None:
    story = Asked().grey("ix-a", 400)
    scene = Scene(fabric=story.fabric, plan=story.plan, view=story.view(), now=START + seconds(402))
    rails = link_story(scene, story.fabric.link("ix-a"), None).rails
    assert command(story.proposal) in rails[0]
    assert "mode recommend: it is left when a person approves of that" in rails
    assert story.word(Verb.DRAIN, "ix-a", 403, lasts=timedelta(hours=1)) == ""
    held = link_story(replace(scene, plan=story.plan), story.fabric.link("ix-a"), None)
    assert "drained for order by operator: agreed since" in held.drained
    assert held.fail_back[0].startswith("the order holds it off until 2026-11-20T13:06:43Z")


def test_history_tells_of_a_proposal_and_of_the_word_on_it() -> None:
    story = Asked()
    before = story.plan
    story.grey("ix-a", 400)
    first = story.proposal
    assert f"proposal {first.hash}: {told(story.fabric, first)}" in {one.text for one in changes(before, story.plan)}
    before = story.plan
    story.word(Verb.APPROVE, first.hash, 402)
    texts = {one.text for one in changes(before, story.plan)}
    assert {f"order approve {first.hash}: ordered by operator: agreed", f"proposal {first.hash} ended"} <= texts


def test_a_ticket_tells_of_a_proposal_once_and_of_its_denial() -> None:
    story = Asked().grey("ix-a", 400)
    epoch = story.plan.links[IX_A].down_since_epoch
    assert epoch is not None
    incident = follow(story.fabric, story.plan, IX_A, epoch, None)
    assert command(story.proposal) in incident.outbox[0].summary
    assert follow(story.fabric, story.plan, IX_A, epoch, incident) == incident
    story.word(Verb.DENY, story.proposal.hash, 402)
    after = follow(story.fabric, story.plan, IX_A, epoch, incident)
    assert after.timeline[-1].text == told(story.fabric, story.proposal)
    assert after.timeline[-1].text.startswith("denied by operator: agreed")


def recommended(start: Fabric) -> Fabric:
    links = tuple(replace(one, mode=Mode.RECOMMEND) if one.name == IX_A else one for one in start.links)
    return replace(start, links=links)


def test_leaving_a_link_for_its_window_is_proposed_and_so_is_the_return() -> None:
    story = Days(recommended(ROOMY)).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD + STEP)
    assert story.cause is None
    assert story.plan.proposal is not None
    assert story.plan.proposal.leave == (IX_A,)
    _approve(story)
    assert story.cause is DrainCause.MAINTENANCE
    story.until(3 * HOUR + HOLD + 3 * STEP)
    assert story.cause is DrainCause.MAINTENANCE
    assert story.plan.proposal is not None
    assert story.plan.proposal.back == (IX_A,)
    _approve(story)
    assert (story.cause, story.on("checkout")) == (None, "ix-a")


def _approve(story: Days) -> None:
    assert story.plan.proposal is not None
    given = said(Verb.APPROVE, story.plan.proposal.hash, story.now)
    judged = judge(story.fabric, replace(story.view(), orders=(given,)), story.plan, START + seconds(story.now))
    assert isinstance(judged.plan, Plan)
    assert not judged.refused
    story.plan = judged.plan


def test_a_person_is_asked_of_a_window_that_nothing_may_be_left_for() -> None:
    alone = fabric(link("ix-a", 10 * G), flows=(replace(CHECKOUT, prefer=(IX_A,)),))
    story = Days(recommended(alone)).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD + STEP)
    window = story.state().maintenance
    assert window is not None
    assert "no other link between its sites" in window.ask
    assert (story.plan.proposal, story.state().down_since_epoch is None) == (None, False)


def test_what_waits_keeps_its_hash_while_the_time_is_not_trusted_and_is_approved_of_when_it_is() -> None:
    story = Asked().grey("ix-a", 400)
    assert story.word(Verb.APPROVE, story.proposal.hash, 402) == ""
    for at in range(450, 1000, 50):
        story.all_healthy(at)
        story.decided(at)
    waits, epoch = story.proposal, story.plan.epoch
    assert waits.back == (IX_A,)
    story.clock_trusted = False
    story.all_healthy(1000)
    story.decided(1001)
    assert (story.proposal, story.plan.epoch) == (waits, epoch)
    assert "fewer than two stores" in story.word(Verb.APPROVE, waits.hash, 1002)
    story.clock_trusted = True
    assert story.word(Verb.APPROVE, waits.hash, 1003) == ""
    assert story.plan.links[IX_A].drain is None
