"""A drain is called carried once packets were seen to pass where its flows went, and not before, nor where nothing says so."""

import dataclasses

from pointsman.core.fabric import Cloud
from pointsman.core.steering import Level
from pointsman.core.values import replace
from pointsman.entry.calls import told
from pointsman.service.converge import Report, converge, everywhere
from pointsman.service.house import House
from pointsman.service.sweep import sweep
from tests.core.scene import G, fabric, link
from tests.service.test_converge import World, story

START = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G))
PAIR = replace(START, flows=tuple(replace(flow, prefer=tuple(one.name for one in START.links)) for flow in START.flows))
UNPROBED = replace(PAIR, links=(PAIR.links[0], replace(PAIR.links[1], probes=())))


def levels(report: Report) -> set[Level]:
    return {step.verified.level for step in report.carried}


def missing(report: Report) -> str:
    return " ".join(step.verified.missing for step in report.carried)


async def left(world: World) -> Report:
    """Lose ix-a for both probers, and give what Google's function came to when it left it."""
    await world.settle(60)
    world.twin.network.blackhole("ix-a")
    await world.report(Cloud.AWS)
    report = await world.report(Cloud.GCP)
    assert {step.verified.level for step in report.steps} == {Level.EFFECTIVE}
    return report


def test_a_write_is_called_carried_by_the_first_pass_that_heard_of_a_probe_since() -> None:
    async def tell(world: World) -> None:
        report = await left(world)
        assert levels(report) == {Level.EFFECTIVE}
        assert "no probe over ix-b has been heard of since" in missing(report)
        still = await converge(world.gcp, (), everywhere(world.gcp))
        assert levels(still) == {Level.EFFECTIVE}, "what was heard before the write says nothing of it"
        await world.clock.sleep(120)
        later = await world.report(Cloud.GCP)
        assert levels(later) == {Level.CARRIED}
        assert {"on": "ix-a", "level": "carried", "missing": ""} in told(later)["carried"]
        assert (await world.report(Cloud.GCP)).carried == (), "it is told once"

    story(tell, PAIR)


def test_a_link_that_loses_the_flows_it_took_is_not_called_carrying() -> None:
    async def tell(world: World) -> None:
        await left(world)
        world.twin.network.blackhole("ix-b")
        await world.clock.sleep(120)
        later = await world.report(Cloud.GCP)
        assert (levels(later), "ix-b" in missing(later)) == ({Level.EFFECTIVE}, True)

    story(tell, PAIR)


def test_a_link_without_probes_is_never_called_carrying() -> None:
    async def tell(world: World) -> None:
        await left(world)
        await world.clock.sleep(120)
        later = await world.report(Cloud.GCP)
        assert levels(later) == {Level.EFFECTIVE}
        assert "no fresh probe says that packets pass over ix-b" in missing(later)

    story(tell, UNPROBED)


def test_seeing_it_costs_no_request() -> None:
    async def tell(world: World) -> None:
        await left(world)
        await world.clock.sleep(120)
        world.forget_requests()
        assert levels(await world.report(Cloud.GCP)) == {Level.CARRIED}
        raising = world.requests()
        await world.clock.sleep(120)
        world.forget_requests()
        assert (await world.report(Cloud.GCP)).carried == ()
        assert world.requests() == raising

    story(tell, PAIR)


def another(world: World) -> House:
    """Start another process of Google's functions."""
    return dataclasses.replace(world.gcp, effective={}, known={})


def verified(world: World) -> int:
    return sum(what.startswith("verify ") for _, what in world.twin.trips)


def test_a_sweep_in_another_process_tells_it_for_the_one_that_wrote_and_then_was_gone() -> None:
    async def tell(world: World) -> None:
        await left(world)
        sweeper = another(world)
        assert levels(await sweep(sweeper)) == {Level.EFFECTIVE}, "it proves the drain for itself"
        await world.clock.sleep(120)
        await world.report(Cloud.AWS)
        assert levels(await sweep(sweeper)) == {Level.CARRIED}
        assert (await sweep(sweeper)).carried == (), "it is told once"

    story(tell, PAIR)


def test_what_another_process_set_is_proved_once_and_a_link_that_is_home_never() -> None:
    async def tell(world: World) -> None:
        sweeper = another(world)
        world.forget_requests()
        await sweep(sweeper)
        assert verified(world) == 0, "nothing keeps any flow off a link"
        await left(world)
        world.forget_requests()
        for _ in range(3):
            await world.clock.sleep(60)
            await sweep(sweeper)
        assert verified(world) == 1

    story(tell, PAIR)
