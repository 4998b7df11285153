"""The linear check and the search agree on every small history, good or bad."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.testing.simulation.histories import Call, Fate, History, Items, breach
from pointsman.testing.simulation.histories_search import CALLS_LIMIT, linearizable

ITEMS = ("a", "b", "c", "d")


def history(*calls: Call) -> History:
    return History(calls=list(calls), places=max((place for call in calls for place in (call.began, call.ended or 0)), default=0))


def call(item: str | None, began: int, ended: int | None, told: str | None = None, fate: Fate = Fate.DONE) -> Call:
    return Call(item, began, ended, fate, None if told is None else tuple(told))


def told_all(one: History) -> History:
    """End a history with a reading of the longest list that anybody was told, as the check requires."""
    final = max((call.told for call in one.calls if call.told is not None), key=len, default=())
    return History(calls=[*one.calls, Call(None, one.places + 1, one.places + 2, Fate.DONE, final)], places=one.places + 2)


@st.composite
def played(draw: st.DrawFn) -> History:
    """Play a list honestly: each call has its moment somewhere between its beginning and its end."""
    state: list[str] = []
    places = iter(range(1, 200))
    calls: list[Call] = []
    open_calls: list[tuple[Call, Items | None]] = []
    for _ in range(draw(st.integers(1, 12))):
        match draw(st.sampled_from(["begin", "act", "end"])):
            case "begin":
                calls.append(Call(draw(st.sampled_from([*ITEMS, None])), next(places)))
                open_calls.append((calls[-1], None))
            case "act" if open_calls:
                at = draw(st.integers(0, len(open_calls) - 1))
                one = open_calls[at][0]
                if one.item is not None and one.item not in state:
                    state.append(one.item)
                open_calls[at] = (one, tuple(state))
            case "end" if open_calls:
                one, told = open_calls.pop(draw(st.integers(0, len(open_calls) - 1)))
                one.ended = next(places)
                one.fate = Fate.FAILED if told is None else draw(st.sampled_from([Fate.DONE, Fate.DONE, Fate.UNKNOWN]))
                one.told = told if one.fate is Fate.DONE else None
    final = Call(None, next(places), next(places), Fate.DONE, tuple(state))
    return History(calls=[*calls, final], places=next(places))


@st.composite
def spoiled(draw: st.DrawFn) -> History:
    """Take an honest history and change what was told, or when, in a place or two."""
    one = draw(played())
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(one.calls) - 2)) if len(one.calls) > 1 else 0
        old = one.calls[at]
        told = draw(st.none() | st.lists(st.sampled_from(ITEMS), max_size=4).map(tuple))
        fate = draw(st.sampled_from(list(Fate)))
        one.calls[at] = replace(old, told=told if fate is not Fate.UNKNOWN and old.ended is not None else None, fate=fate)
        if old.ended is None:
            one.calls[at] = replace(old)
    return one


@given(played())
def test_what_one_list_told_is_never_called_a_breach(one: History) -> None:
    assert breach(one) is None
    assert linearizable(one)


@given(spoiled())
def test_both_checks_agree_on_histories_that_were_tampered_with(one: History) -> None:
    whole = told_all(one)
    assert (breach(whole) is None) == linearizable(whole)


def test_the_tampering_makes_breaches_and_leaves_good_histories_too() -> None:
    bad = told_all(history(call("a", 1, 2, "a"), call("b", 3, 4, "b")))
    good = told_all(history(call("a", 1, 2, "a"), call("b", 3, 4, "ab")))
    assert (breach(bad) is None, breach(good) is None) == (False, True)


BREACHES = {
    "an item twice": history(call("a", 1, 2, "aa")),
    "an item of nobody": history(call("a", 1, 2, "xa")),
    "no beginning of the final list": history(call("a", 1, 2, "a"), call("b", 3, 4, "b"), call(None, 5, 6, "ab")),
    "acknowledged and not there": history(call("a", 1, 2, "")),
    "told to have failed and there": history(call("a", 1, 2, None, Fate.FAILED), call(None, 3, 4, "a")),
    "a later reading saw less": history(call("a", 1, 2, "a"), call(None, 3, 4, "")),
    "an acknowledged write is gone": history(call("a", 1, 2, "a"), call("b", 3, 4, "b")),
    "read before it was called": history(call(None, 1, 2, "a"), call("a", 3, 4, "a")),
    "appends in the wrong order": history(call("a", 1, 2, None, Fate.DONE), call("b", 3, 4, "b"), call(None, 5, 6, "ba")),
}


@pytest.mark.parametrize("name", BREACHES)
def test_each_kind_of_breach_is_found_by_both(name: str) -> None:
    whole = told_all(BREACHES[name])
    assert breach(whole)
    assert not linearizable(whole)


def test_what_was_left_unknown_may_come_at_any_later_time_or_never() -> None:
    unknown = call("a", 1, 2, None, Fate.UNKNOWN)
    late = history(unknown, call("b", 3, 4, "b"), call(None, 5, 6, "b"), call(None, 7, 8, "ba"))
    never = history(unknown, call("b", 3, 4, "b"), call(None, 5, 6, "b"))
    assert [breach(late), breach(never)] == [None, None]
    assert linearizable(late)
    assert linearizable(never)


def test_one_item_that_was_delivered_twice_is_one_append() -> None:
    twice = history(call("a", 1, 6, "ab"), call("b", 2, 3, "ab"), call("a", 4, 5, "ab"))
    assert breach(twice) is None
    assert linearizable(twice)


def test_a_history_that_is_too_long_for_the_search_is_refused() -> None:
    calls = [call("a", 2 * place + 1, 2 * place + 2, "a") for place in range(CALLS_LIMIT + 1)]
    with pytest.raises(ValueError, match="not searched"):
        linearizable(history(*calls))


def test_a_thousand_calls_are_checked_in_one_pass() -> None:
    items = tuple(str(number) for number in range(1_000))
    lengths = itertools.count(1)
    calls = [Call(item, 2 * n + 1, 2 * n + 2, Fate.DONE, items[: next(lengths)]) for n, item in enumerate(items)]
    assert breach(history(*calls)) is None
