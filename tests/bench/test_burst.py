"""The burst's link flaps, ends down, and every delivery is accounted for."""

import pytest

from pointsman.testing.bench.burst import FLIP_EVERY, Counts, changes, losses


@pytest.mark.parametrize("count", [1, FLIP_EVERY, 50, 500, 503])
def test_the_link_ends_down(count: int) -> None:
    assert len(losses(count)) == count
    assert losses(count)[-1] == 1.0


def test_the_link_changes_every_few_events() -> None:
    assert changes(losses(500)) in range(500 // FLIP_EVERY - 1, 500 // FLIP_EVERY + 1)


def test_changes_are_counted_from_up() -> None:
    assert changes((1.0, 1.0, 0.0, 1.0)) == 3
    assert changes((0.0, 0.0)) == 0


def test_what_nobody_acknowledged_is_lost() -> None:
    assert Counts(handed=10, acknowledged=10, again=4).lost == 0
    assert Counts(handed=10, acknowledged=9).lost == 1
