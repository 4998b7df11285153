"""The rules of the register, each on the bare protocol: replies in, requests out."""

from collections.abc import Mapping
from typing import Any

import pytest

from pointsman.quorum.attempt import SENDS_LIMIT, Attempt, Lost, Request, Requests, Step, Unsure
from pointsman.quorum.ballots import ballot
from pointsman.quorum.outcomes import Agreed, Change, Conflict, Decline, Declined, NoMajority, Unknown
from pointsman.quorum.reading import judge
from pointsman.quorum.rows import Refusal, Reply, Row

STORES = ("aws", "gcp", "witness")
OLD, MINE, HIGHER = (ballot(count, "00000000000000aa") for count in (1, 2, 3))
EMPTY = Reply(row=Row())
HOLDS_OLD = Reply(row=Row(promised=OLD, accepted=OLD, value="old"), version="v1")


def write(value: str | None) -> Change:
    return lambda _: value


def attempt(change: Change, replies: Mapping[str, Reply] | None = None, **options: Any) -> Attempt:
    replies = dict.fromkeys(STORES, EMPTY) if replies is None else replies
    return Attempt(MINE, change, STORES, judge(replies, 2), **options)


def promise(request: Request, row: Row | None = None) -> Reply:
    old = row or request.seen.row
    return Reply(row=Row(promised=request.ballot, accepted=old.accepted, value=old.value), version="promised")


def accepted(request: Request) -> Reply:
    return Reply(row=Row(promised=request.ballot, accepted=request.ballot, value=request.value))


def prepared(one: Attempt) -> Requests:
    """Bring an attempt to where it has two promises; give its accepts."""
    first, second, _ = one.start()
    assert one.answered(first, promise(first)) == ()
    return one.answered(second, promise(second))


def test_a_fresh_register_takes_prepare_then_accept_on_every_store() -> None:
    one = attempt(write("new"))
    prepares = one.start()
    assert [(p.acceptor, p.step, p.ballot) for p in prepares] == [(name, Step.PREPARE, MINE) for name in STORES]
    one.answered(prepares[0], promise(prepares[0]))
    accepts = one.answered(prepares[1], promise(prepares[1]))
    assert [(a.acceptor, a.step, a.value) for a in accepts] == [("aws", Step.ACCEPT, "new"), ("gcp", Step.ACCEPT, "new")]
    for request in accepts:
        assert one.ending is None
        one.answered(request, accepted(request))
    assert one.ending == Agreed(value="new", previous=None, changed=True, ballot=MINE)


def test_rule_3_nothing_is_accepted_where_nothing_was_promised() -> None:
    one = attempt(write("new"))
    first, second, third = one.start()
    one.answered(first, promise(first))
    accepts = one.answered(second, promise(second))
    assert "witness" not in {request.acceptor for request in accepts}
    assert [r.acceptor for r in one.answered(third, promise(third))] == ["witness"]


def test_rule_3_the_accept_stands_on_the_version_that_the_prepare_returned() -> None:
    assert {request.seen.version for request in prepared(attempt(write("new")))} == {"promised"}


def test_the_change_is_applied_to_the_newest_value_found_in_the_prepare_not_to_the_one_read() -> None:
    one = attempt(lambda value: f"{value}+mine")
    first, second, _ = one.start()
    one.answered(first, promise(first))
    accepts = one.answered(second, promise(second, Row(promised=OLD, accepted=OLD, value="old")))
    assert {request.value for request in accepts} == {"old+mine"}


def test_rule_4_an_unchanged_value_that_a_majority_holds_ends_after_prepare() -> None:
    one = attempt(lambda value: value, dict.fromkeys(STORES, HOLDS_OLD))
    assert prepared(one) == ()
    assert one.ending == Agreed(value="old", previous="old", changed=False, ballot=OLD)


def test_rule_4_an_unchanged_value_that_only_one_store_holds_is_accepted_again_before_it_is_answered() -> None:
    one = attempt(write(None), {"aws": HOLDS_OLD, "gcp": EMPTY, "witness": EMPTY})
    accepts = prepared(one)
    assert one.ending is None
    assert {request.value for request in accepts} == {"old"}
    for request in accepts:
        one.answered(request, accepted(request))
    assert one.ending == Agreed(value="old", previous="old", changed=False, ballot=MINE)


def test_rule_4_a_refusal_by_the_change_on_an_uncertain_value_is_answered_only_after_that_value_is_certain() -> None:
    one = attempt(lambda _: Decline(reason="STALE_VIEW"), {"aws": HOLDS_OLD, "gcp": EMPTY, "witness": EMPTY})
    accepts = prepared(one)
    assert one.ending is None
    for request in accepts:
        one.answered(request, accepted(request))
    assert one.ending == Declined(reason="STALE_VIEW", value="old")


def test_rule_5_after_an_accept_was_sent_losing_the_stores_is_unknown() -> None:
    one = attempt(write("new"))
    for request in prepared(one):
        one.answered(request, Lost(why="gone"))
    assert isinstance(one.ending, Unknown)
    assert one.sent


def test_losing_the_stores_before_an_accept_is_a_safe_no() -> None:
    one = attempt(write("new"))
    first, second, _ = one.start()
    one.answered(first, Lost(why="gone"))
    one.answered(second, Lost(why="throttled"))
    assert one.ending == NoMajority(faults={"aws": "gone", "gcp": "throttled"})
    assert not one.sent


def test_rule_6_a_refused_prepare_that_shows_my_own_ballot_is_a_promise() -> None:
    one = attempt(write("new"))
    first, second, _ = one.start()
    one.answered(first, Refusal(held=promise(first)))
    assert len(one.answered(second, promise(second))) == 2


def test_rule_6_a_refused_accept_that_shows_my_own_ballot_is_accepted() -> None:
    one = attempt(write("new"))
    for request in prepared(one):
        one.answered(request, Refusal(held=accepted(request)))
    assert isinstance(one.ending, Agreed)


def test_rule_6_an_accept_that_was_overtaken_after_it_stood_still_counts() -> None:
    one = attempt(write("new"))
    for request in prepared(one):
        one.answered(request, Refusal(held=Reply(row=Row(promised=HIGHER, accepted=MINE, value="new"))))
    assert isinstance(one.ending, Agreed)


def test_a_lost_reply_is_asked_for_again_under_the_same_ballot_and_not_for_ever() -> None:
    one = attempt(write("new"))
    request = one.start()[0]
    for _ in range(SENDS_LIMIT - 1):
        assert one.answered(request, Unsure(why="timed out")) == (request,)
    assert one.answered(request, Unsure(why="timed out")) == ()


def test_a_stale_version_is_tried_again_on_what_the_store_holds_now() -> None:
    one = attempt(write("new"))
    request = one.start()[0]
    (again,) = one.answered(request, Refusal(held=HOLDS_OLD))
    assert (again.step, again.seen, again.ballot) == (Step.PREPARE, HOLDS_OLD, MINE)


def test_a_higher_ballot_on_a_majority_is_a_conflict_that_names_it() -> None:
    one = attempt(write("new"))
    for request in one.start()[:2]:
        one.answered(request, Refusal(held=Reply(row=Row(promised=HIGHER))))
    assert one.ending == Conflict(above=HIGHER)


def test_a_higher_ballot_on_one_store_of_three_does_not_stop_the_others() -> None:
    one = attempt(write("new"))
    first, second, third = one.start()
    one.answered(first, Refusal(held=Reply(row=Row(promised=HIGHER))))
    one.answered(second, promise(second))
    accepts = one.answered(third, promise(third))
    for request in accepts:
        one.answered(request, accepted(request))
    assert isinstance(one.ending, Agreed)


def test_rule_7_a_store_that_forgot_its_promise_is_not_counted() -> None:
    one = attempt(write("new"))
    first, second = prepared(one)
    assert one.answered(first, Refusal(held=EMPTY)) == ()
    one.answered(second, accepted(second))
    assert one.ending is None


def test_rule_8_prepare_is_the_first_request_where_the_reading_has_a_reply_and_read_where_it_has_none() -> None:
    one = attempt(write("new"), {"aws": EMPTY, "gcp": EMPTY})
    assert [request.step for request in one.start()] == [Step.PREPARE, Step.PREPARE, Step.READ]


def test_rule_11_a_store_that_failed_in_the_reading_is_down_for_the_round() -> None:
    reading = judge({"aws": EMPTY, "gcp": EMPTY}, 2, {"witness": "throttled"})
    one = Attempt(MINE, write("new"), STORES, reading)
    assert [request.acceptor for request in one.start()] == ["aws", "gcp"]


def test_a_late_promise_is_followed_by_its_accept_so_the_slowest_store_keeps_up() -> None:
    one = attempt(write("new"))
    first, middle, third = one.start()
    one.answered(first, promise(first))
    for request in one.answered(middle, promise(middle)):
        one.answered(request, accepted(request))
    assert isinstance(one.ending, Agreed)
    assert [(r.acceptor, r.value) for r in one.answered(third, promise(third))] == [("witness", "new")]


def test_after_a_conflict_nothing_more_is_sent() -> None:
    one = attempt(write("new"))
    first, second, third = one.start()
    one.answered(first, promise(first))
    for request in one.answered(second, promise(second)):
        one.answered(request, Refusal(held=Reply(row=Row(promised=HIGHER))))
    assert isinstance(one.ending, Conflict)
    assert one.answered(third, promise(third)) == ()


def test_an_attempt_that_must_be_certain_accepts_even_an_unchanged_value() -> None:
    one = attempt(write(None), dict.fromkeys(STORES, HOLDS_OLD), certain=True)
    assert {request.value for request in prepared(one)} == {"old"}


def test_one_store_alone_is_its_own_majority() -> None:
    one = Attempt(MINE, write("new"), ("only",), judge({"only": EMPTY}, 1))
    (prepare,) = one.start()
    (accept,) = one.answered(prepare, promise(prepare))
    one.answered(accept, accepted(accept))
    assert isinstance(one.ending, Agreed)


@pytest.mark.parametrize(
    ("held", "confirmed", "value"),
    [
        ({"aws": HOLDS_OLD, "gcp": HOLDS_OLD, "witness": EMPTY}, True, "old"),
        ({"aws": HOLDS_OLD, "gcp": HOLDS_OLD}, True, "old"),
        ({"aws": HOLDS_OLD, "gcp": EMPTY}, False, "old"),
        ({"aws": EMPTY, "gcp": EMPTY}, True, None),
        ({"aws": HOLDS_OLD}, False, "old"),
        ({}, False, None),
    ],
)
def test_rule_4_a_read_is_answered_only_when_a_majority_holds_the_same_accepted_ballot(
    held: dict[str, Reply], value: str | None, *, confirmed: bool
) -> None:
    reading = judge(held, 2)
    assert (reading.confirmed, reading.value) == (confirmed, value)


def test_a_store_that_changes_under_every_try_is_one_where_others_come_first_not_one_that_is_down() -> None:
    one = attempt(write("new"))
    moved = Refusal(held=Reply(row=Row(promised=OLD), version="other"))
    requests = list(one.start()[:2])
    while requests:
        request = requests.pop()
        requests += one.answered(request, moved)
    assert one.ending == Conflict(above=OLD)
