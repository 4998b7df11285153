"""Series are told as percentiles, medians and ratios, and held against bars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.testing.bench.figures import Bar, median, middle, percentile, ratio, spread, told

SERIES = st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=50)


def test_percentiles_are_values_that_were_measured() -> None:
    hundred = [float(value) for value in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]


@given(SERIES, st.floats(min_value=0.01, max_value=1))
def test_at_least_the_share_does_not_exceed_a_percentile(values: list[float], share: float) -> None:
    held = sum(value <= percentile(values, share) for value in values)
    assert held / len(values) >= share - 1e-9


@given(SERIES)
def test_the_median_has_as_many_below_as_above(values: list[float]) -> None:
    found = median(values)
    assert sum(value < found for value in values) <= len(values) / 2 >= sum(value > found for value in values)


@pytest.mark.parametrize("of_nothing", [lambda: percentile([], 0.5), lambda: median([])])
def test_nothing_measured_is_an_error_and_no_zero(of_nothing: object) -> None:
    with pytest.raises(ValueError, match="no values"):
        of_nothing()  # type: ignore[operator]


def test_a_series_is_told_in_milliseconds() -> None:
    assert spread([0.001, 0.002, 0.003]) == {"count": 3, "p50_ms": 2.0, "p95_ms": 3.0, "p99_ms": 3.0}
    assert middle([0.1, 0.3]) == {"count": 2, "median_ms": 200.0, "least_ms": 100.0, "most_ms": 300.0}


def test_a_ratio_to_nothing_is_none() -> None:
    assert (ratio(3.0, 2.0), ratio(3.0, 0.0), ratio(None, 2.0), ratio(1.0, None)) == (1.5, None, None, None)


def test_a_bar_without_a_figure_does_not_hold() -> None:
    bars = told([Bar(name="a", found=2.0, limit=2.0), Bar(name="b", found=2.1, limit=2.0), Bar(name="c", found=None, limit=2.0)])
    assert [one["holds"] for one in bars] == [True, False, False]
