"""Desks take turns: the letter tried least often comes first, and a desk that asks for a pause gets it in both clouds."""

from datetime import timedelta

from pointsman.core.incidents import Ask, Incident, Letter
from pointsman.core.outbox import AHEAD, LEASE, PAUSE, claim, follow, next_letter, put_off, ready, record, release, resting
from pointsman.core.values import canonical, parse, replace
from tests.core.outages import IX_A, IX_B, IX_C, LATE, desk, desks, opened, outage, ticket, told
from tests.core.scene import START, seconds


def both_owed() -> Incident:
    return opened(desks(desk("noc"), desk("boss")))


def test_the_letter_that_was_tried_least_often_comes_first() -> None:
    tried = release(claim(both_owed(), 0, "one", START), 0, "one")
    assert next_letter(both_owed(), START) == both_owed().outbox[0]
    assert next_letter(tried, START) == tried.outbox[1]
    assert next_letter(tried, START, {"boss"}) == tried.outbox[0]
    assert next_letter(tried, START, {"boss", "noc"}) is None


def paused(pause: timedelta = PAUSE) -> Incident:
    """Give an outage told to two desks, the first of which asked to be left alone."""
    worse = follow(desks(desk("noc"), desk("boss")), outage(IX_B, IX_C), IX_A, 2, both_owed())
    return put_off(claim(worse, 0, "one", START), 0, "one", START + pause)


def test_a_desk_that_asked_for_a_pause_is_told_nothing_until_it_is_over_and_others_are() -> None:
    over = START + PAUSE
    assert resting(paused(), over - seconds(1)) == {"noc": over}
    assert {one.desk for one in ready(paused(), over - seconds(1))} == {"boss"}
    assert claim(paused(), 0, "two", over - seconds(1)) == paused()
    assert resting(paused(), over) == {}
    assert claim(paused(), 0, "two", over).outbox[0].claimed_by == "two"


def test_a_pause_is_kept_by_searches_too_though_they_hold_up_nothing_of_their_own() -> None:
    late = replace(opened().outbox[0], serial=1, ask=Ask.DEDUPLICATE, not_before=LATE)
    owed = replace(opened(), outbox=(*told(opened(), 0).outbox, late, replace(late, serial=2, ask=Ask.UPDATE, not_before=None)))
    assert [one.serial for one in ready(owed, LATE)] == [1]
    asked = put_off(claim(owed, 1, "one", LATE), 1, "one", LATE + PAUSE)
    assert ready(asked, LATE + PAUSE - seconds(1)) == ()


def test_a_pause_that_a_wrong_clock_gave_binds_nobody() -> None:
    ahead = START + LEASE + AHEAD + seconds(60)
    assert resting(put_off(claim(both_owed(), 0, "one", ahead), 0, "one", ahead + seconds(5)), START) == {}


def test_whoever_lost_the_lease_of_a_letter_puts_nothing_off() -> None:
    taken = claim(claim(both_owed(), 0, "one", START), 0, "two", START + LEASE)
    assert put_off(taken, 0, "one", START + PAUSE) is taken
    done = record(taken, 0, ticket(), START + LEASE)
    assert put_off(done, 0, "two", START + PAUSE) is done


def test_a_letter_that_was_put_off_reads_back_in_the_form_that_letters_always_had() -> None:
    letter = paused().outbox[0]
    assert parse(canonical(letter), Letter) == letter
    assert b'"not_before":' in canonical(letter)
    assert b'"mode":' not in canonical(letter), "who tells a letter adds it, and stores it nowhere"
    assert set(Letter.__struct_fields__) - {"mode"} == {
        "serial",
        "desk",
        "ask",
        "severity",
        "summary",
        "attempts",
        "not_before",
        "claimed_by",
        "claimed_until",
        "done",
        "unsent",
    }, "a field more and older functions could not read the incident"
