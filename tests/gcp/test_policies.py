"""The route policy text we write says what we mean, fits Cloud Router, and reads back as itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.adapters.gcp import policies
from pointsman.adapters.gcp.policies import NOT_OURS, check_size, read, write
from pointsman.core.steering import RANKS, PrefixStance, Stance
from pointsman.ports.clouds import LeverFailed


def stance(prefix: str, how: Stance, rank: int = 1) -> PrefixStance:
    return PrefixStance(prefix=prefix, stance=how, rank=rank)


DRAIN = (stance("10.20.0.0/16", Stance.AVOID), stance("10.21.0.0/16", Stance.AVOID), stance("10.22.0.0/16", Stance.DROP))


def actions(term: policies.Term) -> list[str]:
    return [action["expression"] for action in term["actions"]]


def test_an_avoided_prefix_is_a_high_med_and_nothing_else() -> None:
    terms = write(DRAIN[:2])
    assert terms[0]["match"]["expression"] == (
        "destination.inAnyRange([prefix('10.20.0.0/16').orLonger(), prefix('10.21.0.0/16').orLonger()])"
    )
    assert actions(terms[0]) == ["med.set(23500)", "nextPolicy()"]


def test_a_higher_rank_is_avoided_more_by_med_alone_and_within_the_language() -> None:
    ranked = [write((stance("10.20.0.0/16", Stance.AVOID, rank),))[0] for rank in range(1, RANKS + 1)]
    meds = [int(actions(term)[0].removeprefix("med.set(").removesuffix(")")) for term in ranked]
    assert meds == sorted(set(meds))
    assert meds[-1] + 9_999 < 65_536
    assert {tuple(actions(term)[1:]) for term in ranked} == {("nextPolicy()",)}


@pytest.mark.parametrize("rank", [0, -1, RANKS + 1])
def test_a_rank_that_does_not_exist_is_refused(rank: int) -> None:
    with pytest.raises(LeverFailed, match="rank"):
        write((stance("10.20.0.0/16", Stance.AVOID, rank),))


def test_a_dropped_prefix_is_dropped() -> None:
    assert actions(write(DRAIN[2:])[0]) == ["drop()"]


def test_every_policy_closes_with_a_term_that_lets_everything_else_through() -> None:
    for stances in ((), DRAIN):
        last = write(stances)[-1]
        assert "match" not in last
        assert actions(last) == ["nextPolicy()"]


def test_terms_have_rising_distinct_priorities_and_equal_wants_give_equal_text() -> None:
    terms = write(DRAIN)
    assert [term["priority"] for term in terms] == [11, 21, policies.LAST]
    assert terms == write(DRAIN)


PREFIXES = st.ip_addresses(v=4).map(lambda ip: f"{ip}/32")
STANCES = st.lists(
    st.builds(stance, PREFIXES, st.sampled_from(Stance), st.integers(1, RANKS)), unique_by=lambda one: one.prefix, max_size=40
).map(tuple)


@settings(max_examples=60, deadline=None)
@given(stances=STANCES, reverse=st.booleans())
def test_what_was_written_reads_back_as_itself(stances: tuple[PrefixStance, ...], *, reverse: bool) -> None:
    terms = write(stances)
    assert read(terms[::-1] if reverse else terms) == stances


def test_reading_forgives_the_spacing_and_quotes_that_an_api_may_change() -> None:
    terms = write(DRAIN)
    for term in terms:
        for expression in [*term["actions"], term.get("match", {"expression": ""})]:
            expression["expression"] = expression["expression"].replace(", ", ",").replace("'", '"')
    assert read(terms) == DRAIN


def by_hand(match: str, *written: str) -> list[policies.Term]:
    return [{"priority": 1, "match": {"expression": match}, "actions": [{"expression": text} for text in written]}]


OURS = "destination.inAnyRange([prefix('10.20.0.0/16').orLonger()])"


@pytest.mark.parametrize(
    "terms",
    [
        by_hand("destination == '10.2.2.0/24'", "med.set(23500)", "nextPolicy()"),
        by_hand(OURS, "med.set(777)"),
        by_hand(OURS, "communities.add(['1:1'])"),
        by_hand("communities.matchesEvery(['65000:1'])", "drop()"),
        by_hand("destination.inAnyRange([prefix('10.0.0.0/8').longer()])", "drop()"),
        [{"priority": 1, "actions": [{"expression": "drop()"}]}],
        [{"priority": "x"}],
        [None],
        "nonsense",
        {"priority": 1},
        [{"priority": 1, "match": 7, "actions": [{"expression": None}]}],
    ],
)
def test_text_by_another_hand_reads_as_not_ours_and_never_crashes(terms: object) -> None:
    assert NOT_OURS in read(terms)


def test_a_hand_written_term_beside_ours_leaves_ours_readable() -> None:
    terms = write(DRAIN) + by_hand("destination == '10.9.0.0/16'", "med.set(5)")
    assert read(terms) == (NOT_OURS, *DRAIN)


def test_an_avoided_route_that_is_prepended_too_is_not_ours_so_that_it_is_written_over() -> None:
    terms = write(DRAIN[:1])
    terms[0]["actions"].insert(1, {"expression": "asPath.prependSequence([64514, 64514])"})
    assert read(terms) == (NOT_OURS,)


def test_more_than_a_hundred_prefixes_are_split_over_terms() -> None:
    stances = tuple(stance(f"10.{n // 256}.{n % 256}.0/24", Stance.DROP) for n in range(250))
    terms = write(stances)
    assert [term["match"]["expression"].count("prefix(") for term in terms[:-1]] == [100, 100, 50]
    assert read(terms) == stances


def test_more_terms_than_cloud_router_takes_are_refused_before_a_write() -> None:
    stances = tuple(stance(f"10.{n // 256}.{n % 256}.0/24", (Stance.DROP, Stance.AVOID)[n % 2]) for n in range(1_000))
    with pytest.raises(LeverFailed, match="declare fewer, larger prefixes"):
        write(stances)


def test_more_bytes_than_cloud_router_takes_are_refused_before_a_write() -> None:
    stances = tuple(stance(f"10.{n // 256}.{n % 256}.0/24", Stance.DROP) for n in range(990))
    with pytest.raises(LeverFailed, match="35000"):
        check_size(write(stances))
    check_size(write(DRAIN), write(DRAIN))


def test_one_prefix_with_two_stances_is_refused() -> None:
    with pytest.raises(LeverFailed, match=r"10\.20\.0\.0/16"):
        write((stance("10.20.0.0/16", Stance.DROP), stance("10.20.0.0/16", Stance.AVOID)))
