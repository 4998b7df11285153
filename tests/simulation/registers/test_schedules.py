"""Registers under seeded faults: thousands of schedules in which every invariant holds, and each is the same whenever it is played."""

from collections import Counter

import pytest

from pointsman.quorum.attempt import Step
from pointsman.testing.simulation import registers
from pointsman.testing.simulation.registers.settings import Wrong, setting
from pointsman.testing.simulation.tally import Tally

SCHEDULES = 5_000


@pytest.fixture(scope="module")
def tally() -> Tally:
    return registers.run(0, SCHEDULES)


def test_five_thousand_schedules_keep_every_invariant(tally: Tally) -> None:
    assert tally.schedules == SCHEDULES
    assert tally.violations == []


def test_everything_that_can_go_wrong_went_wrong_often(tally: Tally) -> None:
    assert {what.value: tally.faults[what.value] for what in Wrong if tally.faults[what.value] < 200} == {}


def test_messages_of_every_step_met_every_fault_of_messages_and_stores(tally: Tally) -> None:
    elsewhere = {Wrong.SKEW, Wrong.ROLLED_BACK, Wrong.DAMAGED, Wrong.MOVE, Wrong.OTHER_VERSION}
    missed = [(step, what) for step in Step for what in Wrong if what not in elsewhere and not tally.coverage[step, what.value]]
    assert missed == []


def test_schedules_differ_in_size_from_one_proposer_to_eight() -> None:
    sizes = Counter(setting(seed).proposers for seed in range(500))
    assert {1, 2, 3, 4, 5, 8} == set(sizes)


@pytest.mark.parametrize("seed", [3, 4, 890, 1386])
def test_a_seed_tells_the_same_story_each_time(seed: int) -> None:
    stories: list[list[str]] = [[], []]
    for told in stories:
        registers.play(seed, tell=told.append)
    assert stories[0] == stories[1]
    assert len(stories[0]) > 5


def test_a_tally_of_parts_is_that_of_the_whole() -> None:
    whole, parts = registers.run(10, 6), registers.run(10, 2)
    parts.add(registers.run(12, 4))
    assert (whole.events, whole.operations, whole.faults, whole.coverage) == (parts.events, parts.operations, parts.faults, parts.coverage)
