"""Maintenance from its announcement to the link's return, over the twin: what is asserted is traffic, rows and tickets."""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from pointsman.core.errors import Refused, Transient
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.plan import DrainCause, LinkState
from pointsman.core.sightings import Meaning, Notice, Order, Rejected, Sighting, Verb
from pointsman.core.values import replace
from pointsman.core.windows import PLACES
from pointsman.service.announcing import Wish, add, cancel, listed
from pointsman.service.deliver import deliver
from pointsman.service.doors import link_changed
from pointsman.service.explain import Asked, explain
from pointsman.service.order import order
from pointsman.service.status import Table as StatusTable
from pointsman.service.status import status
from pointsman.service.windows import ASKED_EVERY, ASKED_MINUTE
from pointsman.testing.happenings.rendering import Renderer
from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.happenings import Kind
from pointsman.testing.virtual import run
from pointsman.wire.decode import decode
from tests.core.scene import G, fabric, flow, link
from tests.service.test_converge import ROOMY, World, build

IX_A = LinkName("ix-a")
HOLD = ROOMY.policy.hold_down.total_seconds()
LEAD = ROOMY.policy.maintenance.lead.total_seconds()
AHEAD, LASTING = 2_400.0, 1_200.0
"""The window begins so long after its announcement, and lasts so long (seconds)."""
EITHER = tuple(Cloud)


def story(tell: Callable[[World], Awaitable[None]], start: Fabric = ROOMY) -> None:
    async def main() -> None:
        world = build(start)
        await world.settle(HOLD + 60, every=30)
        await tell(world)

    run(main())


def announce(world: World, name: str = "ix-a", *, ahead: float = AHEAD) -> list[Meaning]:
    """Let the network announce maintenance; gives what AWS's function reads in the event that tells of it."""
    net = world.twin.network
    net.maintain(name, net.now + ahead, net.now + ahead + LASTING)
    epoch = world.clock.now() - timedelta(seconds=net.now)
    told = [one for one in net.happenings if one.kind is Kind.MAINTENANCE_ANNOUNCED]
    events = [one for one in Renderer(net.blueprint, epoch).all(told) if one.side is Side.AWS]
    return [
        meaning for event in events for record in decode(json.dumps(event.payload)) if not isinstance(meaning := record.meaning, Rejected)
    ]


async def go(world: World, span: float, *, clouds: tuple[Cloud, ...] = EITHER) -> LinkState:
    """Let time pass with probers, sweeps and desks; gives how the link stands then."""
    await world.settle(span, clouds=clouds, every=30)
    for cloud in clouds:
        await deliver(world.house(cloud))
    return (await world.plan()).links[IX_A]


def told_of(world: World, name: str = "ix-a") -> list[str]:
    """List what the desk was told of a link."""
    return [ask for where, ask in world.desk.told_of if where == name]


def rows(world: World, cloud: Cloud) -> list[Sighting]:
    store = world.table.aws if cloud is Cloud.AWS else world.table.gcp
    return [row for row in store.snapshot().rows.get(cloud, {}).values() if row.window is not None]


@pytest.mark.parametrize("heard", ["aws", "gcp", "both"])
def test_a_link_is_left_before_its_window_loses_nothing_in_it_and_is_returned_to_after_it(heard: str) -> None:
    async def tell(world: World) -> None:
        event = announce(world)
        if heard == "gcp":
            await go(world, 60 * ASKED_EVERY)
        else:
            await link_changed(world.aws, event)
        if heard == "aws":
            world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        await go(world, AHEAD - LEAD - 60 - (60 * ASKED_EVERY if heard == "gcp" else 0))
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        lost = world.twin.network.lost_seconds()
        state = await go(world, LEAD)
        assert state.drain is not None
        assert state.drain.cause is DrainCause.MAINTENANCE
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert world.links("training") == ({"ix-b"}, {"ix-b"})
        await go(world, LASTING + HOLD / 2)
        assert world.twin.network.lost_seconds() == lost, "no packet is lost, though the link was dark"
        await go(world, HOLD + 240)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        assert world.twin.network.lost_seconds() == lost
        assert told_of(world) == [], "nobody is paged for what was announced"

    story(tell)


async def nothing() -> tuple[Notice, ...]:
    return ()


def test_without_an_announcement_the_same_window_loses_packets() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        announce(world)
        lost = dict(world.twin.network.lost_seconds())
        await go(world, AHEAD + LASTING)
        assert world.twin.network.lost_seconds()["checkout"] > lost["checkout"]

    story(tell)


def test_a_doubled_announcement_is_one_row_and_one_drain() -> None:
    async def tell(world: World) -> None:
        event = announce(world)
        for _ in range(3):
            await link_changed(world.aws, event)
        assert len(rows(world, Cloud.AWS)) == 1
        await go(world, AHEAD - LEAD + 120)
        epoch = (await world.plan()).epoch
        await link_changed(world.aws, event)
        await go(world, 120)
        assert (await world.plan()).epoch == epoch

    story(tell)


def test_of_two_announcements_that_find_the_same_place_free_at_once_neither_is_lost() -> None:
    async def tell(world: World) -> None:
        (notice,) = (one for one in announce(world) if isinstance(one, Notice))
        keys = [f"work/{number}" for number in range(999) if zlib.crc32(f"work/{number}".encode()) % PLACES == 0][:2]
        both = [replace(notice, about=key) for key in keys]
        reports = await asyncio.gather(*(link_changed(world.aws, (one,)) for one in both))
        (missed,) = (one for one, report in zip(both, reports, strict=True) if report is not None and report.again)
        report = await link_changed(world.aws, (missed,))
        assert report is not None
        assert not report.again
        assert {row.window.key for row in rows(world, Cloud.AWS) if row.window} == set(keys)

    story(tell)


def test_googles_announcement_is_noted_once_however_often_it_is_read() -> None:
    async def tell(world: World) -> None:
        announce(world)
        await go(world, 3 * 60 * ASKED_EVERY)
        (row,) = rows(world, Cloud.GCP)
        await go(world, 60 * ASKED_EVERY)
        assert rows(world, Cloud.GCP) == [row]
        assert int(row.seen_at.timestamp()) // 60 % ASKED_EVERY == ASKED_MINUTE

    story(tell)


def test_an_announcement_that_was_withdrawn_returns_the_link() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        (one,) = (meaning for meaning in announce(world) if isinstance(meaning, Notice))
        await link_changed(world.aws, [one])
        await go(world, AHEAD - LEAD + 120)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        await link_changed(world.aws, [replace(one, withdrawn=True, seen_at=world.clock.now())])
        await link_changed(world.aws, [one])
        await go(world, HOLD + 90)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell)


def test_google_alone_leaves_a_link_for_what_aws_announced() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        await link_changed(world.aws, announce(world))
        lost = world.twin.network.lost_seconds()
        await go(world, AHEAD - 60, clouds=(Cloud.GCP,))
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        state = await go(world, LASTING + 2 * HOLD, clouds=(Cloud.GCP,))
        assert state.drain is not None, "both ends have to show a link good before it is returned to"
        await go(world, HOLD + 240)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        assert world.twin.network.lost_seconds() == lost

    story(tell)


def test_aws_alone_takes_over_and_rests_its_own_drain_when_the_window_is_over() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        await link_changed(world.aws, announce(world))
        await go(world, AHEAD - 60, clouds=(Cloud.AWS,))
        assert world.twin.network.failover_tests("dxvif-1")[0].ended is None
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        lost = world.twin.network.lost_seconds()
        await go(world, LASTING + HOLD + 240, clouds=(Cloud.AWS,))
        assert world.twin.network.failover_tests("dxvif-1")[0].ended is not None
        assert world.twin.network.lost_seconds() == lost
        await go(world, HOLD + 240)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell)


def test_the_window_stands_while_the_store_that_took_it_is_gone() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        await link_changed(world.aws, announce(world))
        await go(world, AHEAD - LEAD + 120)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        world.table.aws.break_down()
        state = await go(world, LEAD)
        assert state.drain is not None
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        world.table.aws.mend()
        await go(world, LASTING + 2 * HOLD)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell)


def test_an_announcement_goes_to_the_witness_while_the_own_store_is_gone_and_comes_again_when_both_are() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        event = announce(world)
        world.table.aws.break_down()
        world.table.witness.break_down()
        with pytest.raises(Transient, match="no store gives this cloud's rows"):
            await link_changed(world.aws, event)
        world.table.witness.mend()
        await link_changed(world.aws, event)
        await go(world, 120)
        world.table.aws.mend()
        await go(world, AHEAD - LEAD)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


def test_a_window_on_the_last_healthy_path_is_one_ticket_and_the_link_carries_on() -> None:
    async def tell(world: World) -> None:
        await link_changed(world.aws, announce(world))
        await go(world, AHEAD - 60)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        assert told_of(world) == ["open"]
        await go(world, LASTING + HOLD + 360)
        assert told_of(world)[0] == "open"
        assert told_of(world)[-1] == "resolve"
        assert told_of(world).count("open") == 1

    story(tell, fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", 1 * G, 1, ("ix-a",), 20),)))


def test_status_and_explain_say_what_is_announced_and_what_is_made_of_it() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        await link_changed(world.aws, announce(world))
        table = shown(world)
        coming = await status(table)
        assert list(coming.windows) == ["ix-a"]
        assert coming.windows["ix-a"][0].startswith("aws: Planned maintenance")
        await go(world, AHEAD - 60)
        told = await explain(table, Asked(links=("ix-a",), flows=()))
        (link_told,) = told.links
        assert link_told.maintenance[0].startswith("left for maintenance from")
        assert link_told.fail_back[0].startswith("its maintenance window, until")
        await go(world, LASTING + 2 * HOLD)
        assert (await status(table)).windows == {}

    story(tell)


def shown(world: World) -> StatusTable:
    stores = {"aws": world.table.aws, "gcp": world.table.gcp, "witness": world.table.witness}
    return StatusTable(fabric=ROOMY, stores=stores, registers=world.gcp.registers, flags=world.flags, clock=world.clock)


def test_a_persons_window_and_its_end_reach_both_clouds() -> None:
    async def tell(world: World) -> None:
        table, now = shown(world), world.clock.now()
        wish = Wish(link="ix-a", start=now + timedelta(seconds=AHEAD), end=now + timedelta(hours=3), author="kim", reason="new optics")
        done = await add(table, wish)
        assert done.missed == {}
        await go(world, AHEAD)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        (one,) = (await listed(table)).windows
        await cancel(table, one.id, author="kim", reason="done early")
        await go(world, HOLD + 120)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        assert (await listed(table)).windows[0].withdrawn == "kim"

    story(tell)


def test_a_window_taken_back_while_a_store_was_gone_is_taken_back_there_too_by_the_same_command() -> None:
    async def tell(world: World) -> None:
        table, now = shown(world), world.clock.now()
        await add(
            table, Wish(link="ix-a", start=now + timedelta(seconds=AHEAD), end=now + timedelta(hours=3), author="kim", reason="optics")
        )
        (one,) = (await listed(table)).windows
        world.table.gcp.break_down()
        assert list((await cancel(table, one.id, author="kim", reason="called off")).missed) == [Cloud.GCP]
        world.table.gcp.mend()
        assert (await cancel(table, one.id, author="kim", reason="called off")).missed == {}
        with pytest.raises(Refused, match="taken back already"):
            await cancel(table, one.id, author="kim", reason="called off")
        world.table.aws.break_down()
        state = await go(world, AHEAD, clouds=(Cloud.GCP,))
        assert (state.drain, state.maintenance) == (None, None)

    story(tell)


def test_whoever_ends_a_drain_within_a_window_is_told_that_the_window_holds_the_link_off() -> None:
    async def tell(world: World) -> None:
        now = world.clock.now()
        await order(world.gcp, Order(key="d", verb=Verb.DRAIN, target="ix-a", author="kim", reason="optics", seen_at=now))
        await add(shown(world), Wish(link="ix-a", start=now, end=now + timedelta(hours=2), author="kim", reason="optics"))
        await go(world, 60)
        given = Order(key="u", verb=Verb.UNDRAIN, target="ix-a", author="kim", reason="done", seen_at=world.clock.now())
        assert "its maintenance window holds it off until" in (await order(world.gcp, given)).waits_for[-1]

    story(tell)


def test_what_a_person_sets_aside_counts_again_when_the_cloud_announces_it_anew() -> None:
    async def tell(world: World) -> None:
        world.gcp.looker.notices = nothing  # type: ignore[attr-defined]
        table = shown(world)
        (notice,) = (meaning for meaning in announce(world) if isinstance(meaning, Notice))
        await link_changed(world.aws, [notice])
        (one,) = (await listed(table)).windows
        await cancel(table, one.id, author="kim", reason="it was moved, they say")
        state = await go(world, AHEAD - 120)
        assert (state.drain, state.maintenance) == (None, None)
        assert notice.end is not None
        await link_changed(world.aws, [replace(notice, end=notice.end + timedelta(minutes=5), seen_at=world.clock.now())])
        state = await go(world, 120)
        assert state.maintenance is not None

    story(tell)


def test_a_window_of_a_person_who_reaches_one_store_alone_is_met_all_the_same() -> None:
    async def tell(world: World) -> None:
        table, now = shown(world), world.clock.now()
        world.table.gcp.break_down()
        wish = Wish(link="ix-a", start=now + timedelta(seconds=AHEAD), end=now + timedelta(hours=2), author="kim", reason="new optics")
        done = await add(table, wish)
        assert list(done.missed) == [Cloud.GCP]
        world.table.gcp.mend()
        await go(world, AHEAD)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        world.table.gcp.break_down()
        world.table.aws.break_down()
        with pytest.raises(Transient, match="neither cloud's rows"):
            await add(table, wish)

    story(tell)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hours": -3.0}, "before it starts"),
        ({"hours": 0.0}, "when it starts: give a later --to"),
        ({"ahead": -9.0, "hours": 1.0}, "still to end"),
        ({"hours": 169.0}, "longer than 7 days"),
        ({"ahead": 24.0 * 31}, "when it is nearer"),
        ({"link": "ix-z"}, "did you mean"),
        ({"author": " "}, "give --author and --reason"),
        ({"reason": ""}, "give --author and --reason"),
    ],
)
def test_a_window_that_cannot_be_is_refused_and_nothing_is_written_or_moved(change: dict[str, object], said: str) -> None:
    async def tell(world: World) -> None:
        plan = await world.plan()
        start = world.clock.now() + timedelta(hours=float(str(change.get("ahead", 1.0))))
        wish = Wish(
            link=str(change.get("link", "ix-a")),
            start=start,
            end=start + timedelta(hours=float(str(change.get("hours", 1.0)))),
            author=str(change.get("author", "kim")),
            reason=str(change.get("reason", "new optics")),
        )
        with pytest.raises(Refused, match=said):
            await add(shown(world), wish)
        assert [rows(world, cloud) for cloud in Cloud] == [[], []]
        assert (await world.plan()) == plan

    story(tell)
