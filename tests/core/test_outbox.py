"""What the desks are told of an outage: once, in order, by one function at a time."""

from datetime import timedelta

import pytest

from pointsman.core.fabric import LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Moment, Phase, Severity, Ticket, incident_id, phase_after
from pointsman.core.outbox import (
    LEASE,
    SETTLING,
    TIMELINE_KEPT,
    all_told,
    claim,
    follow,
    news,
    next_letter,
    open_incidents,
    record,
    release,
    severity_of,
    ticket_key,
)
from pointsman.core.plan import DrainCause, LinkState, Maintenance, Placement, Plan, Verdict
from pointsman.core.values import replace
from tests.core.outages import IX_A, IX_B, IX_C, LATE, OUT, VPN, asks, desk, desks, healed, opened, outage, ticket, told
from tests.core.scene import ATLAS, CHECKOUT, START, seconds


def test_an_outage_opens_an_incident_that_says_what_where_and_why() -> None:
    incident = opened()
    assert (incident.id, incident.link, incident.epoch, incident.opened_at) == ("atlas/ix-a@2", "ix-a", 2, START)
    summary = "ix-a is down; both probes lose packets over this link"
    assert incident.outbox == (Letter(serial=0, desk="noc", ask=Ask.OPEN, severity=incident.severity, summary=summary),)
    assert incident.timeline == (Moment(at=START, epoch=2, text=summary),)


def test_the_summary_names_each_squeezed_flow_and_by_how_much() -> None:
    incident = follow(ATLAS, outage(squeezed=10**9), IX_A, 2, None)
    assert incident.outbox[0].summary.endswith("; training squeezed by 1000 Mbit/s")


def test_following_the_same_plan_again_changes_nothing() -> None:
    for agreed in (outage(), outage(IX_B), healed()):
        once = follow(ATLAS, agreed, IX_A, 2, None)
        assert follow(ATLAS, agreed, IX_A, 2, once) is once


def test_a_rising_severity_is_told_and_a_falling_one_is_not() -> None:
    worse = follow(ATLAS, outage(IX_B, IX_C, VPN, epoch=3), IX_A, 2, opened())
    assert (worse.severity, asks(worse)) == (Severity.CRITICAL, [Ask.OPEN, Ask.UPDATE])
    assert worse.outbox[1].summary.endswith("severity rises to critical")
    assert follow(ATLAS, outage(epoch=4), IX_A, 2, worse) is worse


WELL = replace(outage(epoch=4), links=outage().links | {IX_A: LinkState(down_since_epoch=2)})
PLANS = (replace(healed(), links={}), outage(), outage(IX_B, epoch=3), outage(IX_B, IX_C, VPN, epoch=3), WELL, healed())


@pytest.mark.parametrize("before", PLANS)
@pytest.mark.parametrize("after", PLANS)
def test_of_what_a_plan_has_no_news_there_is_nothing_to_tell(before: Plan, after: Plan) -> None:
    about = incident_id(ATLAS.name, IX_A, 2)
    if about in [name for name, *_ in open_incidents(ATLAS, after)] and about not in list(news(ATLAS, before, after)):
        known = follow(ATLAS, before, IX_A, 2, None)
        assert follow(ATLAS, after, IX_A, 2, known) is known


def test_an_epoch_that_changes_nothing_of_an_incident_is_no_news_of_it_and_an_opening_a_rise_and_an_end_are() -> None:
    about = incident_id(ATLAS.name, IX_A, 2)
    steps = {(before, after): about in list(news(ATLAS, PLANS[before], PLANS[after])) for before, after in ((0, 1), (1, 2), (2, 3), (3, 5))}
    assert steps == {(0, 1): True, (1, 2): True, (2, 3): True, (3, 5): True}
    assert not list(news(ATLAS, outage(), replace(outage(), epoch=7)))


def test_an_incident_whose_link_is_back_is_resolved_with_the_time() -> None:
    over = follow(ATLAS, healed(), IX_A, 2, opened())
    assert (over.phase, over.resolved_at, asks(over)) == (Phase.RESOLVED, START + seconds(400), [Ask.OPEN, Ask.RESOLVE])
    assert [moment.epoch for moment in over.timeline] == [2, 5]


def test_a_resolved_incident_stays_resolved_whatever_an_old_plan_says() -> None:
    over = follow(ATLAS, healed(), IX_A, 2, opened())
    assert follow(ATLAS, outage(), IX_A, 2, over) is over


def test_a_later_outage_of_the_link_leaves_the_earlier_incident_over() -> None:
    again = replace(outage(epoch=9), links=outage().links | {IX_A: LinkState(verdict=Verdict.DOWN, down_since_epoch=9, closing=(2,))})
    assert follow(ATLAS, again, IX_A, 2, opened()).phase is Phase.RESOLVED
    assert [(one, phase) for one, _, _, phase in open_incidents(ATLAS, again)] == [
        ("atlas/ix-a@2", Phase.RESOLVED),
        ("atlas/ix-a@9", Phase.OPEN),
    ]


def test_an_incident_that_nobody_saw_open_is_opened_and_resolved_in_one_step() -> None:
    late = follow(ATLAS, healed(), IX_A, 2, None)
    assert asks(late) == [Ask.OPEN, Ask.RESOLVE]
    assert (
        late.outbox[0].summary
        == "ix-a had an incident from epoch 2 on: it was over before anybody could be told; see pointsman history --link ix-a"
    )


def test_what_befalls_the_link_by_now_neither_excuses_nor_describes_an_earlier_outage_that_nobody_saw() -> None:
    window = Maintenance(start=START, until=START + seconds(600), by={"row": 1})
    today = LinkState(
        verdict=Verdict.DOWN, down_since_epoch=9, closing=(2,), maintenance=window, drain=replace(OUT, cause=DrainCause.MAINTENANCE)
    )
    again = replace(outage(epoch=9), links=outage().links | {IX_A: today})
    assert severity_of(ATLAS, again, IX_A) is Severity.INFO, "today's is announced"
    late = follow(ATLAS, again, IX_A, 2, None)
    assert (late.severity, asks(late)) == (Severity.WARNING, [Ask.OPEN, Ask.RESOLVE])
    assert "probes lose" not in late.outbox[0].summary


def test_an_incident_that_nobody_saw_open_is_graded_as_if_its_link_were_out_and_told_to_whom_that_concerns() -> None:
    pager = desks(desk("boss", "error"))
    assert asks(follow(pager, healed(), IX_A, 2, None), "boss") == [], "there were two more links"
    alone = replace(healed(), links=healed().links | {IX_B: LinkState(verdict=Verdict.DOWN), VPN: LinkState(verdict=Verdict.DOWN)})
    late = follow(pager, alone, IX_A, 2, None)
    assert (late.severity, asks(late, "boss")) == (Severity.CRITICAL, [Ask.OPEN, Ask.RESOLVE])


def test_a_plan_without_trouble_has_no_incidents() -> None:
    assert list(open_incidents(ATLAS, replace(outage(), links={IX_A: LinkState(verdict=Verdict.UP)}))) == []


@pytest.mark.parametrize(
    ("agreed", "grade"),
    [
        (outage(), Severity.WARNING),
        (outage(squeezed=1), Severity.ERROR),
        (outage(IX_B), Severity.ERROR),
        (outage(IX_B, IX_C), Severity.CRITICAL),
        (outage(IX_B, VPN), Severity.CRITICAL),
    ],
)
def test_severity_grades_lost_redundancy_then_capacity_short_or_one_link_left_then_none_left(agreed: Plan, grade: Severity) -> None:
    assert severity_of(ATLAS, agreed, IX_A) is grade


def test_a_flow_on_a_link_of_too_small_packets_is_an_error() -> None:
    flows = outage().flows | {CHECKOUT.name: Placement(link=VPN, mtu_short=True)}
    assert severity_of(ATLAS, replace(outage(), flows=flows), IX_A) is Severity.ERROR


def test_a_drained_link_is_no_second_link_and_a_degraded_one_is() -> None:
    agreed = outage()
    kept_off = replace(agreed, links=agreed.links | {IX_B: LinkState(verdict=Verdict.UP, drain=OUT)})
    degraded = replace(agreed, links=agreed.links | {IX_B: LinkState(verdict=Verdict.DEGRADED)})
    assert [severity_of(ATLAS, one, IX_A) for one in (kept_off, degraded)] == [Severity.ERROR, Severity.WARNING]


def test_only_flows_that_may_use_the_link_count_for_its_severity() -> None:
    agreed = outage()
    links = agreed.links | {
        IX_A: LinkState(verdict=Verdict.UP),
        IX_B: LinkState(verdict=Verdict.DOWN),
        IX_C: LinkState(verdict=Verdict.DOWN),
    }
    assert severity_of(ATLAS, replace(agreed, links=links), VPN) is Severity.WARNING


def test_a_desk_hears_only_of_what_is_bad_enough_for_it() -> None:
    incident = opened(desks(desk("noc"), desk("boss", "critical"), desk("log", "info")))
    assert {letter.desk for letter in incident.outbox} == {"noc", "log"}


def test_a_desk_that_an_incident_becomes_bad_enough_for_is_asked_to_open_and_later_to_resolve() -> None:
    fabric = desks(desk("noc"), desk("boss", "critical"))
    worse = follow(fabric, outage(IX_B, IX_C), IX_A, 2, opened(fabric))
    assert (asks(worse), asks(worse, "boss")) == ([Ask.OPEN, Ask.UPDATE], [Ask.OPEN])
    over = follow(fabric, healed(), IX_A, 2, worse)
    assert asks(over, "boss") == [Ask.OPEN, Ask.RESOLVE]


def test_a_desk_that_was_never_told_is_not_asked_to_resolve() -> None:
    assert asks(follow(desks(desk("noc"), desk("boss", "critical")), healed(), IX_A, 2, opened()), "boss") == []


def test_a_desk_that_joins_during_an_outage_is_not_asked_to_resolve_what_it_never_opened() -> None:
    over = follow(desks(desk("noc"), desk("newcomer")), healed(), IX_A, 2, opened())
    assert (asks(over), asks(over, "newcomer")) == ([Ask.OPEN, Ask.RESOLVE], [])


def test_a_desk_that_was_told_goes_on_being_told() -> None:
    worse = follow(desks(desk("noc", "critical")), outage(IX_B), IX_A, 2, opened())
    assert asks(worse) == [Ask.OPEN, Ask.UPDATE]


def test_letters_have_the_serial_of_their_place() -> None:
    fabric = desks(desk("noc"), desk("boss", "error"))
    over = follow(fabric, healed(), IX_A, 2, follow(fabric, outage(IX_B), IX_A, 2, opened(fabric)))
    assert [letter.serial for letter in over.outbox] == list(range(5))


def test_a_desks_letters_are_told_in_order_while_another_desk_need_not_wait() -> None:
    fabric = desks(desk("noc"), desk("log"))
    over = follow(fabric, healed(), IX_A, 2, opened(fabric))
    held = claim(over, 0, "one", START)
    assert next_letter(held, START) == over.outbox[1]
    both = claim(held, 1, "two", START)
    assert next_letter(both, START) is None
    after = record(both, 1, ticket("log"), START)
    assert next_letter(after, START) == over.outbox[3]


def test_a_letter_out_of_turn_cannot_be_claimed() -> None:
    over = follow(ATLAS, healed(), IX_A, 2, opened())
    assert claim(over, 1, "one", START) is over


def test_a_claimed_letter_is_its_tellers_until_the_lease_is_over() -> None:
    held = claim(opened(), 0, "one", START)
    assert (held.outbox[0].claimed_by, held.outbox[0].claimed_until, held.outbox[0].attempts) == ("one", START + LEASE, 1)
    just_before = START + LEASE - timedelta(microseconds=1)
    assert claim(held, 0, "two", just_before) is held
    taken = claim(held, 0, "two", START + LEASE).outbox[0]
    assert (taken.claimed_by, taken.claimed_until, taken.attempts) == ("two", START + 2 * LEASE, 2)


def test_a_released_letter_can_be_claimed_at_once() -> None:
    free = release(claim(opened(), 0, "one", START), 0, "one")
    assert (free.outbox[0].claimed_by, free.outbox[0].claimed_until) == ("", None)
    assert claim(free, 0, "two", START).outbox[0].claimed_by == "two"


def test_a_teller_whose_lease_was_taken_over_cannot_release_the_letter() -> None:
    taken = claim(claim(opened(), 0, "one", START), 0, "two", START + LEASE)
    assert release(taken, 0, "one") is taken


def test_a_told_letter_is_never_claimed_released_or_recorded_again() -> None:
    done = told(opened(), 0)
    assert done.outbox[0].done
    assert done.tickets == (ticket(),)
    assert claim(done, 0, "two", LATE) is done
    assert release(done, 0, "teller-0") is done
    assert record(done, 0, Ticket(desk="noc", reference="other"), LATE) is done


def test_a_desk_has_one_ticket_the_one_it_told_of_last() -> None:
    fabric = desks(desk("noc"), desk("log"))
    over = follow(fabric, healed(), IX_A, 2, opened(fabric))
    both = told(told(over, 0), 1)
    closed = record(claim(both, 2, "one", START), 2, Ticket(desk="noc", reference="Q7", phase=Phase.RESOLVED), START)
    assert {(one.desk, one.phase) for one in closed.tickets} == {("noc", Phase.RESOLVED), ("log", Phase.OPEN)}
    assert len(closed.tickets) == 2


def unsure() -> Incident:
    """Give an incident that is over, whose open was told by a second teller after the first fell silent."""
    over = follow(ATLAS, healed(), IX_A, 2, opened())
    taken = claim(claim(over, 0, "one", START), 0, "two", START + LEASE)
    return record(taken, 0, ticket(), START + LEASE)


def test_after_an_unsure_open_the_ticket_is_resolved_once_more_when_late_opens_have_surfaced() -> None:
    again = told(unsure(), 1, LATE)
    assert asks(again) == [Ask.OPEN, Ask.RESOLVE, Ask.DEDUPLICATE, Ask.RESOLVE]
    searched = told(again, 2, START + LEASE + SETTLING)
    late = searched.outbox[3]
    assert (late.serial, late.not_before, late.attempts, late.done) == (3, LATE + SETTLING, 0, False)
    assert next_letter(searched, LATE + SETTLING - timedelta(seconds=1)) is None
    assert not all_told(searched)
    last = told(searched, 3, LATE + SETTLING)
    assert all_told(last)
    assert len(last.outbox) == 4


def test_after_an_unsure_open_the_desk_is_asked_to_close_all_but_the_oldest_when_its_search_has_caught_up() -> None:
    taken = claim(claim(opened(), 0, "one", START), 0, "two", START + LEASE)
    unsure_open = record(taken, 0, ticket(), START + LEASE)
    assert asks(unsure_open) == [Ask.OPEN, Ask.DEDUPLICATE]
    due = START + LEASE + SETTLING
    assert next_letter(unsure_open, due - timedelta(seconds=1)) is None
    assert next_letter(unsure_open, due) == unsure_open.outbox[1]
    assert asks(told(unsure_open, 1, due)) == [Ask.OPEN, Ask.DEDUPLICATE]


def test_a_search_for_second_tickets_that_waits_holds_up_no_other_letter() -> None:
    taken = claim(claim(opened(), 0, "one", START), 0, "two", START + LEASE)
    worse = follow(ATLAS, outage(IX_B, IX_C, VPN, epoch=3), IX_A, 2, record(taken, 0, ticket(), START + LEASE))
    assert asks(worse) == [Ask.OPEN, Ask.DEDUPLICATE, Ask.UPDATE]
    assert next_letter(worse, START + LEASE) == worse.outbox[2]


def test_an_open_told_at_the_first_try_asks_for_no_search() -> None:
    assert asks(told(opened(), 0)) == [Ask.OPEN]


def test_a_search_told_after_the_resolve_leaves_the_ticket_resolved() -> None:
    closed = replace(unsure(), tickets=(replace(ticket(), phase=Phase.RESOLVED),))
    assert phase_after(closed, closed.outbox[2]) is Phase.RESOLVED
    assert phase_after(replace(closed, tickets=()), closed.outbox[2]) is Phase.OPEN


def test_after_an_unsure_update_the_ticket_is_resolved_once_more_since_a_late_one_would_open_it_again() -> None:
    worse = told(follow(ATLAS, outage(IX_B, IX_C), IX_A, 2, opened()), 0)
    taken = claim(claim(worse, 1, "one", START), 1, "two", START + LEASE)
    over = follow(ATLAS, healed(), IX_A, 2, record(taken, 1, ticket(), START + LEASE))
    assert asks(told(told(over, 2, LATE), 3, LATE)) == [Ask.OPEN, Ask.UPDATE, Ask.DEDUPLICATE, Ask.RESOLVE, Ask.RESOLVE]


def test_after_an_open_told_at_the_first_try_one_resolve_is_enough() -> None:
    over = told(told(follow(ATLAS, healed(), IX_A, 2, opened()), 0), 1)
    assert asks(over) == [Ask.OPEN, Ask.RESOLVE]
    assert all_told(over)


def test_an_unsure_open_at_one_desk_is_no_reason_to_resolve_again_at_another() -> None:
    fabric = desks(desk("noc"), desk("log"))
    over = follow(fabric, healed(), IX_A, 2, opened(fabric))
    taken = claim(claim(over, 0, "one", START), 1, "two", START)
    taken = claim(record(taken, 1, ticket("log"), START), 0, "three", START + LEASE)
    resolved = told(record(taken, 0, ticket(), START + LEASE), 2, LATE)
    both = told(resolved, 3, LATE)
    assert (asks(both, "log"), asks(both)) == ([Ask.OPEN, Ask.RESOLVE], [Ask.OPEN, Ask.RESOLVE, Ask.DEDUPLICATE, Ask.RESOLVE])


def test_all_is_told_only_when_it_is_over_and_every_desk_knows() -> None:
    first = told(opened(), 0)
    assert not all_told(first)
    over = follow(ATLAS, healed(), IX_A, 2, first)
    assert not all_told(over)
    assert all_told(told(over, 1))


def test_a_long_timeline_keeps_its_first_moment_and_the_newest() -> None:
    lines = tuple(Moment(at=START + seconds(n), epoch=n, text=f"line {n}") for n in range(TIMELINE_KEPT))
    over = follow(ATLAS, healed(), IX_A, 2, replace(opened(), timeline=lines))
    assert len(over.timeline) == TIMELINE_KEPT
    assert [over.timeline[0], *over.timeline[1:-1]] == [lines[0], *lines[2:]]
    assert over.timeline[-1].epoch == 5


def test_the_ticket_key_depends_on_the_incidents_name_alone_and_fits_every_desk() -> None:
    key = ticket_key(opened())
    later = follow(ATLAS, healed(), IX_A, 2, opened())
    assert ticket_key(later) == key == "pm-f5e9ebd7b1e63413c24c1f4e799c0d954b81c8cf2ad04a86ad3971c3ec382"
    assert len(ticket_key(replace(later, link=LinkName("l" * 500)))) <= 64


@pytest.mark.parametrize("other", [{"fabric": "borea"}, {"link": IX_B}, {"epoch": 3}])
def test_another_incident_has_another_ticket_key(other: dict[str, str | int]) -> None:
    assert ticket_key(replace(opened(), **other)) != ticket_key(opened())
