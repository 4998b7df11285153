"""What falls silent, from rows to tickets: one ticket that opens and closes, and no traffic that moves for it."""

import dataclasses
from datetime import datetime

import pytest

from pointsman.core.errors import Refused
from pointsman.core.explaining import named_silence
from pointsman.core.fabric import Cloud
from pointsman.core.members import peer_key
from pointsman.core.plan import Plan
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage
from pointsman.core.silence import BEAT_EVERY, EVENT_WITHIN, SILENT_AFTER
from pointsman.service.converge import converge
from pointsman.service.explain import Asked, explain
from pointsman.service.sweep import sweep
from pointsman.service.watch import watch
from pointsman.testing.virtual import VirtualClock
from tests.core.scene import ATLAS
from tests.service.test_converge import World, story
from tests.service.test_status import table

MINUTE = 60.0


def open_now(plan: Plan) -> set[str]:
    return {name for name, one in plan.silences.items() if one.epoch is not None}


def told(world: World, name: str) -> list[str]:
    return [ask for link, ask in world.desk.told_of if link == name]


@pytest.mark.parametrize("dead", list(Cloud))
def test_dead_functions_are_one_ticket_of_the_other_clouds_until_they_are_back(dead: Cloud) -> None:
    async def tell(world: World) -> None:
        await world.settle(2 * MINUTE, every=MINUTE / 2)
        writes, before = len(world.twin.writes), world.links("checkout")
        await world.settle(SILENT_AFTER.total_seconds() - MINUTE, clouds=(dead.other,), every=MINUTE / 2)
        assert open_now(await world.plan()) == set()
        await world.settle(10 * MINUTE, clouds=(dead.other,), every=MINUTE / 2)
        assert open_now(await world.plan()) == {f"functions:{dead}"}
        assert told(world, f"functions:{dead}") == ["open"]
        assert (len(world.twin.writes), world.links("checkout")) == (writes, before)
        await world.settle(2 * MINUTE, every=MINUTE / 2)
        assert (await world.plan()).silences == {}
        assert told(world, f"functions:{dead}") == ["open", "resolve"]

    story(tell)


class Slow:
    """A clock that is minutes behind the stores'."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() - 2 * SILENT_AFTER

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


def test_a_clock_that_is_slow_by_minutes_makes_no_cloud_look_dead() -> None:
    """Heartbeats carry the stores' time, not their function's own."""

    async def tell(world: World) -> None:
        world.aws = dataclasses.replace(world.aws, clock=Slow(world.clock))
        await world.settle(10 * MINUTE, every=MINUTE / 2)
        rows = (await world.table.aws.rows(Cloud.AWS)).rows
        (beat,) = (row for row in rows if row.member.startswith("artefact/"))
        assert (world.clock.now() - beat.seen_at).total_seconds() <= BEAT_EVERY.total_seconds() + MINUTE / 2
        assert open_now(await world.plan()) == set()

    story(tell)


def test_a_silence_is_explained_by_its_incident() -> None:
    async def tell(world: World) -> None:
        await world.settle(2 * MINUTE, every=MINUTE / 2)
        await world.settle(7 * MINUTE, clouds=(Cloud.GCP,), every=MINUTE / 2)
        (silence,) = (await world.plan()).silences.values()
        name = named_silence(world.gcp.current, f"functions:aws@{silence.epoch}")
        assert name is not None
        found = await explain(table(world), Asked(links=(), flows=(), incident=name))
        assert found.incident is not None
        assert found.incident.timeline[0].text.startswith("no sweep of the functions on aws has ended since")
        with pytest.raises(Refused, match="there is no incident atlas/events:gcp@9, or nobody has told a desk of it yet"):
            await explain(table(world), Asked(links=(), flows=(), incident="atlas/events:gcp@9"))

    story(tell)


def test_only_what_may_fall_silent_names_a_silence() -> None:
    assert named_silence(ATLAS, "atlas/probes:gcp@12") == "atlas/probes:gcp@12"
    for word in ("", "functions:aws", "functions:azure@1", "ix-a@1", "functions:aws@x", "functions:aws@" + "9" * 40):
        assert named_silence(ATLAS, word) is None


def test_a_store_that_cannot_be_read_makes_no_cloud_look_dead() -> None:
    async def tell(world: World) -> None:
        await world.settle(2 * MINUTE, every=MINUTE / 2)
        world.table.aws.break_down()
        await world.settle(10 * MINUTE, every=MINUTE / 2)
        assert open_now(await world.plan()) == set()

    story(tell)


def test_looks_that_see_sessions_go_while_no_event_comes_are_a_ticket_until_one_does() -> None:
    async def tell(world: World) -> None:
        await world.settle(2 * MINUTE, every=MINUTE / 2)
        world.twin.network.cut("vpn")
        await world.settle(EVENT_WITHIN.total_seconds() + 4 * MINUTE, every=MINUTE / 2)
        assert open_now(await world.plan()) == {"events:aws", "events:gcp"}
        assert (told(world, "events:aws"), told(world, "events:gcp")) == (["open"], ["open"])
        event = Sighting(
            vantage=Vantage.GCP,
            member=peer_key("77", "169.254.1.2"),
            source=Source.ROUTER_LOG,
            aspect=Aspect.BGP,
            health=Health.UP,
            seen_at=world.clock.now(),
            cause=Cause.SESSION_UP,
        )
        await converge(world.gcp, [event])
        await world.settle(2 * MINUTE, every=MINUTE / 2)
        assert open_now(await world.plan()) == {"events:aws"}
        assert told(world, "events:gcp") == ["open", "resolve"]

    story(tell)


def test_what_watch_sees_change_is_kept_for_the_sweep_to_judge() -> None:
    async def tell(world: World) -> None:
        await world.settle(2 * MINUTE, every=MINUTE / 2)
        world.twin.network.cut("vpn")
        await world.clock.sleep(MINUTE)
        await watch(world.gcp)
        turned = {row.member for row in (await world.table.gcp.rows(Cloud.GCP)).rows if row.member.startswith("turn/")}
        assert turned == {f"turn/{peer_key('77', f'169.254.3.{4 * n}')}" for n in (1, 2, 3, 4)}
        for _ in range(5):
            await world.clock.sleep(MINUTE)
            await sweep(world.gcp)
        assert open_now(await world.plan()) >= {"events:gcp"}

    story(tell)
