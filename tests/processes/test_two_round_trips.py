"""Real processes on loopback: the lever's write needs no answer but those of one round trip, and the clouds' request logs show it."""

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.adapters.files import load
from pointsman.core.fabric import Cloud
from pointsman.testing.bench.bed import LINK, laid
from pointsman.testing.bench.warm import Reactions
from pointsman.testing.faces.timing import monotonic
from tests.processes.turnstile import GatedBed, Turnstile, first_round

ROOT = Path(__file__).parents[2]
WARM = 4
"""Reactions before the one that counts: both of AWS's processes have had some by then."""
LIMIT = 15.0
_LOSSES = (1.0 - serial * 1e-6 for serial in itertools.count())


def another_loss() -> float:
    """Give a share of lost packets that nobody was told of: what is put back behind a process's back is news to it all the same."""
    return next(_LOSSES)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GatedBed, Reactions]]:
    fabric = load(str(ROOT / "docs" / "fabrics" / "demo.yaml"))
    with laid(GatedBed, ROOT, tmp_path_factory.mktemp("bed"), fabric) as bed:
        yield bed, Reactions(bed)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_the_levers_write_comes_while_no_store_has_answered_anything_of_the_agreement(
    played: tuple[GatedBed, Reactions], cloud: Cloud
) -> None:
    bed, reactions = played
    expected = usual(bed, reactions, cloud)
    reactions.arm(cloud, foreseen=True)
    event, handed = bed.probe(cloud, another_loss(), (LINK,)), monotonic()
    with bed.gated(cloud, expected) as turnstile:
        handing = threading.Thread(target=bed.hand, args=(cloud, event))
        handing.start()
        came = turnstile.wait_steered(LIMIT)
    handing.join(LIMIT)
    assert came, (expected - Counter(turnstile.came), turnstile.came)
    assert len(bed.received(cloud, handed)) >= 1
    assert bed.plan().links[LINK].drain is not None


def test_on_the_normal_path_it_waits_for_them(played: tuple[GatedBed, Reactions]) -> None:
    bed, reactions = played
    expected = usual(bed, reactions, Cloud.GCP)
    reactions.arm(Cloud.GCP, foreseen=False)
    event = bed.probe(Cloud.GCP, another_loss(), (LINK,))
    with bed.gated(Cloud.GCP, expected) as turnstile:
        handing = threading.Thread(target=bed.hand, args=(Cloud.GCP, event))
        handing.start()
        assert turnstile.complete(LIMIT)
        assert not turnstile.wait_steered(1.0)
    assert turnstile.wait_steered(LIMIT)
    handing.join(LIMIT)


def usual(bed: GatedBed, reactions: Reactions, cloud: Cloud) -> Counter[str]:
    """Learn what a reaction asks in its first round trip."""
    turnstile: Turnstile = bed.turnstiles[cloud]
    for _ in range(WARM):
        reactions.arm(cloud, foreseen=True)
        turnstile.came.clear()
        bed.hand(cloud, bed.probe(cloud, another_loss(), (LINK,)))
    return first_round(list(turnstile.came))
