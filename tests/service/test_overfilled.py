"""Google's functions are dead and AWS's failover test is all there is: what it overfills is said, at the desk and in the status."""

import dataclasses

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.incidents import Ask, Incident, Letter, Severity, Ticket
from pointsman.core.steering import LeverKind
from pointsman.service.converge import converge
from pointsman.service.deliver import deliver
from pointsman.service.gather import Scope, note
from pointsman.service.house import House
from pointsman.service.status import status
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from tests.core.scene import G, fabric, flow, link
from tests.service.test_converge import LedgerDesk, World, story
from tests.service.test_status import one_of, table

LINKS = ("ix-a", "ix-b", "ix-c")
TIGHT = fabric(
    link("ix-a", 10 * G),
    link("ix-b", 5 * G),
    link("ix-c", 10 * G, cost=0.02),
    flows=(flow("checkout", G, 1, LINKS, 20), flow("training", 6 * G, 5, LINKS, 21)),
)
SAID = "ix-b is overfilled, and loses 28.6% of the packets of checkout, training"


class ReadingDesk(LedgerDesk):
    """A desk that keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[Letter] = []

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        self.letters.append(letter)
        return await super().tell(incident, letter, key)


def with_desk(world: World, desk: ReadingDesk) -> House:
    """Give AWS's functions a desk, and a queue of letters that comes at once."""
    return dataclasses.replace(world.aws, desks={"noc": desk})


async def alone(world: World, aws: House, seconds: float) -> None:
    """Let time pass while Google's prober still writes its rows, and nobody of Google's but that acts."""
    end = world.clock.monotonic() + seconds
    while world.clock.monotonic() < end:
        await note(world.gcp, probes(world.twin, Cloud.GCP))
        await note(world.aws, probes(world.twin, Cloud.AWS))
        await sweep(aws)
        await world.clock.sleep(20)
    world.twin.catch_up()


async def emptied_by_aws(world: World) -> tuple[ReadingDesk, House]:
    """Let ix-a go grey with Google's functions dead until AWS has taken over; gives the desk that is told, and AWS's house."""
    desk = ReadingDesk()
    aws = with_desk(world, desk)
    await world.settle(60)
    world.twin.network.blackhole("ix-a")
    await alone(world, aws, 240)
    return desk, aws


def test_what_aws_own_drain_overfills_is_told_once_at_the_desk_and_in_the_status() -> None:
    async def tell(world: World) -> None:
        desk, _ = await emptied_by_aws(world)
        assert world.links("checkout") == world.links("training") == ({"ix-b"}, {"ix-b"})
        assert world.twin.network.loss("checkout") == pytest.approx(2 / 7)
        told = [letter for letter in desk.letters if SAID in letter.summary]
        assert [(one.ask, one.severity) for one in told] == [(Ask.UPDATE, Severity.ERROR)]
        assert len(desk.tickets) == 1, "one ticket, brought up to date"
        assert one_of(await status(table(world)), SAID)

    story(tell, TIGHT)


def test_once_googles_finer_levers_are_set_nothing_is_said_any_more() -> None:
    async def tell(world: World) -> None:
        desk, aws = await emptied_by_aws(world)
        await sweep(world.gcp)
        await alone(world, aws, 60)
        assert world.links("training") == ({"ix-c"}, {"ix-c"})
        assert not one_of(await status(table(world)), "overfilled")
        assert sum(SAID in letter.summary for letter in desk.letters) == 1

    story(tell, TIGHT)


def test_the_function_that_lets_the_test_run_wakes_the_one_that_tells_the_desk() -> None:
    async def tell(world: World) -> None:
        desk = ReadingDesk()
        posted: list[str] = []

        async def post(incident: str) -> None:
            posted.append(incident)
            await deliver(with_desk(world, desk), frozenset({incident}))

        aws = dataclasses.replace(world.aws, post=post, desks={})
        await world.settle(60)
        world.twin.network.blackhole("ix-a")
        await alone(world, aws, 240)
        assert len(posted) == 2, "once for the outage, once for what its drain does"
        assert SAID in desk.letters[-1].summary

    story(tell, TIGHT)


def test_it_does_so_too_where_another_call_wrote_the_lever_and_a_sweep_finds_it_in_force() -> None:
    async def tell(world: World) -> None:
        posted: list[str] = []

        async def post(incident: str) -> None:
            posted.append(incident)

        aws = dataclasses.replace(world.aws, post=post, desks={})
        await world.settle(60)
        world.twin.network.blackhole("ix-a")
        await note(world.gcp, probes(world.twin, Cloud.GCP))
        await converge(aws, probes(world.twin, Cloud.AWS))
        await world.clock.sleep(TIGHT.policy.takeover_after.total_seconds())
        await note(world.gcp, probes(world.twin, Cloud.GCP))
        report = await converge(aws, probes(world.twin, Cloud.AWS), Scope(levers=((LeverKind.FAILOVER_TEST, "ix-a"),)))
        assert ([step.written for step in report.steps], report.settled, len(posted)) == ([True], False, 1)
        assert not (await sweep(aws)).steps
        assert len(posted) == 2

    story(tell, TIGHT)


def test_while_google_acts_nothing_is_overfilled_and_nothing_said() -> None:
    async def tell(world: World) -> None:
        await world.settle(60)
        world.twin.network.blackhole("ix-a")
        await world.settle(120)
        assert world.links("training") == ({"ix-c"}, {"ix-c"})
        assert not one_of(await status(table(world)), "overfilled")

    story(tell, TIGHT)
