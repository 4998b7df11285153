"""Windows beside everything else: who is asked, what an outage within one is, which members it takes, and what levers do."""

from datetime import timedelta

import pytest

from pointsman.core.adopting import adopted
from pointsman.core.decide import decide
from pointsman.core.fabric import Bandwidth, Cloud, Fabric, GcpEnd, MaintenancePolicy, MemberId, Mode, Policy
from pointsman.core.incidents import Phase, Severity
from pointsman.core.outbox import follow, severity_of
from pointsman.core.plan import DrainCause, FlagState, Maintenance, Plan, Verdict
from pointsman.core.sightings import Health, Order, Source, Vantage, Verb
from pointsman.core.steering import FailoverTest
from pointsman.core.values import canonical, replace
from pointsman.core.wants import wanted
from pointsman.core.windows import excuses
from tests.core.days import FLOWS, HOLD, HOUR, IX_A, IX_B, LEAD, ROOMY, STEP, VPN, Days, notice
from tests.core.scene import (
    START,
    G,
    aws_probe,
    fabric,
    flow,
    gcp_probe,
    link,
    seconds,
    vpn,
)

# What makes a person decide


def lonely() -> Fabric:
    """A flow that may use one link alone."""
    return fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", G, 1, ("ix-a",), 20),))


def test_a_window_on_the_last_healthy_path_asks_a_person_with_one_incident_and_moves_nothing() -> None:
    story = Days(lonely()).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR)
    asked = story.state()
    assert asked.maintenance is not None
    assert asked.maintenance.ask == "checkout has no other open link"
    assert (asked.drain, story.on("checkout")) == (None, "ix-a")
    epoch = asked.down_since_epoch
    assert epoch is not None
    incident = follow(story.fabric, story.plan, IX_A, epoch, None)
    assert incident.severity is Severity.ERROR
    assert "a person must decide" in incident.timeline[0].text
    story.until(3 * HOUR - STEP)
    assert story.state().down_since_epoch == epoch, "one incident, however often it is looked at"
    story.until(3 * HOUR + STEP)
    assert story.state().down_since_epoch is None
    assert follow(story.fabric, story.plan, IX_A, epoch, incident).phase is Phase.RESOLVED


def test_an_outage_of_a_link_that_a_person_was_asked_about_is_the_same_incident() -> None:
    story = Days(lonely()).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR)
    epoch = story.state().down_since_epoch
    story.away = {"ix-a"}
    story.go(10 * STEP)
    assert (story.state().verdict, story.state().down_since_epoch) == (Verdict.DOWN, epoch)
    assert severity_of(story.fabric, story.plan, IX_A) is Severity.CRITICAL


def test_a_move_that_would_squeeze_a_flow_asks_a_person() -> None:
    tight = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=FLOWS)
    story = Days(tight).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR)
    assert story.state().drain is None
    assert story.state().maintenance is not None
    assert "squeezes training by" in (story.state().maintenance or Maintenance(start=START, until=START)).ask


def test_two_links_with_windows_at_one_time_are_not_both_left() -> None:
    two = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=FLOWS)
    story = Days(two).announce(notice(2 * HOUR, 3 * HOUR), notice(2 * HOUR, 3 * HOUR, members=("dxvif-2",)))
    story.until(2 * HOUR)
    drained = [name for name, state in story.plan.links.items() if state.drain]
    assert len(drained) <= 1
    assert any(state.maintenance and state.maintenance.ask for state in story.plan.links.values())


def test_two_links_with_windows_at_one_time_are_left_one_after_the_other() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR), notice(2 * HOUR, 3 * HOUR, members=("dxvif-5",)))
    story.until(2 * HOUR)
    drains = {name: state.drain for name, state in story.plan.links.items() if state.drain is not None}
    assert sorted(drains) == ["ix-a", "ix-c"]
    first, second = sorted(drain.since for drain in drains.values())
    assert second - first >= ROOMY.policy.hold_down


def test_a_link_is_not_left_for_one_that_has_not_been_good_for_the_hold_down() -> None:
    two = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=FLOWS)
    story = Days(two).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD - 5 * STEP)
    story.ill = {"ix-b"}
    story.until(2 * HOUR - LEAD - STEP)
    story.ill = set()
    story.until(2 * HOUR - LEAD + 2 * STEP)
    assert (story.state().drain, story.state(IX_B).drain, story.state(IX_B).verdict) == (None, None, Verdict.UP)
    assert story.state().maintenance is not None
    story.until(2 * HOUR)
    assert story.cause is DrainCause.MAINTENANCE


@pytest.mark.parametrize(("mode", "ask"), [(Mode.OBSERVE, ""), (Mode.RECOMMEND, "it is in mode recommend")])
def test_a_link_that_is_not_ours_to_steer_is_not_left_and_one_in_mode_recommend_waits_for_a_word(mode: Mode, ask: str) -> None:
    watched = fabric(link("ix-a", 10 * G, mode=mode), link("ix-b", 10 * G), flows=FLOWS)
    story = Days(watched).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR)
    window = story.state().maintenance
    assert window is not None
    assert (window.ask, story.state().drain) == (ask, None)
    assert (story.plan.proposal is not None) == bool(ask)


@pytest.mark.parametrize("untrusted", [True, False])
def test_nothing_is_left_at_discretion_once_the_budget_is_used_up_or_the_time_is_not_trusted(untrusted: bool) -> None:  # noqa: FBT001
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD - STEP)
    moves = tuple(START + seconds(story.now - 600 - number) for number in range(ROOMY.policy.epochs_per_hour))
    story.clock_trusted = not untrusted
    story.plan = story.plan if untrusted else replace(story.plan, moves=moves)
    story.go(2 * STEP)
    assert story.state().drain is None


def test_a_freeze_moves_nothing_and_the_suppression_still_ends() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.flags = {Cloud.AWS: FlagState.SET, Cloud.GCP: FlagState.CLEAR}
    story.until(2 * HOUR)
    assert (story.state().drain, story.on("checkout")) == (None, "ix-a")
    story.until(3 * HOUR + STEP)
    assert story.state().maintenance is None


# Outages beside and within


def test_an_outage_within_the_window_opens_an_incident_that_pages_nobody_until_the_window_is_over() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR)
    story.away = {"ix-a"}
    story.go(2 * STEP)
    epoch = story.state().down_since_epoch
    assert epoch is not None
    incident = follow(story.fabric, story.plan, IX_A, epoch, None)
    assert (incident.severity, incident.outbox) == (Severity.INFO, ())
    assert "within its maintenance" in incident.timeline[0].text
    story.until(3 * HOUR + STEP)
    assert severity_of(story.fabric, story.plan, IX_A) is Severity.INFO, "time to converge"
    story.until(3 * HOUR + 4 * STEP)
    assert story.cause is DrainCause.OUTAGE, "what is still down when its window is over is an outage"
    late = follow(story.fabric, story.plan, IX_A, epoch, incident)
    assert late.severity is Severity.WARNING
    assert [letter.ask for letter in late.outbox] == ["open"]


def test_a_flow_that_has_no_other_link_left_is_let_back_on_a_drained_link_that_is_still_good() -> None:
    two = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=FLOWS)
    story = Days(two).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - 300)
    assert story.on("checkout") == "ix-b"
    story.away = {"ix-b"}
    story.go(2 * STEP)
    assert story.on("checkout") == "ix-a"
    story.go(5 * STEP)
    assert story.state().maintenance is not None
    assert (story.state().maintenance or Maintenance(start=START, until=START)).ask == "no other link between its sites is seen up"


def test_a_link_that_heals_within_its_window_is_not_returned_to_before_it_ends() -> None:
    story = Days()
    story.until(HOUR)
    story.away = {"ix-a"}
    story.go(3 * STEP)
    assert story.cause is DrainCause.OUTAGE
    story.announce(notice(HOUR + 600, 2 * HOUR, seen=story.now))
    story.away = set()
    story.until(2 * HOUR - STEP)
    assert story.cause is DrainCause.OUTAGE
    story.until(2 * HOUR + HOLD)
    assert story.cause is None


def test_a_routers_own_maintenance_drains_nothing_and_is_told_in_words() -> None:
    story = Days()
    story.until(HOUR)
    restart = notice(None, None, members=("router/77",), seen=HOUR, vantage=Vantage.GCP)
    story.announce(restart)
    story.away = {"ix-a"}
    story.go(STEP)
    assert [name for name, state in story.plan.links.items() if state.drain] == ["ix-a"], "only for the outage"
    because = next(reason.because for reason in story.plan.reasons if reason.about == "ix-a")
    assert "gcp told of maintenance at" in because
    assert severity_of(story.fabric, story.plan, IX_A) is not Severity.INFO
    again = notice(None, None, members=("router/77",), seen=story.now, vantage=Vantage.AWS, about="another")
    told = [row for row in story.announce(again).rows.values() if row.window is not None]
    now = START + seconds(story.now)
    assert len(told) > 1
    assert excuses(story.fabric, IX_A, told, now) in because, "the first of several"
    assert excuses(story.fabric, IX_A, told[::-1], now) == excuses(story.fabric, IX_A, told, now)


# Members


def test_a_window_on_one_tunnel_takes_its_share_and_drains_nothing() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR, members=("vpn-1:35.0.0.1",)))
    story.until(2 * HOUR)
    state = story.state(VPN)
    assert state.maintenance is not None
    assert (state.maintenance.away, state.drain) == ((MemberId("t1"),), None)
    assert state.usable == 5 * G * 3 // 4
    story.until(3 * HOUR + STEP)
    assert (story.state(VPN).usable, story.state(VPN).maintenance) == (None, None)


def test_windows_on_all_tunnels_leave_the_link_only_while_they_overlap() -> None:
    early, late = ("vpn-1:35.0.0.1", "vpn-1:35.0.0.2"), ("vpn-2:35.0.0.3", "vpn-2:35.0.0.4")
    story = Days().announce(notice(2 * HOUR, 4 * HOUR, members=early), notice(3 * HOUR, 5 * HOUR, members=late))
    story.until(2.5 * HOUR)
    assert story.state(VPN).drain is None
    story.until(3 * HOUR)
    assert story.state(VPN).drain is not None
    story.until(4 * HOUR + STEP)
    window = story.state(VPN).maintenance
    assert window is not None
    assert len(window.away) == 2


def test_a_connection_that_two_links_share_takes_both() -> None:
    shared = link("ix-b", 10 * G)
    member = replace(shared.members[0], aws=replace(shared.members[0].aws, connection="dxcon-1"))
    joined = fabric(link("ix-a", 10 * G), replace(shared, members=(member,)), link("ix-c", 20 * G), vpn())
    story = Days(joined).announce(notice(2 * HOUR, 3 * HOUR, members=("dxcon-1",)))
    story.until(2 * HOUR)
    assert story.state(IX_A).maintenance is not None
    assert story.state(IX_B).maintenance is not None


# Stores that are gone, views that are old


def test_a_window_is_believed_until_its_end_when_its_row_cannot_be_read_or_is_lost() -> None:
    for unreadable in ((Cloud.AWS,), ()):
        story = Days().announce(notice(2 * HOUR, 3 * HOUR))
        story.until(2 * HOUR)
        story.unreadable = unreadable
        story.rows = {key: row for key, row in story.rows.items() if row.window is None}
        story.until(3 * HOUR - STEP)
        assert story.cause is DrainCause.MAINTENANCE
        story.until(3 * HOUR + HOLD + 2 * STEP)
        assert story.cause is None


def test_an_older_version_of_a_row_undoes_nothing_that_was_agreed_from_a_newer() -> None:
    story = Days().announce(notice(5 * HOUR, 6 * HOUR, seen=1))
    old = dict(story.rows)
    story.until(HOUR)
    story.announce(notice(2 * HOUR, 3 * HOUR, seen=story.now))
    story.until(2 * HOUR)
    assert story.cause is DrainCause.MAINTENANCE
    story.rows |= {key: row for key, row in old.items() if row.window is not None}
    story.go(5 * STEP)
    assert story.cause is DrainCause.MAINTENANCE


def test_windows_leave_no_marks_and_what_is_announced_in_either_order_ends_alike() -> None:
    one, other = notice(2 * HOUR, 3 * HOUR, about="x"), notice(2.5 * HOUR, 4 * HOUR, about="y")
    ends = []
    for order in ((one, other), (other, one)):
        story = Days()
        for single in order:
            story.announce(single)
        story.until(2 * HOUR)
        ends.append(canonical(replace(story.plan, prev_digest="")))
    assert ends[0] == ends[1]


# Levers


def test_awss_own_drain_takes_over_for_a_window_and_rests_when_it_is_over() -> None:
    story = Days().announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - LEAD + STEP)
    now = START + seconds(story.now + 120)
    silent = tuple(row for row in story.view().rows if row.source is not Source.LEVER)

    def test_of(plan: Plan) -> bool:
        settings = wanted(story.fabric, plan, silent, Cloud.AWS, now)
        return next(one.running for one in settings if isinstance(one, FailoverTest) and one.link == IX_A)

    assert test_of(story.plan)
    over = replace(story.plan, links=story.plan.links | {IX_A: replace(story.state(), maintenance=None)})
    assert not test_of(over)


def test_a_lead_of_ones_own_is_kept() -> None:
    late = fabric(
        link("ix-a", 10 * G),
        link("ix-b", 10 * G),
        flows=FLOWS,
        policy=Policy(mode=Mode.AUTO, maintenance=MaintenancePolicy(lead=timedelta(minutes=2))),
    )
    story = Days(late).announce(notice(2 * HOUR, 3 * HOUR))
    story.until(2 * HOUR - 3 * STEP)
    assert story.state().drain is None
    story.until(2 * HOUR - STEP)
    assert story.cause is DrainCause.MAINTENANCE


# Together with outages and orders


def near(*modes: Mode, grouped: bool) -> Days:
    """Give a story in which ix-a is left for its window, and ix-b is the only other link its flow may use; ix-c is for nobody."""
    groups = ("metro",) if grouped else ()
    one, other = (replace(link(name, 10 * G, mode=mode), risk_groups=groups) for name, mode in zip(("ix-a", "ix-b"), modes, strict=True))
    story = Days(fabric(one, other, link("ix-c", 10 * G), flows=FLOWS[:1])).announce(notice(2 * HOUR, 5 * HOUR))
    story.until(2 * HOUR + STEP)
    assert (story.cause, story.on("checkout")) == (DrainCause.MAINTENANCE, "ix-b")
    return story


@pytest.mark.parametrize(("mode", "grouped"), [(Mode.AUTO, True), (Mode.AUTO, False), (Mode.OBSERVE, False)])
def test_a_link_that_a_flow_needs_within_its_window_is_let_back_and_not_left_again_at_once(mode: Mode, grouped: bool) -> None:  # noqa: FBT001 - named by the table
    story = near(Mode.AUTO, Mode.AUTO, grouped=grouped)
    story.fabric = replace(story.fabric, links=tuple(replace(one, mode=mode) if one.name == IX_B else one for one in story.fabric.links))
    story.away = {"ix-b"}
    epochs = {story.go(STEP).epoch for _ in range(10)}
    assert story.state().drain is None
    assert "checkout has no other open link" in story.state().maintenance.ask  # type: ignore[union-attr]
    assert len(epochs) <= 3
    assert mode is Mode.OBSERVE or story.on("checkout") == "ix-a"


def test_nobody_is_asked_any_more_about_a_link_that_a_person_drained() -> None:
    start = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=FLOWS)
    story = Days(start).announce(notice(2 * HOUR, 5 * HOUR))
    story.until(2 * HOUR + STEP)
    assert "squeezes" in story.state().maintenance.ask  # type: ignore[union-attr]
    now = START + seconds(story.now)
    drain = Order(key="k", verb=Verb.DRAIN, target="ix-a", author="kim", reason="so be it", seen_at=now)
    plan = decide(start, replace(story.view(), orders=(drain,)), story.plan, now)
    assert isinstance(plan, Plan)
    state = plan.links[IX_A]
    assert state.drain is not None
    assert (state.drain.cause, state.maintenance.ask) == (DrainCause.ORDER, "")  # type: ignore[union-attr]


def test_a_window_that_shrinks_to_some_members_asks_nobody() -> None:
    start = fabric(vpn(), link("ix-a", 2 * G), flows=(replace(FLOWS[1], prefer=(VPN, IX_A), min_mtu=1400, demand=Bandwidth(4 * G)),))
    story = Days(start).announce(notice(2 * HOUR, 5 * HOUR, members=("vpn-1", "vpn-2")))
    story.until(2 * HOUR)
    assert story.state(VPN).maintenance.ask  # type: ignore[union-attr]
    shrunk = notice(2 * HOUR, 5 * HOUR, members=("vpn-1",), seen=story.now, about="event of vpn-1 vpn-2")
    window = story.announce(shrunk).step().links[VPN].maintenance
    assert window is not None
    assert (window.away, window.ask) == (("t1", "t2"), "")


def test_a_window_on_members_that_the_next_fabric_lacks_leaves_a_link_what_it_has() -> None:
    start = fabric(link("ix-a", 10 * G), vpn(), flows=(replace(FLOWS[0], prefer=(IX_A, VPN)),))
    away = ("vpn-1:35.0.0.2", "vpn-2:35.0.0.3", "vpn-2:35.0.0.4")
    story = Days(start).announce(notice(2 * HOUR, 5 * HOUR, members=away))
    story.until(2 * HOUR)
    assert story.state(VPN).usable == 5 * G // 4
    smaller = replace(start, links=(start.links[0], replace(vpn(), members=vpn().members[:1])))
    story.plan = adopted(story.plan, smaller, START + seconds(story.now), author="kim", reason="one tunnel")
    story.fabric = smaller
    story.rows = {key: row for key, row in story.rows.items() if row.window is None}
    assert story.step().links[VPN].usable == 5 * G


def test_awss_own_drain_of_an_order_is_no_outage_before_a_look_tells_of_its_test() -> None:
    bare = replace(link("ix-a", 10 * G), gcp=GcpEnd(vlan_attachment="vlan-1"))
    story = Days(fabric(bare, link("ix-b", 10 * G), link("ix-c", 10 * G), flows=FLOWS))
    story.go(HOUR)
    now = START + seconds(story.now)
    drain = Order(key="k", verb=Verb.DRAIN, target="ix-a", author="kim", reason="works", seen_at=now)
    plan = decide(story.fabric, replace(story.view(), orders=(drain,)), story.plan, now)
    assert isinstance(plan, Plan)
    story.plan = plan
    story.note(*aws_probe("ix-a", Health.DOWN, story.now + 4), *gcp_probe("ix-a", Health.DOWN, story.now + 4))
    story.decided(story.now + 5)
    state = story.state()
    assert (state.verdict, state.down_since_epoch, state.penalty) == (Verdict.UNKNOWN, None, None)
