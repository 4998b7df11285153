"""How long an entry is kept, and when a store answered, is told by the stores' time: a machine whose own clock is wrong loses nothing."""

import dataclasses
from datetime import datetime, timedelta

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.journal import KEPT
from pointsman.core.sightings import Vantage
from pointsman.service.moving import carry_out
from pointsman.service.repair import answer_key, is_due
from pointsman.service.sweep import sweep
from pointsman.testing.stores import MemoryStore
from pointsman.testing.virtual import VirtualClock
from tests.core.scene import seconds
from tests.service.test_converge import World, story
from tests.service.test_moving import QUIET, Site, broken

SLACK = timedelta(minutes=5)
YEARS = timedelta(days=3 * 365)


class Expiring(MemoryStore):
    """A store that knows until when each entry is to be kept."""

    untils: dict[str, datetime | None]

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        self.__dict__.setdefault("untils", {}).setdefault(digest, until)
        await super().put_entry(digest, entry, until)


WRONG = pytest.mark.parametrize("wrong", [-YEARS, YEARS, -timedelta(hours=1)])
"""What the own clock says, from the time that it is."""


def off(by: timedelta) -> VirtualClock:
    return VirtualClock(by.total_seconds())


@WRONG
def test_what_a_move_copies_is_kept_as_long_whatever_the_clock_of_the_machine_that_moves_says(wrong: timedelta) -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        await broken(world)
        fourth = Expiring("fourth", world.clock, fenced=True)
        site.coming = {"aws": fourth, "gcp": world.table.gcp, "witness": world.table.witness}
        done = await carry_out(dataclasses.replace(site.move(), now=world.clock.now() + wrong), QUIET)
        assert done.entries > 0
        assert {abs(until - world.clock.now() - KEPT) < SLACK for until in fourth.untils.values() if until} == {True}
        assert None not in fourth.untils.values()

    story(tell)


@WRONG
def test_a_clouds_word_is_kept_as_long_and_dated_alike_whatever_its_functions_clock_says(wrong: timedelta) -> None:
    async def tell(world: World) -> None:
        journal = Expiring("gcp", world.clock)
        await broken(world)
        ours = dataclasses.replace(world.gcp, clock=off(wrong), journal=journal, spares=(world.table.aws, world.table.gcp))
        ours.countersigned.clear()
        await sweep(ours)
        assert journal.untils
        assert {abs(until - world.clock.now() - KEPT) < SLACK for until in journal.untils.values() if until} == {True}

    story(tell)


def test_a_function_an_hour_behind_does_not_make_stores_look_silent() -> None:
    async def tell(world: World) -> None:
        while not is_due(Cloud.GCP, world.clock.now()):
            await world.clock.sleep(1)
        await sweep(dataclasses.replace(world.gcp, clock=off(-timedelta(hours=1))))
        rows = (await world.table.gcp.rows(Cloud.GCP)).rows
        (answered,) = [row for row in rows if row.member == answer_key("aws") and row.vantage is Vantage.GCP]
        assert world.clock.now() - answered.seen_at < seconds(60)

    story(tell)
