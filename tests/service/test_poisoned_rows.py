"""Rows that nobody can understand stop nothing but themselves."""

import dataclasses
from collections.abc import Sequence

from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Sighting
from pointsman.ports.stores import RowsRead, RowUnreadable
from pointsman.service.gather import note
from pointsman.testing.inprocess import probes
from tests.service.test_converge import World, story


class Poisoned:
    """A store whose rows a newer version has written."""

    name = "aws store"

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        del sightings
        raise RowUnreadable(f"{self.name} holds the rows of {prefix} in a form this version cannot read: upgrade pointsman")

    async def rows(self, prefix: Cloud) -> RowsRead:
        raise RowUnreadable(f"{self.name} holds the rows of {prefix} in a form this version cannot read: upgrade pointsman")


def test_claims_that_a_poisoned_store_does_not_take_go_to_the_witness_and_a_reroute_is_still_made() -> None:
    async def tell(world: World) -> None:
        world.aws = dataclasses.replace(world.aws, rows={**world.aws.rows, Cloud.AWS: Poisoned()})
        world.gcp = dataclasses.replace(world.gcp, rows={**world.gcp.rows, Cloud.AWS: Poisoned()})
        assert await note(world.aws, probes(world.twin, Cloud.AWS)) == ""
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


def test_claims_that_nobody_takes_are_said_with_what_to_do() -> None:
    async def tell(world: World) -> None:
        lonely = dataclasses.replace(world.aws, rows={**world.aws.rows, Cloud.AWS: Poisoned()}, witness=Poisoned())
        assert "upgrade pointsman" in await note(lonely, probes(world.twin, Cloud.AWS))

    story(tell)
