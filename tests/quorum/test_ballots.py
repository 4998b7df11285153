import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.quorum.ballots import COUNTER_LIMIT, NO_BALLOT, READABLE_LIMIT, above, ballot, counter, is_ballot
from pointsman.quorum.rows import Row, checked

NONCE = "00112233aabbccdd"


def test_a_ballot_reads_as_counter_and_nonce() -> None:
    assert ballot(7, NONCE) == "0000000000000007.00112233aabbccdd"


def test_no_ballot_is_below_every_ballot() -> None:
    assert ballot(0, "0" * 16) > NO_BALLOT


@given(st.integers(0, COUNTER_LIMIT), st.integers(0, COUNTER_LIMIT), st.text("0123456789abcdef", min_size=16, max_size=16))
def test_ballots_compare_as_their_counters_do(one: int, other: int, nonce: str) -> None:
    assert (ballot(one, nonce) < ballot(other, nonce)) == (one < other)
    assert counter(ballot(one, nonce)) == one


@given(st.lists(st.integers(0, 10**9), max_size=5))
def test_the_next_ballot_is_above_all_that_were_seen(counters: list[int]) -> None:
    seen = [ballot(count, "f" * 16) for count in counters]
    assert all(above(seen, "0" * 16) > one for one in seen)


@pytest.mark.parametrize("nonce", ["", "xyz", "0" * 15, "0" * 17, "A" * 16, "\u0660" * 16])
def test_a_malformed_nonce_is_refused(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce of 16"):
        ballot(1, nonce)


def test_a_counter_past_the_limit_is_refused_instead_of_breaking_the_order() -> None:
    with pytest.raises(ValueError, match="counter"):
        ballot(COUNTER_LIMIT + 1, NONCE)


@pytest.mark.parametrize("text", ["", "1.2", "0000000000000007-00112233aabbccdd", "0000000000000007.00112233aabbccdd\n"])
def test_other_text_is_no_ballot(text: str) -> None:
    assert not is_ballot(text)


def test_a_row_that_the_protocol_cannot_have_written_is_named() -> None:
    low, high = ballot(1, NONCE), ballot(2, NONCE)
    for row, why in [
        (Row(promised="soon"), "malformed"),
        (Row(promised=low, accepted=high, value="x"), "above promised"),
        (Row(promised=low, accepted=low), "go together"),
        (Row(promised=ballot(READABLE_LIMIT + 1, NONCE)), "no attempts"),
        (Row(promised=ballot(COUNTER_LIMIT, NONCE), accepted=low, value="x"), "no attempts"),
        (Row(promised=low, value="x"), "go together"),
    ]:
        with pytest.raises(ValueError, match=why):
            checked(row)
    assert checked(Row(promised=high, accepted=low, value="x")).value == "x"


@given(st.lists(st.integers(0, READABLE_LIMIT), max_size=5))
def test_above_any_ballot_that_can_be_read_there_is_a_next_one(counters: list[int]) -> None:
    rows = [checked(Row(promised=ballot(count, "f" * 16))) for count in [*counters, READABLE_LIMIT]]
    assert is_ballot(above((row.promised for row in rows), NONCE))
