"""A claim that only repeats its row rewrites it when the row is over half its freshness old, and news is never taken for a repetition."""

from datetime import UTC, datetime, timedelta

import pytest

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.filling import RELIEF, SETTLING
from pointsman.core.marks import key_of, mark_of
from pointsman.core.members import lever_key, peer_key, probe_key
from pointsman.core.plan import Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage, own_word
from pointsman.core.values import replace
from pointsman.service.converge import converge
from pointsman.service.gather import Scope, gather, note, worth_noting
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from pointsman.testing.stores import Fault, MemoryStore, Weather
from tests.core.scene import ATLAS
from tests.service.test_converge import World, story

HALF_A_LOOK = timedelta(seconds=90)


def store_of(world: World, cloud: Cloud) -> MemoryStore:
    return next(store for store in world.table.stores if store.name == cloud.value)


async def held(world: World, cloud: Cloud, claim: Sighting) -> Sighting:
    return next(row for row in (await store_of(world, cloud).rows(cloud)).rows if row.row == claim.row)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_what_a_prober_says_again_and_again_is_written_when_its_row_is_half_as_old_as_it_may_be(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        await world.report(cloud)
        store, first = store_of(world, cloud), probes(world.twin, cloud)[0]
        before, times = store.row_writes, set()
        for _ in range(30):
            await world.clock.sleep(10)
            await world.report(cloud)
            times.add((await held(world, cloud, first)).seen_at)
        assert len(times) in {4, 5}  # 300 seconds, over 90 each
        assert store.row_writes - before <= len(times) * len(probes(world.twin, cloud))

    story(tell)


def test_a_change_is_written_at_once() -> None:
    async def tell(world: World) -> None:
        await world.report(Cloud.AWS)
        world.twin.network.blackhole("ix-a")
        await world.clock.sleep(1)
        await world.report(Cloud.AWS)
        lost = next(claim for claim in probes(world.twin, Cloud.AWS) if claim.health is Health.DOWN)
        assert (await held(world, Cloud.AWS, lost)).health is Health.DOWN

    story(tell)


async def contradicted(world: World) -> Sighting:
    """Let another process note a loss that this one does not know of; gives the prober's next word, which is that all is well."""
    await world.report(Cloud.AWS)
    well = probes(world.twin, Cloud.AWS)[0]
    await world.clock.sleep(2)
    lost = replace(well, health=Health.DOWN, cause=Cause.PACKETS_LOST, value=1.0, seen_at=well.seen_at + timedelta(seconds=1))
    assert await note(world.aws, [lost]) == ""
    return next(claim for claim in probes(world.twin, Cloud.AWS) if claim.row == well.row)


def test_news_that_looked_like_a_repetition_is_noted_after_all() -> None:
    async def tell(world: World) -> None:
        well = await contradicted(world)
        gathered = await gather(world.aws, [well], Scope())
        assert (await held(world, Cloud.AWS, well)).health is Health.UP
        assert (gathered.unrecorded, gathered.view.unnoted) == ("", ())

    story(tell)


def test_such_news_that_could_not_be_noted_is_asked_for_again() -> None:
    async def tell(world: World) -> None:
        well = await contradicted(world)
        for store in world.table.stores:
            store.forecast = lambda operation: Weather(fault=Fault.DOWN) if operation == "note" else Weather()
        report = await converge(world.aws, [well])
        assert "aws" in report.again

    story(tell)


def test_a_claim_that_is_not_noted_leaves_no_mark_that_the_other_cloud_would_lie_behind() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        world.twin.network.blackhole("ix-b")
        await world.clock.sleep(1)
        for cloud in (*Cloud, *Cloud):
            await world.clock.sleep(4)
            await world.report(cloud)
        plan = await world.plan()
        for cloud in Cloud:
            for row in (await store_of(world, cloud).rows(cloud)).rows:
                assert plan.marks.get(key_of(row.row), 0) <= mark_of(row)

    story(tell)


def session(world: World, source: Source, health: Health) -> Sighting:
    """Let a source of Google's say of the session of ix-a what it is now."""
    cause = Cause.SESSION_UP if health is Health.UP else Cause.SESSION_DOWN
    return replace(LOOK, source=source, health=health, cause=cause, seen_at=world.clock.now())


def test_a_look_that_finds_an_events_session_up_is_noted_so_that_the_other_cloud_does_not_believe_the_event() -> None:
    async def tell(world: World) -> None:
        await world.settle(20)
        flap = session(world, Source.ROUTER_LOG, Health.DOWN)
        await world.clock.sleep(1)
        report = await converge(world.gcp, [flap])
        assert report.plan.links[LinkName("ix-a")].verdict is Verdict.UP
        assert (await held(world, Cloud.GCP, session(world, Source.LOOK, Health.UP))).seen_at > flap.seen_at
        assert (await world.report(Cloud.AWS)).plan == report.plan

    story(tell)


def test_a_look_answers_an_event_once() -> None:
    async def tell(world: World) -> None:
        await world.settle(20)
        flap = session(world, Source.ROUTER_LOG, Health.DOWN)
        await world.clock.sleep(1)
        await converge(world.gcp, [flap])
        answer = await held(world, Cloud.GCP, session(world, Source.LOOK, Health.UP))
        assert answer.seen_at > flap.seen_at
        await world.clock.sleep(10)
        await converge(world.gcp, [flap])
        assert await held(world, Cloud.GCP, answer) == answer

    story(tell)


def test_an_event_that_a_look_had_contradicted_is_noted_when_it_is_told_again() -> None:
    async def tell(world: World) -> None:
        await world.settle(20)
        for source, health in ((Source.ROUTER_LOG, Health.UP), (Source.LOOK, Health.DOWN)):
            assert await note(world.gcp, [session(world, source, health)]) == ""
            await world.clock.sleep(1)
        await gather(world.gcp, [], Scope())
        again = session(world, Source.ROUTER_LOG, Health.UP)
        gathered = await gather(world.gcp, [again], Scope())
        assert again in gathered.view.rows
        assert await held(world, Cloud.GCP, again) == again

    story(tell)


def test_a_source_that_knows_nothing_contradicts_no_repetition() -> None:
    async def tell(world: World) -> None:
        await world.settle(20)
        first = session(world, Source.LOOK, Health.UP)
        assert await note(world.gcp, [first]) == ""
        await world.clock.sleep(1)
        assert await note(world.gcp, [session(world, Source.ROUTER_LOG, Health.UNKNOWN)]) == ""
        await world.clock.sleep(1)
        await gather(world.gcp, [session(world, Source.LOOK, Health.UP)], Scope())
        assert await held(world, Cloud.GCP, first) == first

    story(tell)


SAID_AT = datetime(2026, 1, 1, tzinfo=UTC)
GOOGLES_END, AWSS_END = peer_key("77", "169.254.1.2"), "dxvif-1"
LOOK = Sighting(
    vantage=Vantage.GCP,
    member=GOOGLES_END,
    source=Source.LOOK,
    aspect=Aspect.BGP,
    health=Health.UP,
    seen_at=SAID_AT,
    cause=Cause.SESSION_UP,
)
LOOKED_AGAIN = replace(LOOK, seen_at=SAID_AT + timedelta(seconds=30))
EVENT = replace(LOOK, source=Source.ROUTER_LOG, health=Health.DOWN, cause=Cause.SESSION_DOWN, seen_at=SAID_AT + timedelta(seconds=10))
OTHER_ENDS = replace(EVENT, vantage=Vantage.AWS, member=AWSS_END, source=Source.NETWORK_MANAGER)


@pytest.mark.parametrize("word", [EVENT, OTHER_ENDS])
def test_a_look_that_repeats_its_row_is_noted_anew_when_an_event_of_either_end_has_said_otherwise_since(word: Sighting) -> None:
    assert worth_noting(ATLAS, [LOOKED_AGAIN], {one.row: one for one in (LOOK, word)}) == (LOOKED_AGAIN,)


@pytest.mark.parametrize(
    "word",
    [
        replace(EVENT, seen_at=SAID_AT - timedelta(seconds=1)),
        replace(EVENT, seen_at=LOOKED_AGAIN.seen_at + timedelta(seconds=1)),
        replace(EVENT, health=Health.UP),
        replace(EVENT, health=Health.UNKNOWN),
        replace(EVENT, member=peer_key("77", "169.254.2.2")),
        replace(EVENT, source=Source.LEVER),
    ],
    ids=["before the row", "after the claim", "of the same mind", "that knows nothing", "about another link", "of a lever"],
)
def test_a_look_that_answers_no_contrary_word_is_a_repetition(word: Sighting) -> None:
    assert worth_noting(ATLAS, [LOOKED_AGAIN], {one.row: one for one in (LOOK, word)}) == ()


def test_an_event_that_repeats_its_row_is_noted_anew_after_a_look_of_its_own_cloud_that_said_otherwise_and_of_no_other() -> None:
    back, again = (replace(one, source=Source.ROUTER_LOG) for one in (LOOK, LOOKED_AGAIN))
    lost = replace(EVENT, source=Source.LOOK)
    assert worth_noting(ATLAS, [again], {one.row: one for one in (back, lost)}) == (again,)
    assert worth_noting(ATLAS, [again], {one.row: one for one in (back, OTHER_ENDS)}) == ()


def test_what_a_look_found_after_an_event_is_there_for_the_other_cloud_to_read() -> None:
    async def tell(world: World) -> None:
        await world.clock.sleep(20)
        event = replace(EVENT, seen_at=world.clock.now())
        await world.clock.sleep(1)
        await note(world.gcp, [event])
        await sweep(world.gcp)
        assert (await held(world, Cloud.GCP, LOOK)).seen_at > event.seen_at

    story(tell)


LOST = replace(
    LOOK,
    vantage=Vantage.PROBE_AWS,
    source=Source.PROBE,
    member=probe_key("10.250.1.1", "10.250.2.1"),
    aspect=Aspect.PROBE,
    health=Health.DOWN,
)


def noted_again(said_at: float, again_at: float, *, health: Health = Health.DOWN) -> bool:
    """Let a prober say again what it said of packets, with a cloud's lever set 10 s after ``SAID_AT``."""
    said, again = (replace(LOST, health=health, seen_at=SAID_AT + timedelta(seconds=at)) for at in (said_at, again_at))
    word = own_word(Cloud.GCP, lever_key("ix-b"), Health.DRAINING, 7, SAID_AT + timedelta(seconds=10))
    return worth_noting(ATLAS, [again], {row.row: row for row in (said, word)}) == (again,)


@pytest.mark.parametrize("after", [SETTLING, RELIEF])
def test_loss_that_a_prober_still_sees_when_a_move_excuses_it_no_longer_is_noted_at_once(after: timedelta) -> None:
    over = 10 + after.total_seconds()
    assert noted_again(over - 1, over)
    assert not noted_again(over - 1, over - 0.1)
    assert not noted_again(over, over + 1)
    assert not noted_again(over - 1, over, health=Health.UP)
