"""A cloud's functions stall right after one of their writes to a lever, with the rest of the setting undone.

Half of a move fills the next link beyond what it carries. No sound link is condemned for that, whoever finishes the move.
"""

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from pointsman.core.fabric import Cloud
from pointsman.testing.emulators import available_firestore, available_moto, available_pubsub
from pointsman.testing.processes import until
from tests.chaos.judge import LINK, Judge
from tests.chaos.theatre import Theatre, done_meanwhile, judged, laid_out, narrow

STALL = 1.5
"""Seconds that the functions stall: a little less than the hold-down."""
MISSING = available_firestore() or available_pubsub() or available_moto()
pytestmark = [pytest.mark.timeout(240), pytest.mark.skipif(bool(MISSING), reason=str(MISSING))]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge[Theatre]]:
    with judged(laid_out(Theatre, tmp_path_factory.mktemp("stalls"), fabric=narrow())) as judge:
        yield judge


@contextlib.contextmanager
def stalled_after(stage: Theatre, cloud: Cloud, count: int) -> Iterator[None]:
    """Freeze a cloud's functions for a while as soon as its API has received so many of their writes, and see that it came to that."""
    begun, names = datetime.now().astimezone(), [name for name in stage.children if name.startswith(f"{cloud}-")]  # noqa: TID251 - the stage's own time
    stalled: list[int] = []

    def stall() -> None:
        until(lambda: len(stage.writes(begun, (cloud,))) >= count)
        for name in names:
            stage.children.pause(name)
        stalled.append(len(stage.writes(begun, (cloud,))))
        threading.Event().wait(STALL)
        for name in names:
            stage.children.resume(name)

    with done_meanwhile(stall):
        yield
    assert stalled, "nothing was written, so nothing stalled"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_functions_that_stall_in_the_middle_of_a_move_condemn_no_sound_link(judge: Judge[Theatre], count: int) -> None:
    judge.outages += 1
    with stalled_after(judge.stage, Cloud.GCP, count):
        judge.stage.fault("blackhole", LINK)
        judge.is_off()
    judge.is_recorded()
    judge.stage.fault("heal", LINK)
    judge.is_back()
    judge.is_agreed()
