"""When a static override is planned, when it is not, and when it goes again."""

from datetime import timedelta

import pytest

from pointsman.core.fabric import AwsEnd, AwsMember, Cloud, Fabric, FlowName, GcpEnd, Link, LinkName
from pointsman.core.pins import OWNER, PIN_LIFE, acknowledged
from pointsman.core.plan import Drain, DrainCause, FlagState, Pin, Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Source, Vantage
from pointsman.core.values import replace
from tests.core.scene import (
    CHECKOUT,
    START,
    TRAINING,
    G,
    Story,
    aws_bgp,
    aws_probe,
    claim,
    fabric,
    flow,
    gcp_bgp,
    gcp_probe,
    healthy,
    lever,
    link,
    seconds,
    vpn,
)

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")


def stuck(one: Link, *, policies: bool = False) -> Link:
    """Take from a link the virtual interface (and the route policies) that a lever riding BGP would need."""
    members = tuple(replace(member, aws=AwsMember()) for member in one.members)
    return replace(one, members=members, gcp=one.gcp if policies else GcpEnd(vlan_attachment=one.gcp.vlan_attachment))


def scene(left: Link, target: Link | None = None) -> Fabric:
    return fabric(left, target or link("ix-b", 5 * G), link("ix-c", 10 * G), vpn())


def grey(story: Story, at: float, name: str = "ix-a") -> Story:
    return story.note(*aws_probe(name, Health.DOWN, at), *gcp_probe(name, Health.DOWN, at))


def left_at_11(start: Fabric) -> Story:
    """Tell of a fabric in good order whose link ix-a loses packets, with BGP up, from second 10 on."""
    story = Story(start).all_healthy(0)
    story.decided(1)
    grey(story, 10).decided(11)
    assert (story.on("checkout"), story.plan.links[IX_A].verdict) == ("ix-b", Verdict.DOWN)
    return story


def pinned() -> Story:
    story = left_at_11(scene(stuck(link("ix-a", 10 * G))))
    assert story.plan.pins
    return story


def test_a_flow_that_left_a_broken_link_with_bgp_up_and_no_lever_is_pinned_with_owner_reason_and_expiry() -> None:
    assert pinned().plan.pins == (
        Pin(
            flow=FlowName("checkout"),
            link=IX_B,
            owner=OWNER,
            reason="ix-a is broken while its BGP is up",
            expires_at=START + seconds(11) + PIN_LIFE,
        ),
    )


def test_nothing_is_pinned_when_bgp_has_left_the_broken_link_by_itself() -> None:
    story = Story(scene(stuck(link("ix-a", 10 * G)))).all_healthy(0)
    story.decided(1)
    grey(story.note(*gcp_bgp("ix-a", Health.DOWN, 10)), 10).decided(11)
    assert (story.on("checkout"), story.plan.pins) == ("ix-b", ())


def test_nothing_is_pinned_when_the_broken_links_bgp_was_last_seen_up_too_long_ago() -> None:
    story = Story(scene(stuck(link("ix-a", 10 * G)))).all_healthy(0)
    story.decided(1)
    for name in ("ix-b", "ix-c", "vpn"):
        story.note(*healthy(name, 200))
    story.note(claim(Vantage.GCP, "vlan/vlan-1", Health.UP, 200, aspect=Aspect.LINK))
    grey(story, 200).decided(201)
    assert (story.on("checkout"), story.plan.pins) == ("ix-b", ())


def test_nothing_is_pinned_off_a_link_whose_virtual_interface_can_be_drained() -> None:
    left = replace(link("ix-a", 10 * G), gcp=GcpEnd(vlan_attachment="vlan-1"))
    story = left_at_11(scene(left))
    assert grey(story, 60).outcome(61) is story.plan
    assert story.plan.pins == ()


@pytest.mark.parametrize("half", [GcpEnd(import_policy="from-ix-a"), GcpEnd(export_policy="to-ix-a")])
def test_half_a_pair_of_route_policies_is_no_lever(half: GcpEnd) -> None:
    left = replace(stuck(link("ix-a", 10 * G)), gcp=half)
    assert [pin.link for pin in left_at_11(scene(left)).plan.pins] == ["ix-b"]


def test_route_policies_are_given_until_take_over_before_anything_is_pinned() -> None:
    story = left_at_11(scene(stuck(link("ix-a", 10 * G), policies=True)))
    assert story.plan.pins == ()
    assert story.outcome(40.9) is story.plan
    assert [pin.flow for pin in story.decided(41).pins] == ["checkout"]


def test_route_policies_that_google_found_set_need_no_pin() -> None:
    story = left_at_11(scene(stuck(link("ix-a", 10 * G), policies=True)))
    story.note(*lever("ix-a", Health.DRAINING, 20, story.plan.epoch))
    assert story.outcome(100) is story.plan
    assert story.plan.pins == ()


def drain(epoch: int) -> Drain:
    return Drain(cause=DrainCause.OUTAGE, since=START, epoch=epoch, enactor=Cloud.GCP)


@pytest.mark.parametrize(
    ("vantage", "health", "epoch", "counts"),
    [
        (Vantage.GCP, Health.DRAINING, 2, True),
        (Vantage.GCP, Health.DRAINING, 3, True),
        (Vantage.GCP, Health.DRAINING, 1, False),
        (Vantage.GCP, Health.UP, 2, False),
        (Vantage.AWS, Health.DRAINING, 2, False),
    ],
)
def test_only_googles_own_row_of_this_drain_or_a_later_one_acknowledges(vantage: Vantage, health: Health, epoch: int, counts: bool) -> None:  # noqa: FBT001
    rows = lever("ix-a", health, 5, epoch, vantage)
    assert acknowledged(rows, Cloud.GCP, IX_A, drain(2)) is counts
    assert not acknowledged(rows, Cloud.GCP, IX_B, drain(2))


def test_nothing_is_pinned_to_a_target_without_fresh_forwarding_evidence() -> None:
    story = Story(scene(stuck(link("ix-a", 10 * G)))).all_healthy(0)
    story.decided(1)
    for name in ("ix-a", "ix-b", "ix-c"):
        story.note(*aws_bgp(name, Health.UP, 200), *gcp_bgp(name, Health.UP, 200))
    grey(story, 200).decided(201)
    assert (story.on("checkout"), story.plan.links[IX_B].verdict, story.plan.pins) == ("ix-b", Verdict.UP, ())
    assert refused(story) == {"pin to ix-b": "no fresh forwarding evidence shows ix-b passing packets"}


def test_nothing_is_pinned_to_the_link_that_bgp_chooses_by_itself() -> None:
    story = Story(fabric(link("ix-a", 10 * G), stuck(link("ix-b", 5 * G)), link("ix-c", 10 * G), vpn())).all_healthy(0)
    story.decided(1)
    grey(story, 10, "ix-b").decided(11)
    assert story.plan.links[IX_B].drain is not None
    assert (story.on("checkout"), story.plan.pins) == ("ix-a", ())


@pytest.mark.parametrize(
    ("capacity", "attachments", "pins"),
    [
        (5 * G, ("tgw-attach-2",), 1),
        (5 * G, (), 0),
        (2 * G, ("tgw-attach-21", "tgw-attach-22"), 1),
        (2 * G - 2, ("tgw-attach-21", "tgw-attach-22"), 0),
    ],
)
def test_one_attachment_of_the_target_has_to_carry_the_flow(capacity: int, attachments: tuple[str, ...], pins: int) -> None:
    target = replace(link("ix-b", capacity), aws=AwsEnd(attachments=attachments))
    assert len(left_at_11(scene(stuck(link("ix-a", 10 * G)), target)).plan.pins) == pins


def refused(story: Story, name: str = "checkout") -> dict[str, str]:
    reason = next(one for one in story.plan.reasons if one.about == name)
    return {option: why for option, why in reason.refused.items() if option.startswith("pin")}


@pytest.mark.parametrize(
    ("capacity", "attachments", "why"),
    [
        (G // 2, ("tgw-attach-2",), "its attachment has room for 500000000 of 1000000000 bit/s"),
        (G, ("tgw-attach-21", "tgw-attach-22"), "one of its 2 attachments has room for 500000000 of 1000000000 bit/s"),
        (5 * G, (), "ix-b declares no attachment to pin to"),
    ],
)
def test_a_pin_to_an_attachment_too_small_for_the_flow_is_a_refused_option_with_the_reason(
    capacity: int, attachments: tuple[str, ...], why: str
) -> None:
    target = replace(link("ix-b", capacity), aws=AwsEnd(attachments=attachments))
    story = left_at_11(fabric(stuck(link("ix-a", 10 * G)), target, flows=(replace(CHECKOUT, prefer=(IX_A, IX_B)),)))
    assert (story.plan.pins, refused(story)) == ((), {"pin to ix-b": why})


def test_a_pin_that_google_may_still_make_needless_is_refused_at_once_when_it_would_not_fit() -> None:
    target = replace(link("ix-b", G // 2))
    story = left_at_11(fabric(stuck(link("ix-a", 10 * G), policies=True), target, flows=(replace(CHECKOUT, prefer=(IX_A, IX_B)),)))
    assert list(refused(story)) == ["pin to ix-b"]
    assert grey(story, 60).outcome(61) is story.plan


def test_what_is_pinned_or_never_in_question_of_a_pin_refuses_none() -> None:
    assert refused(pinned()) == {}
    assert refused(left_at_11(scene(link("ix-a", 10 * G)))) == {}


def test_flows_pinned_to_one_attachment_of_several_have_to_fit_on_it_together() -> None:
    target = replace(link("ix-b", 3 * G), aws=AwsEnd(attachments=("tgw-attach-21", "tgw-attach-22")))
    ledger = flow("ledger", G, 2, ("ix-a", "ix-b"), 22, pin=True)
    start = fabric(stuck(link("ix-a", 10 * G)), target, vpn(), flows=(ledger, CHECKOUT))
    story = left_at_11(start)
    assert story.on("ledger") == "ix-b"
    assert [pin.flow for pin in story.plan.pins] == ["checkout"]


def test_flows_pinned_to_a_single_attachment_stay_together_also_when_it_is_squeezed() -> None:
    ledger = flow("ledger", G, 2, ("ix-a", "ix-b"), 22, pin=True)
    checkout = replace(CHECKOUT, prefer=(IX_A, IX_B))
    story = left_at_11(fabric(stuck(link("ix-a", 10 * G)), link("ix-b", G * 3 // 2), flows=(ledger, checkout)))
    assert [(pin.flow, pin.link) for pin in story.plan.pins] == [("checkout", "ix-b"), ("ledger", "ix-b")]


def test_a_pin_to_one_link_takes_no_room_on_another() -> None:
    two = AwsEnd(attachments=("tgw-attach-21", "tgw-attach-22"))
    ledger = flow("ledger", G, 2, ("ix-a", "ix-c"), 22, pin=True)
    targets = (replace(link("ix-b", 2 * G), aws=two), replace(link("ix-c", 2 * G), aws=two))
    story = left_at_11(fabric(stuck(link("ix-a", 10 * G)), *targets, vpn(), flows=(CHECKOUT, ledger)))
    assert [(pin.flow, pin.link) for pin in story.plan.pins] == [("checkout", "ix-b"), ("ledger", "ix-c")]


def test_a_flow_that_declares_no_prefix_list_is_never_pinned() -> None:
    bare = flow("checkout", G, 1, ("ix-a", "ix-b"), 20)
    start = scene(stuck(link("ix-a", 10 * G)))
    assert left_at_11(replace(start, flows=(bare, TRAINING))).plan.pins == ()


def test_a_pin_goes_as_soon_as_somebody_doubts_its_target() -> None:
    story = pinned().note(*aws_bgp("ix-b", Health.DOWN, 20))
    plan = story.decided(21)
    assert (plan.links[IX_B].verdict, story.on("checkout"), plan.pins) == (Verdict.SUSPECT, "ix-b", ())


def test_a_pin_follows_its_flow_when_the_target_goes_down() -> None:
    backup = replace(vpn(), aws=AwsEnd(attachments=("tgw-attach-31",)))
    story = left_at_11(fabric(stuck(link("ix-a", 10 * G)), link("ix-b", 5 * G), link("ix-c", 10 * G), backup))
    lost = (*gcp_bgp("ix-b", Health.DOWN, 20, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN), *aws_bgp("ix-b", Health.DOWN, 20))
    plan = story.note(*lost).decided(21)
    assert plan.links[IX_B].verdict is Verdict.DOWN
    assert [(pin.flow, pin.link) for pin in plan.pins] == [("checkout", "vpn")]


def test_a_pin_goes_when_the_drain_it_stood_in_for_ends() -> None:
    story = pinned().all_healthy(20)
    story.decided(21)
    assert story.plan.pins
    story.all_healthy(321).decided(322)
    assert (story.on("checkout"), story.plan.links[IX_A].drain, story.plan.pins) == ("ix-a", None, ())


def test_a_pin_goes_when_google_acknowledges_the_drain_after_all() -> None:
    story = left_at_11(scene(stuck(link("ix-a", 10 * G), policies=True)))
    assert story.decided(41).pins
    story.note(*lever("ix-a", Health.DRAINING, 45, 2))
    assert story.decided(46).pins == ()


def again(story: Story, at: float) -> Story:
    """Look again, and find everything as it was."""
    return grey(story.all_healthy(at), at + 1)


def test_a_standing_pin_keeps_its_expiry_until_it_is_over_and_is_then_decided_anew() -> None:
    story = pinned()
    first = story.plan.pins[0]
    last = (first.expires_at - START - timedelta(seconds=1)).total_seconds()
    again(story, last - 5).decided(last)
    assert story.plan.pins == (first,)
    renewed = story.decided(last + 1).pins
    assert renewed == (replace(first, expires_at=first.expires_at + PIN_LIFE),)


def test_an_expired_pin_whose_target_is_not_seen_to_pass_is_not_renewed() -> None:
    story = pinned()
    after = PIN_LIFE.total_seconds() + 12
    story.note(*aws_bgp("ix-a", Health.UP, after), *gcp_bgp("ix-a", Health.UP, after))
    story.note(*aws_bgp("ix-b", Health.UP, after), *gcp_bgp("ix-b", Health.UP, after))
    assert grey(story, after).decided(after + 1).pins == ()


def test_a_freeze_begins_no_pin_and_lets_one_end() -> None:
    story = left_at_11(scene(stuck(link("ix-a", 10 * G), policies=True)))
    story.flags = dict.fromkeys(Cloud, FlagState.SET)
    again(story, 45).decided(46)
    assert story.plan.pins == ()
    story.flags = dict.fromkeys(Cloud, FlagState.CLEAR)
    again(story, 50).decided(51)
    assert story.plan.pins
    story.flags = dict.fromkeys(Cloud, FlagState.SET)
    grey(story, 60, "ix-b").decided(61)
    assert story.plan.pins == ()
