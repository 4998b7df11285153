"""One suite for every store: the promises of ``ports.stores``, on the fake and on the real things."""

import asyncio

import pytest

from pointsman.ports.stores import Refusal, Reply, Row
from pointsman.testing.conformance import CASES, case_name
from pointsman.testing.store_bench import Bench, Broken, Case
from pointsman.testing.stores import MemoryStore
from tests.stores.conftest import WallClock


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_every_store_keeps_its_promises(case: Case, bench: Bench) -> None:
    asyncio.run(case(bench))


def test_the_suite_is_not_smaller_than_it_was() -> None:
    assert len(set(CASES)) >= 26


class Careless(MemoryStore):
    """Ignores every condition, as some services that speak S3 do."""

    def _write(self, register: str, ballot: str, seen: Reply, row: Row) -> Reply | Refusal:
        return super()._write(register, max(ballot, self._row(register).promised), self._reply(register), row)


def test_a_store_that_ignores_conditions_is_found_out() -> None:
    store = Careless("careless", WallClock(), fenced=True)
    found = [case for case in CASES if _broken(case, Bench(open=lambda: store, token="careless"))]
    assert len(found) >= 5


def _broken(case: Case, bench: Bench) -> bool:
    try:
        asyncio.run(case(bench))
    except Broken as error:
        return "breaks a promise" in str(error)
    return False
