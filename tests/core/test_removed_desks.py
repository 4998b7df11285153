"""A desk that the fabric no longer names: its letters end in a clear state, and a person is told which ticket is left."""

from pointsman.core.fabric import Fabric
from pointsman.core.incidents import Ask, Incident
from pointsman.core.outbox import DESK_REMOVED, LEASE, all_told, claim, follow, next_letter, record, settle_removed
from pointsman.core.values import canonical, parse
from tests.core.outages import IX_A, asks, desk, desks, healed, outage, ticket, told
from tests.core.scene import START, seconds

BOTH, ALONE = desks(desk("boss"), desk("noc")), desks(desk("boss"))
LATER = START + seconds(60)


def after(incident: Incident, fabric: Fabric = ALONE, *, over: bool = False) -> Incident:
    followed = follow(fabric, healed() if over else outage(), IX_A, 2, incident)
    return settle_removed(fabric, followed, LATER)


def both_told() -> Incident:
    return told(told(follow(BOTH, outage(), IX_A, 2, None), 0), 1)


def test_a_ticket_at_a_removed_desk_is_named_to_be_closed_by_hand() -> None:
    left = after(both_told())
    assert left.by_hand == ("noc",)
    assert left.timeline[-1].text == "desk noc removed: close its ticket by hand"
    assert after(left) is left


def test_the_incident_ends_for_the_desks_that_are_left() -> None:
    over = told(after(both_told(), over=True), 2)
    assert (asks(over, "boss"), asks(over, "noc")) == ([Ask.OPEN, Ask.RESOLVE], [Ask.OPEN])
    assert (all_told(over), over.by_hand) == (True, ("noc",))


def test_a_resolve_that_the_desk_was_still_owed_is_never_tried_again() -> None:
    owed = follow(BOTH, healed(), IX_A, 2, both_told())
    left = after(owed, over=True)
    assert [letter.unsent for letter in left.outbox if letter.desk == "noc"] == ["", DESK_REMOVED]
    while letter := next_letter(left, LATER):
        assert letter.desk == "boss"
        left = told(left, letter.serial, LATER)
    assert (all_told(left), left.by_hand) == (True, ("noc",))


def test_a_desk_that_was_never_told_has_no_ticket_to_close() -> None:
    left = after(follow(BOTH, outage(), IX_A, 2, None))
    assert (left.outbox[1].unsent, left.by_hand) == (DESK_REMOVED, ())


def test_a_desk_whose_teller_died_may_have_a_ticket() -> None:
    tried = claim(told(follow(BOTH, outage(), IX_A, 2, None), 0), 1, "teller", START)
    assert after(tried).by_hand == ("noc",)


def test_a_desk_that_was_told_of_the_end_has_nothing_left_to_close() -> None:
    closed = told(told(follow(BOTH, healed(), IX_A, 2, both_told()), 2), 3)
    assert all_told(closed)
    assert after(closed, over=True) is closed


def test_a_letter_in_the_hands_of_a_teller_is_left_to_its_lease() -> None:
    tried = claim(told(follow(BOTH, outage(), IX_A, 2, None), 0), 1, "teller", LATER - LEASE / 2)
    assert not after(tried).outbox[1].done
    sent = record(after(tried), 1, ticket("noc"), LATER)
    assert (sent.outbox[1].unsent, after(sent).by_hand) == ("", ("noc",))


def test_a_teller_that_comes_back_after_its_lease_still_leaves_the_tickets_number() -> None:
    tried = claim(told(follow(BOTH, outage(), IX_A, 2, None), 0), 1, "teller", START)
    late = record(after(tried), 1, ticket("noc"), LATER)
    assert ticket("noc") in late.tickets
    assert after(late).by_hand == ("noc",)


def test_a_desk_that_is_named_again_is_told_of_the_end_again() -> None:
    back = after(after(both_told()), BOTH, over=True)
    assert (back.by_hand, asks(back, "noc")) == ((), [Ask.OPEN, Ask.RESOLVE])


def test_a_desk_named_again_that_never_had_a_ticket_has_none_to_resolve() -> None:
    left = after(follow(BOTH, outage(), IX_A, 2, None))
    over = after(left, BOTH, over=True)
    assert [(letter.ask, letter.unsent) for letter in over.outbox if letter.desk == "noc"] == [(Ask.OPEN, DESK_REMOVED)]


def test_a_settled_incident_reads_back() -> None:
    left = after(both_told())
    assert parse(canonical(left), Incident) == left
