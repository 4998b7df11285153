"""Any announcements, doubled, rewritten, withdrawn and out of order, beside outages: no flow loses its path, and suppression ends."""

import random  # noqa: TID251 - seeded, so that every run is the same

import pytest

from pointsman.core.sightings import Vantage
from tests.core.days import FLOWS, HOUR, ROOMY, Days, notice
from tests.core.scene import G, fabric, link

MEMBERS = ("dxvif-1", "dxvif-2", "dxvif-5", "vpn-1:35.0.0.1", "vpn-2", "router/77", "vlan/vlan-1")
COARSE = 300.0


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_announced_every_flow_keeps_a_path_and_everything_is_over_in_the_end(seed: int) -> None:
    dice = random.Random(seed)
    story = Days(ROOMY if seed % 2 else fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=FLOWS))
    for _ in range(6):
        start = dice.choice([None, dice.uniform(0, 4) * HOUR])
        story.announce(
            notice(
                start,
                dice.choice([None, (start or 0.0) + dice.uniform(-1, 4) * HOUR]),
                members=tuple(dice.sample(MEMBERS, dice.randint(1, 3))),
                seen=story.now - dice.choice([0.0, HOUR]),
                about=str(dice.randint(0, 4)),
                withdrawn=dice.random() < 0.2,
                vantage=dice.choice([Vantage.AWS, Vantage.GCP]),
            )
        )
        story.away = set(dice.sample([one.name for one in story.fabric.links], dice.choice([0, 0, 1])))
        story.go(dice.uniform(0, 1) * HOUR, every=COARSE / 2)
        assert all(placed.link is not None for placed in story.plan.flows.values())
    story.away = set()
    story.go(15 * HOUR, every=COARSE / 2)
    assert {name for name, one in story.plan.links.items() if one.drain or one.maintenance or one.down_since_epoch is not None} == set()
