"""By how much the demo's timers run faster: as much as the machine honours, and no order of theirs is turned round."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.files import load
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Fabric
from pointsman.testing.scaled import FACTOR_MOST, HOLD_MOST, STARTS, scale_for, scaled

ROOT = Path(__file__).parents[2]
STARTING = st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(seconds=7))


@pytest.fixture(scope="module")
def declared() -> Fabric:
    return load(str(ROOT / "docs" / "fabrics" / "demo.yaml"))


def test_a_machine_that_starts_functions_in_a_second_plays_the_demo_in_under_two_minutes(declared: Fabric) -> None:
    hold_down = scaled(declared, scale_for(declared.policy.hold_down, timedelta(seconds=1))).policy.hold_down
    assert hold_down <= timedelta(seconds=10), "five outages wait for it, and for what comes before and after"


def test_a_busier_machine_scales_its_timers_down_by_less(declared: Fabric) -> None:
    hold_down = declared.policy.hold_down
    assert scale_for(hold_down, timedelta(seconds=4)).factor < scale_for(hold_down, timedelta(seconds=1)).factor <= FACTOR_MOST


@given(start=STARTING)
def test_functions_that_were_killed_are_back_within_the_hold_down_of_the_drain_that_they_left(start: timedelta, declared: Fabric) -> None:
    policy = scaled(declared, scale_for(declared.policy.hold_down, start)).policy
    assert policy.takeover_after + STARTS * start < policy.hold_down <= HOLD_MOST * 1.2


@given(start=STARTING)
def test_no_scale_turns_the_order_of_two_timers_round(start: timedelta, declared: Fabric) -> None:
    policy = scaled(declared, scale_for(declared.policy.hold_down, start)).policy
    assert policy.takeover_after < policy.hold_down
    assert policy.freshness.look <= policy.freshness.event <= policy.freshness.metric


def test_a_machine_that_is_far_too_busy_is_told_so_in_words(declared: Fabric) -> None:
    with pytest.raises(ConfigError, match="takes 30 s to start four functions"):
        scale_for(declared.policy.hold_down, timedelta(seconds=30))
