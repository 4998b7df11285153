"""Eight processes append to one register of Google's own Firestore emulator: nothing is lost, nothing twice, nobody starves."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.adapters.gcp.firestore import FirestoreStore
from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from tests.chaos.proposer import Counted

ROOT = Path(__file__).parents[2]
PROPOSERS, EACH = 8, 6
WRITES_LIMIT = 16
"""Conditional writes per decision, on average, that eight proposers on one register may need."""
MISSING = emulators.available_firestore()
pytestmark = pytest.mark.skipif(bool(MISSING), reason=str(MISSING))


@pytest.fixture(scope="module")
def firestore() -> Iterator[Emulator]:
    with emulators.firestore() as running:
        yield running


def test_eight_processes_on_one_register_lose_no_append_and_all_come_to_an_end(firestore: Emulator) -> None:
    argv = [sys.executable, "-m", "tests.chaos.proposer", firestore.url]
    running = [
        subprocess.Popen([*argv, f"p{number}", str(EACH)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in range(PROPOSERS)
    ]
    ended = [(one.communicate(timeout=100), one.returncode) for one in running]
    assert [code for _, code in ended] == [0] * PROPOSERS, [errors for (_, errors), _ in ended]
    told = [json.loads(said) for (said, _), _ in ended]
    held = asyncio.run(FirestoreStore("gcp", "weft-prod-1", Counted(), endpoint=firestore.url).read("contended")).row
    words = json.loads(held.value or "[]")
    assert sorted(words) == sorted(f"p{who}-{number}" for who in range(PROPOSERS) for number in range(EACH))
    for who in range(PROPOSERS):
        own = [word for word in words if word.startswith(f"p{who}-")]
        assert own == sorted(own)
    assert sum(one["writes"] for one in told) <= WRITES_LIMIT * PROPOSERS * EACH
