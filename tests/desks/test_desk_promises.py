"""What every desk promises, tried on the desk in memory and on the real adapter."""

import asyncio
from datetime import timedelta

import pytest

from pointsman.core.errors import Refused, Transient
from pointsman.core.incidents import Ask, Letter, Phase, Severity, Ticket
from pointsman.core.outbox import ticket_key
from pointsman.testing.desk import Fault
from tests.desks.counters import Counter, incident

KEY = ticket_key(incident())


def test_an_opened_ticket_is_there_with_what_was_said(counter: Counter) -> None:
    ticket = counter.tell(Ask.OPEN, summary="ix-a is down", severity=Severity.CRITICAL)
    assert ticket == Ticket(desk="noc", reference=KEY, phase=Phase.OPEN)
    (found,) = counter.book.open_tickets(KEY)
    assert (found.summary, found.severity, found.component, found.group) == ("ix-a is down", "critical", "ix-a", "atlas")


def test_opening_twice_is_one_ticket(counter: Counter) -> None:
    assert counter.tell(Ask.OPEN) == counter.tell(Ask.OPEN)
    assert len(counter.book.tickets()) == 1


def test_an_update_says_more_under_the_open_ticket(counter: Counter) -> None:
    counter.tell(Ask.OPEN)
    assert counter.tell(Ask.UPDATE, summary="training is squeezed", severity=Severity.CRITICAL).phase is Phase.OPEN
    (found,) = counter.book.tickets()
    assert (found.summary, found.severity, found.events) == ("training is squeezed", "critical", 2)


def test_a_resolved_ticket_is_closed_and_stays_so_when_told_again(counter: Counter) -> None:
    counter.tell(Ask.OPEN)
    assert counter.tell(Ask.RESOLVE).phase is Phase.RESOLVED
    assert counter.tell(Ask.RESOLVE).phase is Phase.RESOLVED
    assert counter.book.open_tickets() == ()
    assert len(counter.book.tickets()) == 1


def test_resolving_what_was_never_opened_makes_no_ticket(counter: Counter) -> None:
    assert counter.tell(Ask.RESOLVE).phase is Phase.RESOLVED
    assert counter.book.tickets() == ()


def test_a_desk_that_honours_keys_has_nothing_to_deduplicate(counter: Counter) -> None:
    opened = counter.tell(Ask.OPEN)
    assert counter.tell(Ask.DEDUPLICATE) == opened
    (found,) = counter.book.tickets()
    assert (found.status, found.events) == ("triggered", 1)
    counter.tell(Ask.RESOLVE)
    counter.tell(Ask.DEDUPLICATE)
    assert counter.book.open_tickets() == ()


def test_each_outage_has_a_ticket_of_its_own(counter: Counter) -> None:
    for outage in (incident(epoch=7), incident(epoch=9), incident(link="vpn")):
        counter.tell(Ask.OPEN, outage)
    counter.tell(Ask.RESOLVE, incident(epoch=7))
    assert {(ticket.component, ticket.status) for ticket in counter.book.tickets()} == {
        ("ix-a", "resolved"),
        ("ix-a", "triggered"),
        ("vpn", "triggered"),
    }


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.CREATED_BUT_TIMED_OUT, Fault.THROTTLED, Fault.BROKEN])
def test_after_trouble_the_same_letter_told_again_makes_one_ticket(counter: Counter, fault: Fault) -> None:
    counter.behind.fail(fault)
    with pytest.raises(Transient):
        counter.tell(Ask.OPEN)
    counter.tell(Ask.OPEN)
    assert len(counter.book.tickets()) == 1
    assert counter.book.most_open("ix-a") == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.CREATED_BUT_TIMED_OUT, Fault.THROTTLED, Fault.BROKEN])
def test_after_trouble_the_same_resolve_told_again_closes_it(counter: Counter, fault: Fault) -> None:
    counter.tell(Ask.OPEN)
    counter.behind.fail(fault)
    with pytest.raises(Transient):
        counter.tell(Ask.RESOLVE)
    counter.tell(Ask.RESOLVE)
    assert [ticket.status for ticket in counter.book.tickets()] == ["resolved"]


def test_a_throttled_desk_says_how_long_to_wait(counter: Counter) -> None:
    counter.behind.fail(Fault.THROTTLED, lasting=timedelta(seconds=17))
    with pytest.raises(Transient) as caught:
        counter.tell()
    assert caught.value.retry_after == timedelta(seconds=17)


def test_a_refused_letter_is_refused_for_good(counter: Counter) -> None:
    counter.behind.fail(Fault.REFUSED)
    with pytest.raises(Refused, match="noc"):
        counter.tell()
    assert counter.book.tickets() == ()


def test_a_ticket_that_a_person_closed_is_opened_anew_by_the_next_word(counter: Counter) -> None:
    counter.tell(Ask.OPEN)
    counter.book.close_by_hand(1)
    counter.tell(Ask.UPDATE)
    assert [ticket.status for ticket in counter.book.tickets()] == ["resolved", "triggered"]
    assert counter.book.most_open(KEY) == 1


def test_both_clouds_at_once_open_one_ticket(counter: Counter) -> None:
    async def crowd() -> None:
        letter = Letter(serial=0, desk="noc", ask=Ask.OPEN, severity=Severity.ERROR, summary="ix-a is down")
        await asyncio.gather(*(counter.desk.tell(incident(), letter, KEY) for _ in range(16)))

    asyncio.run(crowd())
    (found,) = counter.book.tickets()
    assert found.events == 16
    assert counter.book.most_open(KEY) == 1


def test_the_longest_summary_and_timeline_go_through(counter: Counter) -> None:
    counter.tell(Ask.OPEN, incident(moments=500), summary="x" * 5_000)
    assert len(counter.book.open_tickets()) == 1


def test_a_letter_without_words_goes_through(counter: Counter) -> None:
    counter.tell(Ask.OPEN, summary="")
    assert len(counter.book.open_tickets()) == 1
