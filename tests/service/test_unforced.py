"""Levers that are refused for good while a link is dead: whoever is on call learns that nothing moved, and of whom to ask what."""

import dataclasses
from collections.abc import Callable, Iterable

from pointsman.core.fabric import Cloud
from pointsman.core.incidents import Ask, Severity
from pointsman.core.sightings import Sighting
from pointsman.core.steering import LeverKind, Observed, Setting, Verified
from pointsman.ports.clouds import Lever, LeverFailed
from pointsman.service.converge import converge
from pointsman.service.deliver import deliver
from pointsman.service.explain import Asked, explain
from pointsman.service.gather import note
from pointsman.service.house import House
from pointsman.service.status import status
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from tests.service.test_converge import ROOMY, World, story
from tests.service.test_overfilled import ReadingDesk
from tests.service.test_status import one_of, table

NOT = "is agreed and not in force"


class Barred:
    """A lever whose cloud lets itself be read, and denies every write until a person has granted the right."""

    def __init__(self, inner: Lever, granted: Callable[[], bool]) -> None:
        self.kind: LeverKind = inner.kind
        self._inner, self._granted = inner, granted

    async def observe(self, target: str) -> Observed:
        return await self._inner.observe(target)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        if not self._granted():
            raise LeverFailed(f"{self.kind} is denied: grant the right to write it")
        await self._inner.apply(want, observed, token)

    async def undo(self, observed: Observed, token: str) -> None:
        raise AssertionError(observed, token)

    async def verify(self, want: Setting) -> Verified:
        return await self._inner.verify(want)


class Unseen(Barred):
    """A lever whose cloud denies even that it is read."""

    async def observe(self, target: str) -> Observed:
        if not self._granted():
            raise LeverFailed(f"{self.kind} is denied: grant the right to read it")
        return await super().observe(target)


@dataclasses.dataclass
class Scene:
    """The world with a desk that keeps what it was told, and with levers that are barred until ``granted``."""

    world: World
    desk: ReadingDesk
    granted: bool = False

    def bar(self, clouds: Iterable[Cloud] = tuple(Cloud), kind: type[Barred] = Barred) -> None:
        for cloud in Cloud:
            house = dataclasses.replace(self.world.house(cloud), desks={"noc": self.desk})
            barred = {name: kind(lever, lambda: self.granted) for name, lever in house.levers.items()}
            levers = barred if cloud in clouds else dict(house.levers)
            hands = {name: dataclasses.replace(one, levers=levers) for name, one in house.hands.items()}
            setattr(self.world, cloud.value, dataclasses.replace(house, levers=levers, hands=hands))

    async def go_grey(self, seconds: float) -> None:
        self.world.twin.network.blackhole("ix-a")
        await self.world.settle(seconds)

    def said(self) -> list[str]:
        return [letter.summary for letter in self.desk.letters if NOT in letter.summary]

    async def refusals(self, cloud: Cloud) -> list[Sighting]:
        rows = (await self.world.house(cloud).rows[cloud].rows(cloud)).rows
        return [row for row in rows if row.member.startswith("refused/")]


def scene(world: World) -> Scene:
    return Scene(world, ReadingDesk())


def test_with_every_lever_denied_the_ticket_is_critical_and_says_which_and_what_to_do() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar()
        await here.go_grey(120)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"}), "nothing has moved"
        last = here.desk.letters[-1]
        assert (last.ask, last.severity) == (Ask.UPDATE, Severity.CRITICAL)
        assert "aws.failover_test is denied: grant the right to write it" in last.summary
        assert "gcp.route_policy is denied: grant the right to write it" in last.summary
        assert "nothing leads checkout, training off it" in last.summary
        assert len(here.desk.tickets) == 1

    story(tell)


def test_it_is_told_once_however_long_it_lasts() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar()
        await here.go_grey(120)
        told, rows = len(here.desk.letters), [await here.refusals(cloud) for cloud in Cloud]
        await world.settle(900)
        assert len(here.desk.letters) == told
        assert [await here.refusals(cloud) for cloud in Cloud] == rows, "a row is written once"

    story(tell)


def test_status_and_explain_say_it_and_no_longer_that_the_link_is_drained() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar()
        await here.go_grey(120)
        found = await status(table(world))
        assert NOT in found.todo[0]
        assert one_of(found, "ix-a is down") == "ix-a is down, its drain agreed and not in force"
        explained = await explain(table(world), Asked(links=("ix-a",), flows=()))
        assert NOT in explained.links[0].drained

    story(tell)


def test_once_the_right_is_granted_traffic_moves_and_the_ticket_says_so() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar()
        await here.go_grey(120)
        here.granted = True
        await world.settle(120)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert "is in force: gcp found it set" in here.desk.letters[-1].summary
        found = await status(table(world))
        assert one_of(found, "ix-a is down") == "ix-a is down, drained"
        assert not one_of(found, "refuses")

    story(tell)


def test_with_googles_denied_alone_aws_takes_over_and_the_right_that_lacks_is_told_all_the_same() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar((Cloud.GCP,))
        await here.go_grey(180)
        assert "ix-a" not in world.links("checkout")[0]
        assert {letter.severity for letter in here.desk.letters} <= {Severity.WARNING, Severity.ERROR}
        assert one_of(await status(table(world)), "gcp refuses its functions the lever gcp.route_policy")

    story(tell, ROOMY)


def test_levers_that_may_not_even_be_read_are_told_too() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar(kind=Unseen)
        await here.go_grey(180)
        assert "grant the right to read it" in here.desk.letters[-1].summary
        assert here.desk.letters[-1].severity is Severity.CRITICAL

    story(tell)


def test_the_function_that_meets_the_refusal_wakes_the_one_that_tells_the_desk_once() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar()
        posted: list[str] = []
        told: House = world.gcp

        async def post(incident: str) -> None:
            posted.append(incident)
            await deliver(told, frozenset({incident}))

        gcp = dataclasses.replace(world.gcp, post=post, desks={})
        await world.settle(60)
        world.twin.network.blackhole("ix-a")
        await note(world.aws, probes(world.twin, Cloud.AWS))
        report = await converge(gcp, probes(world.twin, Cloud.GCP))
        assert [step.refused for step in report.steps] == [True] * 3
        assert here.said(), "told at once, before any sweep"
        assert here.desk.letters[-1].severity is Severity.ERROR
        count = len(posted)
        await sweep(gcp)
        assert len(posted) == count

    story(tell)


def test_with_googles_functions_dead_and_awss_drain_held_the_drain_that_nobody_set_is_told_after_its_time() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar(())
        await world.settle(60)
        world.twin.network.blackhole("ix-a")
        end = world.clock.monotonic() + 240
        aws = dataclasses.replace(world.aws, levers={}, hands={})  # it has no hand to act with either, and nobody refuses anything
        while world.clock.monotonic() < end:
            await note(world.gcp, probes(world.twin, Cloud.GCP))
            await note(world.aws, probes(world.twin, Cloud.AWS))
            await sweep(aws)
            await world.clock.sleep(20)
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        (last,) = here.said()
        assert "no functions on aws or gcp have found their levers set" in last
        assert here.desk.letters[-1].severity is Severity.CRITICAL

    story(tell)


def test_rows_that_cannot_be_read_are_no_proof_that_nobody_has_set_a_drain() -> None:
    async def tell(world: World) -> None:
        here = scene(world)
        here.bar(())
        await here.go_grey(60)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        world.table.gcp.break_down()
        await world.settle(240, clouds=(Cloud.AWS,))
        assert here.said() == []

    story(tell)
