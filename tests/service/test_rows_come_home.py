"""Rows that the witness took while the own store was down come home with the next sweep: nobody has to ask it for them any more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from pointsman.core import values
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.rows import rank
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.ports.clouds import Look
from pointsman.service.converge import converge
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import TwinLooker, probes
from pointsman.testing.stores import Fault
from tests.service.test_converge import World, story


class Throttled(TwinLooker):
    """A cloud that lets nobody look."""

    async def look(self, links: Sequence[str]) -> Look:
        raise Transient(f"{len(links)} links are too many: look again later")


async def taken_by_the_witness(one: World) -> None:
    one.table.aws.break_down(Fault.DOWN)
    one.twin.network.blackhole("ix-a")
    await one.report(Cloud.AWS)
    one.table.aws.mend()


def test_a_sweep_brings_them_to_the_own_store() -> None:
    async def tell(one: World) -> None:
        await taken_by_the_witness(one)
        spare = {row.row: rank(row) for row in (await one.table.witness.rows(Cloud.AWS)).rows}
        before = {row.row: rank(row) for row in (await one.table.aws.rows(Cloud.AWS)).rows}
        assert any(place > before.get(row, "") for row, place in spare.items())
        await sweep(one.aws)
        own = {row.row: rank(row) for row in (await one.table.aws.rows(Cloud.AWS)).rows}
        assert all(own[row] >= place for row, place in spare.items())

    story(tell)


def test_a_sweep_lets_the_witness_unsay_what_it_was_told_in_between() -> None:
    async def tell(one: World) -> None:
        await taken_by_the_witness(one)
        one.twin.network.heal("ix-a")
        await one.clock.sleep(1)
        assert any(row.health is Health.DOWN for row in (await one.table.witness.rows(Cloud.AWS)).rows)
        await one.report(Cloud.AWS)
        await sweep(one.aws)
        own = {row.row: row.health for row in (await one.table.aws.rows(Cloud.AWS)).rows}
        assert all(own[row.row] is row.health for row in (await one.table.witness.rows(Cloud.AWS)).rows if row.row in own)

    story(tell)


def sighting(like: Sighting, health: Health, before: float) -> Sighting:
    """Give what the same source said some seconds before, and otherwise."""
    return values.replace(like, health=health, cause=Cause.SESSION_DOWN, seen_at=like.seen_at - timedelta(seconds=before))


def test_what_the_witness_tells_rightly_is_not_written_again() -> None:
    async def tell(one: World) -> None:
        await taken_by_the_witness(one)
        await sweep(one.aws)
        before = one.table.witness.row_writes
        await sweep(one.aws)
        assert one.table.witness.row_writes == before

    story(tell)


def test_a_duplicate_then_asks_no_witness_for_rows() -> None:
    async def tell(one: World) -> None:
        await taken_by_the_witness(one)
        claims = probes(one.twin, Cloud.GCP)
        await converge(one.gcp, claims)
        await sweep(one.aws)
        await one.settle(1, clouds=(Cloud.GCP,))
        claims = probes(one.twin, Cloud.GCP)
        await converge(one.gcp, claims)
        one.forget_requests()
        await converge(one.gcp, claims)
        assert "rows" not in [what for what, _ in one.table.witness.traffic]
        assert one.requests()["read"] == 3

    story(tell)


@pytest.mark.parametrize("known", [False, True], ids=["no look", "an earlier look"])
@pytest.mark.parametrize("seconds", [0, 120], ids=["by its own look at once", "by looks of some sweeps"])
def test_a_sweep_lets_the_witness_unsay_an_event_that_a_look_has_contradicted_since(known: bool, seconds: int) -> None:  # noqa: FBT001
    """Who can read the witness alone, once the own store is gone, would hold a sound link for suspect."""

    async def tell(one: World) -> None:
        await one.settle(1)
        if known:
            await one.table.witness.note(Cloud.AWS, (await one.table.aws.rows(Cloud.AWS)).rows)
            await one.clock.sleep(1)
        one.table.aws.break_down(Fault.DOWN)
        member = one.twin.fabric.link("ix-a").members[0].aws.virtual_interface or ""
        told = Sighting(
            vantage=Vantage.AWS,
            member=member,
            source=Source.NETWORK_MANAGER,
            aspect=Aspect.BGP,
            health=Health.DOWN,
            seen_at=one.clock.now(),
            cause=Cause.SESSION_DOWN,
        )
        await converge(replace(one.aws, looker=Throttled(one.twin, Cloud.AWS)), (told,))
        one.table.aws.mend()
        await one.clock.sleep(2)
        await sweep(one.aws)
        await one.settle(seconds)
        of_the_member = [row for row in (await one.table.witness.rows(Cloud.AWS)).rows if row.member == member]
        assert told.row in {row.row for row in of_the_member}
        assert max(of_the_member, key=rank).health is Health.UP
        own = {row.row: rank(row) for row in (await one.table.aws.rows(Cloud.AWS)).rows}
        assert all(own[row.row] >= rank(row) for row in of_the_member if row.row in own), (
            "nobody may know the own store's rows better than it"
        )

    story(tell)


def test_what_a_look_tells_the_witness_stands_at_home_too() -> None:
    """The other cloud marks what it reads there: whoever read the own store alone would hold every view for stale."""

    async def tell(one: World) -> None:
        await one.settle(1)
        look = next(row for row in (await one.table.aws.rows(Cloud.AWS)).rows if row.source is Source.LOOK and row.health is Health.UP)
        earlier = sighting(look, Health.DOWN, before=5)
        await one.table.witness.note(Cloud.AWS, (earlier,))
        await one.clock.sleep(2)
        await sweep(one.aws)
        own = {row.row: rank(row) for row in (await one.table.aws.rows(Cloud.AWS)).rows}
        spare = {row.row: rank(row) for row in (await one.table.witness.rows(Cloud.AWS)).rows}
        assert spare[look.row] > rank(earlier)
        assert own[look.row] >= spare[look.row]

    story(tell)
