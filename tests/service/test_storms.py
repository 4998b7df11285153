"""Storms of everything that goes wrong, with several functions of both clouds at once: what must hold holds all the same."""

import pytest

from pointsman.core.fabric import Fabric
from pointsman.testing.invariants import INVARIANTS, Evidence, broken
from pointsman.testing.mischief import Disturbance, forecast, stormy
from pointsman.testing.storm import Storm
from pointsman.testing.virtual import run
from tests.core.scene import G, fabric, link, vpn

SEEDS = (8, 21, 51, 92, 356, 367)
TIGHT = fabric()
ROOMY = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())


def weathered(start: Fabric, seed: int, disturbances: tuple[Disturbance, ...]) -> Evidence:
    async def main() -> Evidence:
        return await Storm(start, seed, disturbances).rage()

    return run(main())


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_storm_every_invariant_holds(seed: int) -> None:
    start = stormy(ROOMY if seed % 2 else TIGHT, seed)
    evidence = weathered(start, seed, forecast(start, seed))
    assert len(INVARIANTS) == 12
    assert broken(evidence) == {}
    assert evidence.asked, "a storm in which nothing moves shows nothing"


def test_a_storm_of_one_seed_is_the_same_storm_each_time() -> None:
    start = stormy(TIGHT, 3)
    assert forecast(start, 3) == forecast(start, 3)
    assert forecast(start, 3) != forecast(start, 4)
