"""Amounts carry their unit, read and spoken."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.files.units import NotAnAmount, bandwidth, duration, lasting, spoken_bandwidth, spoken_duration


@pytest.mark.parametrize(
    ("text", "bits"), [("10Gbps", 10**10), ("1.5Gbps", 1_500_000_000), ("50Mbps", 5 * 10**7), ("0.001kbps", 1), ("1Tbps", 10**12)]
)
def test_a_bandwidth_is_read_as_bits_per_second(text: str, bits: int) -> None:
    assert bandwidth(text) == bits


@pytest.mark.parametrize(("text", "seconds"), [("300ms", 0.3), ("60s", 60), ("1.5h", 5400), ("2m", 120), ("0s", 0)])
def test_a_duration_is_read_as_time(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "10", "Gbps", "-1Gbps", "1e3Gbps", "1_0Gbps", "10 Gbps", "10Gbps\n", "\u0661Gbps", None, True, [], 10, 1.5]
)
def test_what_is_no_bandwidth_is_refused_with_a_mend(text: object) -> None:
    with pytest.raises(NotAnAmount) as caught:
        bandwidth(text)
    assert caught.value.mend


def test_no_time_at_all_is_not_lasting() -> None:
    with pytest.raises(NotAnAmount, match="must be above zero"):
        lasting("0s")


@given(st.integers(1, 10**15))
def test_a_bandwidth_is_spoken_as_it_is_read(bits: int) -> None:
    said = spoken_bandwidth(bits)
    assert said.endswith("bps")
    assert said == f"{bits}bps" or len(said) > 10 or bandwidth(said) == bits


@given(st.integers(0, 10**8))
def test_a_duration_is_spoken_as_it_is_read(milliseconds: int) -> None:
    span = timedelta(milliseconds=milliseconds)
    said = spoken_duration(span)
    assert len(said) > 8 or duration(said) == span
