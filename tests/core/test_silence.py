"""What should speak and does not: told once as an incident of its own, ended when it speaks, and never a move of traffic."""

from datetime import timedelta

import pytest

from pointsman.core.adopting import adopted, heartbeats
from pointsman.core.changes import changes
from pointsman.core.decide import decide
from pointsman.core.fabric import Cloud
from pointsman.core.incidents import Ask, Phase, Severity
from pointsman.core.members import peer_key
from pointsman.core.outbox import follow, open_incidents, severity_of
from pointsman.core.plan import FlagState, Plan
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.silence import BEAT_EVERY, CLOSING_KEPT, EVENT_WITHIN, SILENT_AFTER, TOLD_FOR, beats_due, turns
from pointsman.core.values import replace
from tests.core.scene import ATLAS, START, Story, aws_bgp, claim, gcp_bgp, seconds

PEER = peer_key("77", "169.254.1.2")
OTHER_PEER = peer_key("77", "169.254.2.2")
TUNNEL = "vpn-1:35.0.0.1"
LATE = SILENT_AFTER.total_seconds()
DUE = EVENT_WITHIN.total_seconds()
DAY = TOLD_FOR.total_seconds()


class Listening(Story):
    """A story whose views read every place, with both clouds' functions sweeping."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = True

    def swept(self, at: float, *clouds: Cloud) -> "Listening":
        self.note(*(beat for cloud in clouds or tuple(Cloud) for beat in heartbeats(cloud, (ATLAS,), START + seconds(at))))
        return self

    def judged(self, at: float) -> Plan:
        self.all_healthy(at)
        outcome = decide(self.fabric, replace(self.view(), wide=self.wide), self.plan, START + seconds(at))
        assert isinstance(outcome, Plan), outcome
        self.plan = outcome
        return outcome

    def turned(self, member: str, health: Health, at: float) -> "Listening":
        cloud = Vantage.AWS if member == TUNNEL else Vantage.GCP
        was = Health.DOWN if health is Health.UP else Health.UP
        before = claim(cloud, member, was, at - 3)
        self.note(*turns(ATLAS, [claim(cloud, member, health, at)], {before.row: before}))
        return self

    def heard(self, member: str, health: Health, at: float) -> "Listening":
        vantage, source = (Vantage.AWS, Source.NETWORK_MANAGER) if member == TUNNEL else (Vantage.GCP, Source.ROUTER_LOG)
        self.note(claim(vantage, member, health, at, source=source))
        return self


@pytest.fixture
def story() -> Listening:
    told = Listening().swept(0)
    told.judged(0)
    return told


def silent(plan: Plan) -> dict[str, int | None]:
    return {name: one.epoch for name, one in plan.silences.items()}


# -- functions


def test_a_cloud_whose_functions_end_no_sweep_for_long_is_an_incident(story: Listening) -> None:
    before = story.plan
    assert story.swept(LATE + 1, Cloud.GCP).judged(LATE) is before
    plan = story.judged(LATE + 1)
    assert silent(plan) == {"functions:aws": plan.epoch}
    assert (plan.flows, plan.links, plan.moves) == (before.flows, before.links, before.moves)


def test_the_same_silence_is_told_once(story: Listening) -> None:
    plan = story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)
    for later in (60, 3_600, 86_400 * 9):
        assert story.swept(LATE + later, Cloud.GCP).judged(LATE + later).silences == plan.silences


def test_a_silence_ends_with_the_next_heartbeat_and_is_forgotten_when_every_desk_knows(story: Listening) -> None:
    opened = story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)
    over = story.swept(LATE + 60).judged(LATE + 60)
    assert (silent(over), over.silences["functions:aws"].closing) == ({"functions:aws": None}, (opened.epoch,))
    story.closed = (f"atlas/functions:aws@{opened.epoch}",)
    assert story.judged(LATE + 61).silences == {}


def test_a_second_silence_while_the_first_is_still_to_be_told_is_an_incident_of_its_own(story: Listening) -> None:
    first = story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1).epoch
    story.swept(LATE + 60).judged(LATE + 60)
    again = story.swept(3 * LATE, Cloud.GCP).judged(3 * LATE)
    assert (silent(again), again.silences["functions:aws"].closing) == ({"functions:aws": again.epoch}, (first,))


def test_at_the_bound_of_untold_endings_the_incident_stays_open(story: Listening) -> None:
    at = 0.0
    for _ in range(CLOSING_KEPT + 2):
        at += 2 * LATE
        story.swept(at, Cloud.GCP).judged(at)
        story.swept(at + 1).judged(at + 1)
    kept = story.plan.silences["functions:aws"]
    assert (len(kept.closing), kept.epoch is not None) == (CLOSING_KEPT, True)


def test_nobody_calls_the_functions_of_its_own_cloud_dead(story: Listening) -> None:
    story.here = Cloud.AWS
    assert silent(story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)) == {}


def test_a_cloud_that_cannot_be_read_or_was_never_heard_is_not_silent(story: Listening) -> None:
    story.unreadable = (Cloud.AWS,)
    assert silent(story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)) == {}
    assert silent(Listening().swept(LATE, Cloud.GCP).judged(LATE + 1)) == {}


def test_an_open_silence_outlives_that_the_cloud_cannot_be_read(story: Listening) -> None:
    opened = story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)
    story.unreadable = (Cloud.AWS,)
    assert story.judged(LATE + 60).silences == opened.silences


def test_a_word_that_is_heard_ends_a_silence_though_the_clouds_own_store_is_lost_for_ever(story: Listening) -> None:
    assert silent(story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)) != {}
    story.unreadable = (Cloud.AWS,)
    assert silent(story.swept(LATE + 60).judged(LATE + 60)) == {"functions:aws": None}


def test_a_view_that_did_not_read_every_place_begins_and_ends_no_silence(story: Listening) -> None:
    story.wide = False
    assert silent(story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)) == {}
    story.wide = True
    opened = story.judged(LATE + 2)
    story.wide = False
    assert story.swept(LATE + 60).judged(LATE + 60).silences == opened.silences


def test_an_untrusted_clock_calls_nobody_silent(story: Listening) -> None:
    story.clock_trusted = False
    assert silent(story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)) == {}


def test_silence_is_told_while_the_steering_is_frozen(story: Listening) -> None:
    story.flags = {Cloud.AWS: FlagState.SET, Cloud.GCP: FlagState.CLEAR}
    assert list(silent(story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1))) == ["functions:aws"]


def test_a_heartbeat_is_renewed_by_each_sweep_a_minute_apart_and_not_by_every_pass() -> None:
    (beat,) = heartbeats(Cloud.AWS, (ATLAS,), START)
    assert beats_due([beat], {}) == (beat,)
    young, old = (replace(beat, seen_at=START - one) for one in (BEAT_EVERY - timedelta(seconds=1), BEAT_EVERY))
    assert beats_due([beat], {beat.row: young}) == ()
    assert beats_due([beat], {beat.row: old}) == (beat,)
    assert timedelta(minutes=1) >= BEAT_EVERY


# -- events


@pytest.mark.parametrize(("member", "name"), [(PEER, "events:gcp"), (TUNNEL, "events:aws")])
def test_a_change_that_a_look_saw_and_no_event_told_is_an_incident(story: Listening, member: str, name: str) -> None:
    plan = story.turned(member, Health.UP, 60).swept(60 + DUE).judged(60 + DUE)
    assert silent(plan) == {name: plan.epoch}
    assert (plan.silences[name].since, plan.silences[name].about) == (START + seconds(60), member)


def test_an_event_has_its_time_to_come(story: Listening) -> None:
    assert silent(story.turned(PEER, Health.UP, 60).swept(60 + DUE - 1).judged(60 + DUE - 1)) == {}


@pytest.mark.parametrize("at", [59.0, 63.0, -4_000.0], ids=["just before the look", "after it", "long ago, and the same"])
def test_an_event_that_says_the_same_or_comes_later_shows_that_the_feed_speaks(story: Listening, at: float) -> None:
    story.heard(PEER, Health.UP, at).turned(PEER, Health.UP, 60)
    assert silent(story.swept(60 + DUE).judged(60 + DUE)) == {}


def test_an_older_event_that_says_the_contrary_does_not(story: Listening) -> None:
    story.heard(PEER, Health.DOWN, 10).turned(PEER, Health.UP, 60)
    assert list(silent(story.swept(60 + DUE).judged(60 + DUE))) == ["events:gcp"]


def test_a_later_event_of_another_member_shows_that_the_feed_speaks(story: Listening) -> None:
    story.turned(PEER, Health.UP, 60).heard(OTHER_PEER, Health.UP, 61)
    assert silent(story.swept(60 + DUE).judged(60 + DUE)) == {}


def test_another_feeds_word_does_not_stand_for_this_one(story: Listening) -> None:
    story.turned(PEER, Health.UP, 60).note(claim(Vantage.GCP, PEER, Health.UP, 61, source=Source.MONITORING))
    assert list(silent(story.swept(60 + DUE).judged(60 + DUE))) == ["events:gcp"]


def test_events_wait_for_functions_that_are_dead(story: Listening) -> None:
    """The look was the last thing they did: their queue may hold the event."""
    story.turned(PEER, Health.UP, 60).swept(60, Cloud.GCP).swept(60 + DUE, Cloud.AWS)
    assert silent(story.judged(60 + DUE)) == {}
    assert list(silent(story.swept(60 + DUE).judged(61 + DUE))) == ["events:gcp"]


def test_the_incident_ends_with_the_next_word_of_the_feed_and_not_because_the_member_turned_back(story: Listening) -> None:
    story.heard(PEER, Health.UP, -4_000).turned(PEER, Health.DOWN, 60).swept(60 + DUE).judged(60 + DUE)
    assert story.plan.silences["events:gcp"].epoch is not None
    story.turned(PEER, Health.UP, 400)
    assert story.swept(800).judged(800).silences["events:gcp"].epoch is not None
    over = story.heard(OTHER_PEER, Health.DOWN, 900).swept(910).judged(910)
    assert (over.silences["events:gcp"].epoch, len(over.silences["events:gcp"].closing)) == (None, 1)


def test_a_change_is_held_against_a_feed_for_a_day_at_most(story: Listening) -> None:
    story.turned(PEER, Health.UP, 60).swept(60 + DUE).judged(60 + DUE)
    assert story.swept(60 + DAY).judged(60 + DAY).silences["events:gcp"].epoch is None
    assert story.swept(61 + DAY).judged(61 + DAY).silences["events:gcp"].epoch is None


def test_only_what_events_tell_of_is_expected_of_them() -> None:
    """Nothing is sent of virtual interfaces, and nothing is expected for the first look or for what cannot be read."""
    interface, peer, tunnel = aws_bgp("ix-a", Health.DOWN, 9)[0], gcp_bgp("ix-a", Health.DOWN, 9)[0], aws_bgp("vpn", Health.DOWN, 9)[0]
    before = {one.row: replace(one, health=Health.UP) for one in (interface, peer, tunnel)}
    assert [one.member for one in turns(ATLAS, (interface, peer, tunnel), before)] == [f"turn/{peer.member}", f"turn/{tunnel.member}"]
    assert turns(ATLAS, (peer,), {}) == ()
    assert turns(ATLAS, (peer,), {peer.row: replace(peer, health=Health.UNKNOWN)}) == ()
    assert turns(ATLAS, (replace(peer, source=Source.ROUTER_LOG),), {peer.row: before[peer.row]}) == ()
    assert turns(ATLAS, (claim(Vantage.GCP, "tunnel/ha-t1", Health.DOWN, 9, aspect=Aspect.IPSEC),), before) == ()


def test_rows_about_silence_are_no_evidence_about_links(story: Listening) -> None:
    before = story.plan
    plan = story.turned(PEER, Health.DOWN, 1).turned(TUNNEL, Health.DOWN, 1).swept(2).judged(2)
    assert plan is before


# -- probes


def without_aws_probes(story: Listening, since: float, at: float, *clouds: Cloud, blind: bool = False) -> Plan:
    """Let AWS's prober fall silent (or say that it sees nothing) while all else goes on."""
    story.swept(at, *clouds).all_healthy(at)
    kept = {key: row for key, row in story.rows.items() if row.vantage is not Vantage.PROBE_AWS}
    told = [row for row in story.rows.values() if row.vantage is Vantage.PROBE_AWS]
    old = [replace(row, seen_at=START + seconds(since)) for row in told]
    shut = [replace(row, health=Health.UNKNOWN, seen_at=START + seconds(at)) for row in told]
    story.rows = kept | {row.row: row for row in (shut if blind else old)}
    outcome = decide(ATLAS, replace(story.view(), wide=True), replace(story.plan, marks={}), START + seconds(at))
    assert isinstance(outcome, Plan)
    return outcome


def test_a_prober_that_tells_nothing_for_long_is_an_incident(story: Listening) -> None:
    assert silent(without_aws_probes(story, 0, LATE)) == {}
    plan = without_aws_probes(story, 0, LATE + 1)
    assert silent(plan) == {"probes:aws": plan.epoch}
    assert [severity_of(ATLAS, plan, link) for _, link, *_ in open_incidents(ATLAS, plan)] == [Severity.WARNING]


def test_it_ends_when_the_prober_tells_again(story: Listening) -> None:
    story.plan = without_aws_probes(story, 0, LATE + 1)
    assert silent(story.swept(LATE + 2).judged(LATE + 2)) == {"probes:aws": None}


def test_a_prober_that_never_told_anything_is_not_silent(story: Listening) -> None:
    assert silent(without_aws_probes(story, 0, LATE + 1, blind=True)) == {}


def test_reports_wait_for_functions_that_are_dead(story: Listening) -> None:
    assert list(silent(without_aws_probes(story, 10, LATE + 30, Cloud.GCP))) == ["functions:aws"]


def test_probes_that_the_fabric_no_longer_declares_need_not_speak(story: Listening) -> None:
    story.plan = without_aws_probes(story, 0, LATE + 1)
    bare = replace(ATLAS, links=tuple(replace(one, probes=()) for one in ATLAS.links))
    now = START + seconds(LATE + 2)
    plan = adopted(story.plan, bare, now, author="kim", reason="no probers any more")
    outcome = decide(bare, replace(story.swept(LATE + 2).view(), wide=True), plan, now)
    assert isinstance(outcome, Plan)
    assert silent(outcome) == {"probes:aws": None}


def test_probes_of_other_pairs_than_the_fabric_declares_make_nobody_silent(story: Listening) -> None:
    moved = tuple(replace(one, probes=tuple(replace(pair, source="10.9.9.9") for pair in one.probes)) for one in ATLAS.links)
    other = replace(ATLAS, links=moved)
    story.plan = adopted(without_aws_probes(story, 0, 10), other, START + seconds(11), author="kim", reason="other addresses")
    outcome = decide(other, replace(story.swept(LATE + 30).view(), wide=True), story.plan, START + seconds(LATE + 30))
    assert isinstance(outcome, Plan)
    assert silent(outcome) == {}


# -- incidents


def test_one_ticket_opens_and_closes_with_a_silence(story: Listening) -> None:
    plan = story.swept(LATE + 1, Cloud.GCP).judged(LATE + 1)
    ((name, link, epoch, phase),) = open_incidents(ATLAS, plan)
    assert (name, phase) == (f"atlas/functions:aws@{plan.epoch}", Phase.OPEN)
    incident = follow(ATLAS, plan, link, epoch, None)
    assert follow(ATLAS, plan, link, epoch, incident) is incident
    assert incident.outbox[0].summary == (
        "no sweep of the functions on aws has ended since 2026-11-20T12:00:00Z: see whether they run, and their schedule"
    )
    over = story.swept(LATE + 60).judged(LATE + 60)
    assert [one[3] for one in open_incidents(ATLAS, over)] == [Phase.RESOLVED]
    closed = follow(ATLAS, over, link, epoch, incident)
    assert [letter.ask for letter in closed.outbox] == [Ask.OPEN, Ask.RESOLVE]
    assert closed.outbox[1].summary == "the functions on aws are heard of again"


def test_dead_functions_weigh_more_than_missing_events(story: Listening) -> None:
    plan = story.turned(PEER, Health.UP, 60).swept(60 + DUE).judged(60 + DUE)
    plan = story.swept(60 + DUE + 2 * LATE, Cloud.GCP).judged(60 + DUE + 2 * LATE)
    graded = {link: severity_of(ATLAS, plan, link) for _, link, *_ in open_incidents(ATLAS, plan)}
    assert graded == {"functions:aws": Severity.ERROR, "events:gcp": Severity.WARNING}


def test_the_history_tells_when_a_silence_began_and_ended(story: Listening) -> None:
    before = story.plan
    opened = story.turned(PEER, Health.UP, 60).swept(60 + DUE).judged(60 + DUE)
    over = story.heard(PEER, Health.UP, 70 + DUE).judged(70 + DUE)
    (began,), (ended,) = changes(before, opened), changes(opened, over)
    assert began.text.startswith(f"gcp sent no event of {PEER}, which a look saw change at 2026-11-20T12:01:00Z: see the trigger")
    assert ended.text == f"events of gcp are heard again, or none was missed for 24 hours; incident atlas/events:gcp@{opened.epoch} over"


def test_an_outage_and_a_silence_are_two_incidents(story: Listening) -> None:
    dead: tuple[Sighting, ...] = (
        *aws_bgp("ix-a", Health.DOWN, LATE + 2),
        *gcp_bgp("ix-a", Health.DOWN, LATE + 2, source=Source.ROUTER_LOG, cause=Cause.LINK_DOWN),
    )
    story.swept(LATE + 1, Cloud.GCP).all_healthy(LATE + 1).note(*dead)
    outcome = decide(ATLAS, replace(story.view(), wide=True), story.plan, START + seconds(LATE + 2))
    assert isinstance(outcome, Plan)
    assert {name.partition("@")[0] for name, *_ in open_incidents(ATLAS, outcome)} == {"atlas/ix-a", "atlas/functions:aws"}
