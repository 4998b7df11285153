"""One suite for every store: the promises of ``ports.stores``, on the fake and on the real things."""

import asyncio

import pytest

from pointsman.testing.conformance import CASES, case_name
from pointsman.testing.store_bench import Bench, Case


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_every_store_keeps_its_promises(case: Case, bench: Bench) -> None:
    asyncio.run(case(bench))


def test_the_suite_is_not_smaller_than_it_was() -> None:
    assert len(set(CASES)) >= 26
