"""Orders in the decision: done once, or refused with why; and what stays of them in the plan."""

from datetime import timedelta

import pytest

from pointsman.core.decide import Judged, judge
from pointsman.core.explaining import Scene, link_story
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.flagging import SLACK, note_of, state_of
from pointsman.core.journal import again, opened, seal
from pointsman.core.orders import AHEAD, HEARD_WITHIN, LASTING, LONGEST, ORDERS_KEPT
from pointsman.core.plan import DrainCause, FlagState, Freeze, Plan, Verdict
from pointsman.core.sightings import Cause, Health, Order, Verb
from pointsman.core.values import canonical, replace
from pointsman.core.versions import DECIDER
from tests.core.scene import CHECKOUT, START, Story, aws_bgp, aws_probe, fabric, gcp_bgp, gcp_probe, healthy, seconds

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")
HOUR = timedelta(hours=1)


def told(
    verb: Verb, target: str = "", *, at: float = 400, key: str = "k", lasts: timedelta | None = None, author: str = "operator"
) -> Order:
    seen = START + seconds(at)
    return Order(
        key=key, verb=verb, target=target, author=author, reason="fibre works", seen_at=seen, expires_at=seen + lasts if lasts else None
    )


class Ordered(Story):
    """A story in which a person gives orders."""

    def refusal(self, at: float, *given: Order) -> str:
        """Decide with orders; what is refused of the first, and the plan is as it was."""
        judged = self._judged(at, given)
        assert judged.plan == self.plan, "what is refused changes nothing"
        return judged.refused[given[0].key]

    def obeyed(self, at: float, *given: Order) -> Plan:
        judged = self._judged(at, given)
        assert isinstance(judged.plan, Plan)
        assert not judged.refused
        self.plan = judged.plan
        return self.plan

    def _judged(self, at: float, given: tuple[Order, ...]) -> Judged:
        return judge(self.fabric, replace(self.view(), orders=given), self.plan, START + seconds(at))

    def swept(self, *times: float) -> "Ordered":
        for at in times:
            self.all_healthy(at)
            self.decided(at)
        return self


def steady() -> Ordered:
    """All links good for longer than the hold-down, at 400 seconds."""
    return Ordered().swept(0, 100, 200, 300, 399)


def test_an_ordered_drain_names_who_why_and_until_when_and_moves_the_flows() -> None:
    story = steady()
    drain = story.obeyed(400, told(Verb.DRAIN, "ix-a", lasts=HOUR)).links[IX_A].drain
    assert drain is not None
    assert (drain.cause, drain.by, drain.until, drain.enactor) == (
        DrainCause.ORDER,
        "operator: fibre works",
        START + seconds(400) + HOUR,
        Cloud.GCP,
    )
    assert story.on("checkout") == "ix-b"


def test_an_order_is_decided_again_from_the_journal_byte_for_byte() -> None:
    story = steady()
    before = story.plan
    given = told(Verb.DRAIN, "ix-a")
    view = replace(story.view(), orders=(given,))
    sealed = seal(before, view, START + seconds(400), story.obeyed(400, given))
    assert canonical(again(opened(sealed.digest, sealed.packed), story.fabric)) == canonical(replace(story.plan, entry=""))


def test_the_same_order_changes_nothing_a_second_time() -> None:
    story = steady()
    given = told(Verb.DRAIN, "ix-a")
    first = story.obeyed(400, given)
    assert story.obeyed(401, given) is first
    assert len(canonical(first.orders)) < 100


def test_an_order_is_remembered_for_as_long_as_it_could_come_again() -> None:
    story = steady()
    (done,) = story.obeyed(400, told(Verb.DRAIN, "ix-a", lasts=9 * HOUR)).orders
    assert done.until == START + seconds(400) + HEARD_WITHIN + AHEAD
    late = HEARD_WITHIN.total_seconds() + AHEAD.total_seconds() + 401
    story.swept(late)
    assert "is heard only now" in story.refusal(late, told(Verb.DRAIN, "ix-a", lasts=9 * HOUR, key="other"))


def test_a_drain_without_an_end_has_one() -> None:
    drain = steady().obeyed(400, told(Verb.DRAIN, "ix-a")).links[IX_A].drain
    assert drain is not None
    assert drain.until == START + seconds(400) + LASTING[Verb.DRAIN]


@pytest.mark.parametrize("verb", list(LONGEST))
def test_no_order_holds_for_longer_than_its_kind_may(verb: Verb) -> None:
    target = {Verb.DRAIN: "ix-a", Verb.PIN: "checkout>ix-a"}.get(verb, "")
    assert "at most: order it for less" in steady().refusal(400, told(verb, target, lasts=LONGEST[verb] + HOUR))


def test_an_order_from_a_clock_that_is_ahead_is_refused() -> None:
    ahead = 400 + AHEAD.total_seconds() + 1
    assert "yet to come" in steady().refusal(400, told(Verb.DRAIN, "ix-a", at=ahead))


def test_past_the_bound_orders_wait_and_a_freeze_does_not() -> None:
    story = steady()
    for number in range(ORDERS_KEPT):
        story.obeyed(400 + number, told(Verb.DRAIN, "ix-a", at=400 + number, key=str(number)))
    full = 400 + ORDERS_KEPT
    assert "order it again after" in story.refusal(full, told(Verb.UNDRAIN, "ix-a", at=full, key="one more"))
    frozen = story.obeyed(full, told(Verb.FREEZE, at=full, key="a freeze"))
    assert frozen.freeze is not None
    assert len(frozen.orders) == ORDERS_KEPT


def test_a_link_that_is_drained_for_an_outage_is_held_off_by_an_order_when_it_heals() -> None:
    story = steady()
    story.note(*aws_probe("ix-a", Health.DOWN, 400), *gcp_probe("ix-a", Health.DOWN, 400))
    outage = story.decided(401).links[IX_A].drain
    assert outage is not None
    held = story.obeyed(402, told(Verb.DRAIN, "ix-a", at=402, lasts=HOUR)).links[IX_A].drain
    assert held is not None
    assert (held.since, held.epoch, held.cause) == (outage.since, outage.epoch, DrainCause.ORDER)
    for at in range(500, 3900, 100):
        story.swept(at)
    assert story.plan.links[IX_A].drain is not None
    story.swept(4100)
    assert story.plan.links[IX_A].drain is None


def test_a_drain_for_an_outage_is_not_ended_by_an_order() -> None:
    story = steady()
    story.note(*aws_probe("ix-a", Health.DOWN, 400), *gcp_probe("ix-a", Health.DOWN, 400))
    story.decided(401)
    assert "drained for outage and not by an order" in story.refusal(402, told(Verb.UNDRAIN, "ix-a", at=402))


def test_an_ordered_drain_that_is_taken_back_waits_for_the_hold_down_between_two_moves() -> None:
    story = steady()
    story.obeyed(400, told(Verb.DRAIN, "ix-a"))
    story.swept(405)
    story.obeyed(410, told(Verb.UNDRAIN, "ix-a", at=410, key="back"))
    story.swept(420, 699)
    assert story.plan.links[IX_A].drain is not None
    story.swept(701)
    assert story.plan.links[IX_A].drain is None
    assert story.on("checkout") == "ix-a"


def test_links_that_are_not_seen_up_do_not_count_as_another_way() -> None:
    story = Ordered()
    for at in (0, 100):
        story.note(*healthy("ix-a", at))
        story.decided(at)
    assert "no other link between its sites is seen up" in story.refusal(101, told(Verb.DRAIN, "ix-a", at=101))


def test_a_frozen_plan_takes_no_order_but_a_freeze_a_thaw_and_a_denial() -> None:
    story = steady()
    story.obeyed(400, told(Verb.FREEZE))
    for verb, target in ((Verb.DRAIN, "ix-a"), (Verb.UNDRAIN, "ix-a"), (Verb.PIN, "checkout>ix-b"), (Verb.APPROVE, "0" * 16)):
        assert "thaw first" in story.refusal(401, told(verb, target, at=401, key=verb))
    assert story.obeyed(402, told(Verb.THAW, at=402, key="thaw")).freeze is None


@pytest.mark.parametrize(("cloud", "state"), [(Cloud.AWS, FlagState.SET), (Cloud.GCP, FlagState.SET), (Cloud.GCP, FlagState.UNREADABLE)])
def test_a_flag_stops_orders_as_the_plans_freeze_does(cloud: Cloud, state: FlagState) -> None:
    story = steady()
    story.flags[cloud] = state
    assert "thaw first" in story.refusal(400, told(Verb.DRAIN, "ix-a"))


def test_a_thaw_of_what_is_not_frozen_leaves_the_plan_as_it_is() -> None:
    story = steady()
    before = story.plan
    assert story.obeyed(400, told(Verb.THAW)) is before


def test_a_freeze_does_not_end_on_a_time_that_is_not_trusted() -> None:
    story = steady()
    story.obeyed(400, told(Verb.FREEZE, lasts=timedelta(minutes=1)))
    story.clock_trusted = False
    assert story.swept(461).plan.freeze is not None
    story.clock_trusted = True
    assert story.swept(462).plan.freeze is None


def test_a_drain_is_refused_that_would_take_what_a_flow_has_left_whose_own_link_fails_just_now() -> None:
    start = fabric(*fabric().links, flows=(replace(CHECKOUT, prefer=(IX_A, IX_B)),))
    story = Ordered(start).swept(0, 100, 200, 300, 399)
    story.note(*aws_probe("ix-a", Health.DOWN, 400), *gcp_probe("ix-a", Health.DOWN, 400))
    judged = judge(start, replace(story.view(), orders=(told(Verb.DRAIN, "ix-b"),)), story.plan, START + seconds(401))
    assert judged.refused == {"k": "ix-b is not drained: no other link that checkout may use is seen up"}


def test_a_freeze_ends_with_the_decision_after_its_end() -> None:
    story = steady()
    story.obeyed(400, told(Verb.FREEZE, lasts=timedelta(seconds=60)))
    assert story.plan.freeze == Freeze(author="operator", reason="fibre works", since=START + seconds(400), until=START + seconds(460))
    story.note(*aws_probe("ix-a", Health.DOWN, 450), *gcp_probe("ix-a", Health.DOWN, 450))
    assert story.decided(455).links[IX_A].drain is None
    after = story.decided(461)
    assert after.freeze is None
    assert after.links[IX_A].drain is not None


def test_the_reason_of_an_order_stands_in_its_plan() -> None:
    plan = steady().obeyed(400, told(Verb.DRAIN, "ix-a"))
    assert ("order drain ix-a", "drain", "ordered by operator: fibre works") in {
        (one.about, one.chosen, one.because) for one in plan.reasons
    }


def test_a_long_reason_is_cut_and_the_plan_stays_small() -> None:
    story = steady()
    plan = story.obeyed(400, replace(told(Verb.DRAIN, "ix-a"), reason="because " * 100))
    drain = plan.links[IX_A].drain
    assert drain is not None
    assert len(drain.by) < 250
    assert plan.decider == DECIDER


def lost() -> Ordered:
    """A link with a failover test of its own, drained because its packets are lost while BGP is up."""
    story = steady()
    story.note(*aws_bgp("ix-a", Health.UP, 400), *gcp_bgp("ix-a", Health.UP, 400))
    story.note(*aws_probe("ix-a", Health.DOWN, 400), *gcp_probe("ix-a", Health.DOWN, 400))
    story.decided(401)
    return story


def test_a_person_may_pin_where_all_but_the_levers_call_for_it() -> None:
    story = lost()
    assert story.plan.pins == ()
    (pin,) = story.obeyed(402, told(Verb.PIN, "checkout>ix-b", at=402)).pins
    assert (pin.owner, pin.expires_at) == ("operator", START + seconds(402) + LASTING[Verb.PIN])
    story.note(*healthy("ix-b", 450))
    assert story.decided(451).pins == (pin,)


def test_an_ordered_pin_goes_when_its_time_is_over_or_its_target_sickens() -> None:
    story = lost()
    story.obeyed(402, told(Verb.PIN, "checkout>ix-b", at=402, lasts=timedelta(seconds=60)))
    kept = story.plan
    story.note(*aws_bgp("ix-b", Health.DOWN, 410, cause=Cause.LINK_DOWN), *gcp_bgp("ix-b", Health.DOWN, 410))
    assert story.decided(411).links[IX_B].verdict is Verdict.DOWN
    assert story.plan.pins == ()
    other = lost()
    other.plan = kept
    other.note(*healthy("ix-b", 460))
    assert other.decided(463).pins == ()


def test_a_pin_that_is_refused_leaves_the_one_that_stands_and_one_that_is_taken_replaces_it() -> None:
    story = lost()
    (first,) = story.obeyed(402, told(Verb.PIN, "checkout>ix-b", at=402)).pins
    assert "would part its directions" in story.refusal(402, told(Verb.PIN, "checkout>ix-a", at=402, key="wrong"))
    (second,) = story.obeyed(403, told(Verb.PIN, "checkout>ix-b", at=403, key="longer", lasts=9 * HOUR)).pins
    assert second.expires_at > first.expires_at


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("training>ix-c", "declares no aws_prefix_list"),
        ("checkout>vpn", "is placed on ix-b: a pin to vpn would part its directions"),
        ("checkout>nowhere", "there is no link nowhere: name one of ix-a, "),
        ("checkout>IX-B", "there is no link IX-B: did you mean ix-b?"),
        ("nope>ix-b", "there is no flow nope: name one of checkout, "),
        ("ix-b", "write it as FLOW>LINK"),
    ],
)
def test_a_pin_that_could_do_harm_is_refused(target: str, why: str) -> None:
    assert why in lost().refusal(402, told(Verb.PIN, target, at=402))


def test_a_flag_reads_back_what_was_noted_and_ends_five_minutes_after_its_end() -> None:
    until = START + HOUR
    text = f"frozen {note_of(until, 'operator: fibre works')}"
    assert text == "frozen until 2026-11-20T13:00:00Z by operator: fibre works"
    assert state_of(text, until + SLACK - seconds(1)) is FlagState.SET
    assert state_of(text, until + SLACK) is FlagState.CLEAR
    assert state_of(text, None) is FlagState.SET


@pytest.mark.parametrize("text", ["", "frozen", "true", "frozen until tomorrow", "frozen until 2026-99-20T13:00:00Z by x", "clearly not"])
def test_a_flag_that_names_no_end_freezes(text: str) -> None:
    assert state_of(text, START + 9 * HOUR) is FlagState.SET


def test_an_ordered_drain_of_a_fabric_without_policies_is_begun_by_aws() -> None:
    links = (replace(one, gcp=replace(one.gcp, import_policy=None, export_policy=None)) for one in fabric().links[:3])
    bare = fabric(*links, flows=(replace(CHECKOUT, prefer=(IX_A, IX_B)),))
    story = Ordered(bare)
    for at in (0, 100, 200, 300, 399):
        story.swept(at)
    drain = story.obeyed(400, told(Verb.DRAIN, "ix-c")).links[LinkName("ix-c")].drain
    assert drain is not None
    assert drain.enactor is Cloud.AWS


def test_of_a_drain_that_was_ended_at_once_it_is_told_what_its_return_waits_for() -> None:
    story = steady()
    story.obeyed(400, told(Verb.DRAIN, "ix-a", lasts=HOUR))
    story.obeyed(401, told(Verb.UNDRAIN, "ix-a", at=401, key="u"))
    scene = Scene(fabric=story.fabric, plan=story.plan, view=story.view(), now=START + seconds(402))
    assert "a hold-down between its two moves, until 2026-11-20T12:11:40Z" in link_story(scene, story.fabric.link("ix-a"), None).fail_back


@pytest.mark.parametrize(("first", "second", "whose"), [(4, 1, "kim"), (1, 4, "lee")])
def test_of_two_persons_drains_of_a_link_the_one_that_lasts_longer_holds(first: int, second: int, whose: str) -> None:
    story = steady()
    story.obeyed(400, told(Verb.DRAIN, "ix-a", key="1", lasts=first * HOUR, author="kim"))
    plan = story.obeyed(401, told(Verb.DRAIN, "ix-a", at=401, key="2", lasts=second * HOUR, author="lee"))
    drain = plan.links[IX_A].drain
    assert drain is not None
    assert (drain.by, drain.until) == (f"{whose}: fibre works", START + seconds(400 if whose == "kim" else 401) + 4 * HOUR)
    because = next(one.because for one in plan.reasons if one.about == "order drain ix-a")
    longer = "; it holds until 2026-11-20T16:06:40Z, as ordered by kim: fibre works" if whose == "kim" else ""
    assert because == f"ordered by lee: fibre works{longer}"


@pytest.mark.parametrize(("first", "second", "whose"), [(4, 1, "kim"), (1, 4, "lee")])
def test_of_two_persons_freezes_the_one_that_lasts_longer_holds(first: int, second: int, whose: str) -> None:
    story = steady()
    story.obeyed(400, told(Verb.FREEZE, key="1", lasts=first * HOUR, author="kim"))
    plan = story.obeyed(401, told(Verb.FREEZE, at=401, key="2", lasts=second * HOUR, author="lee"))
    assert plan.freeze is not None
    assert plan.freeze.author == whose
    because = next(one.because for one in plan.reasons if one.about == "order freeze")
    longer = "; it holds until 2026-11-20T16:06:40Z, as kim ordered: fibre works" if whose == "kim" else ""
    assert because == f"ordered by lee: fibre works{longer}"
    assert story.obeyed(402, told(Verb.THAW, at=402, key="3")).freeze is None
