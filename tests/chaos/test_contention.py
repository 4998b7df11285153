"""Eight processes append to one register over Google's own Firestore emulator: nothing is lost, nothing twice, nobody starves."""

import asyncio
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from tests.chaos.proposer import DATABASES, READY, Counted, over

ROOT = Path(__file__).parents[2]
PROPOSERS, EACH = 8, 6
WRITES_LIMIT = 16
"""Conditional writes per decision, on average, that eight proposers on one register over three stores may need."""
MISSING = emulators.available_firestore()
pytestmark = pytest.mark.skipif(bool(MISSING), reason=str(MISSING))


@pytest.fixture(scope="module")
def firestore() -> Iterator[Emulator]:
    with emulators.firestore() as running:
        yield running


def all_at_once(url: str, databases: int) -> list[dict[str, Any]]:
    """Let every proposer begin when all are ready; gives what each says that it took."""
    argv = [sys.executable, "-m", "tests.chaos.proposer", url, str(databases)]
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([*argv, f"p{number}", str(EACH)], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for number in range(PROPOSERS)
    ]
    for one in running:
        assert one.stdout is not None
        assert one.stdout.readline().strip() == READY, one.communicate()[1]
    for one in running:
        assert one.stdin is not None
        one.stdin.write("begin\n")
        one.stdin.flush()
    ended = [(one.communicate(timeout=100), one.returncode) for one in running]
    assert [code for _, code in ended] == [0] * PROPOSERS, [errors for (_, errors), _ in ended]
    return [json.loads(said) for (said, _), _ in ended]


@pytest.mark.parametrize("databases", [1, len(DATABASES)])
def test_eight_processes_on_one_register_lose_no_append_and_all_come_to_an_end(firestore: Emulator, databases: int) -> None:
    """Sixteen writes are for three stores, each of which takes its share: one alone may be asked for a third, which is six.

    Two a decision for each store is the least there is, one to prepare and one to accept; the rest is what the contention costs.
    """
    for name in DATABASES:
        firestore.reset_firestore("weft-prod-1", name)
    told = all_at_once(firestore.url, databases)
    held = asyncio.run(over(firestore.url, databases, Counted()).read("contended"))
    words = json.loads(held.value or "[]")
    assert sorted(words) == sorted(f"p{who}-{number}" for who in range(PROPOSERS) for number in range(EACH))
    for who in range(PROPOSERS):
        own = [word for word in words if word.startswith(f"p{who}-")]
        assert own == sorted(own)
    assert sum(one["writes"] for one in told) <= math.ceil(WRITES_LIMIT * databases / len(DATABASES)) * PROPOSERS * EACH
