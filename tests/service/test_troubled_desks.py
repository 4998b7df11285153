"""A desk in trouble keeps neither another desk waiting, nor a later incident, nor a reroute; and the sweeps say what it is."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from pointsman.core.errors import ConfigError, PointsmanError, Refused, Transient
from pointsman.core.fabric import Cloud, DeskSettings, Fabric, LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Phase, Ticket
from pointsman.core.outbox import LEASE, PAUSE
from pointsman.core.plan import Plan
from pointsman.core.steering import LeverKind, RoutePolicies
from pointsman.core.values import replace
from pointsman.entry.calls import told
from pointsman.ports.clouds import Lever
from pointsman.ports.desks import Desk
from pointsman.service.converge import converge
from pointsman.service.deliver import deliver, deliver_owed
from pointsman.service.sweep import DESKS_SECONDS, sweep
from pointsman.testing.inprocess import probes
from pointsman.testing.virtual import VirtualClock
from tests.core.scene import fabric
from tests.service.test_converge import ROOMY, LedgerDesk, World, story

IX_A = LinkName("ix-a")
BOSS = DeskSettings(name="boss", kind="pagerduty", secret="secret://boss", min_severity="info")
NOC_FIRST = replace(fabric(), desks=(*fabric().desks, BOSS))
BOSS_FIRST = replace(fabric(), desks=(BOSS, *fabric().desks))
BAD_KEY = Refused("desk noc: PagerDuty answered 400: check the desk's routing key")


class Troubled:
    """A desk that answers with an error, after some seconds. ``told`` lists when it was asked what."""

    name = "noc"

    def __init__(self, clock: VirtualClock, error: PointsmanError, seconds: float = 0.0) -> None:
        self.clock, self.error, self.seconds = clock, error, seconds
        self.told: list[tuple[float, str]] = []

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        assert key, letter
        self.told.append((self.clock.monotonic(), incident.link))
        await asyncio.sleep(self.seconds)
        raise self.error


class Picky(LedgerDesk):
    """A desk that refuses whatever it is told of one link."""

    def __init__(self, link: str) -> None:
        super().__init__()
        self.link = link

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        if incident.link == self.link:
            raise Refused(f"desk noc: nothing about {self.link}, and {key} is no reason")
        return await super().tell(incident, letter, key)


class Boss(LedgerDesk):
    name = "boss"


def furnish(world: World, **desks: Desk) -> None:
    for cloud in Cloud:
        setattr(world, cloud.value, dataclasses.replace(world.house(cloud), desks=desks))


async def outage(world: World, *links: str) -> None:
    """Let links fail, and both clouds agree on it; no desk is told yet."""
    for link in links:
        world.twin.network.blackhole(link)
    await world.clock.sleep(1)
    for _ in range(2):
        for cloud in Cloud:
            await converge(world.house(cloud), probes(world.twin, cloud))


@pytest.mark.parametrize("start", [NOC_FIRST, BOSS_FIRST], ids=["the bad desk first", "the bad desk last"])
@pytest.mark.parametrize("error", [BAD_KEY, ConfigError("no secret"), Transient("503")], ids=lambda error: type(error).__name__)
def test_a_desk_in_trouble_keeps_no_other_desk_waiting_for_any_letter(start: Fabric, error: PointsmanError) -> None:
    async def tell(world: World) -> None:
        boss = Boss()
        furnish(world, noc=Troubled(world.clock, error), boss=boss)
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        assert boss.told == ["open"]
        world.twin.network.heal("ix-a")
        await world.settle(480)
        assert boss.told == ["open", "resolve"]
        assert len((await world.plan()).links[IX_A].closing) == 1, "one desk has not heard of it"

    story(tell, start)


def test_a_letter_that_is_refused_for_good_holds_up_no_other_incident() -> None:
    async def tell(world: World) -> None:
        desk = Picky("ix-a")
        furnish(world, noc=desk)
        await outage(world, "ix-a", "ix-b")
        with pytest.raises(Transient, match="nothing about ix-a"):
            await deliver(world.aws)
        assert desk.told_of == [("ix-b", "open")]

    story(tell, ROOMY)


def test_an_incident_whose_letter_always_fails_lets_a_fresh_one_go_first() -> None:
    class Choking(LedgerDesk):
        async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
            if incident.link == "ix-a":
                raise Transient("desk noc: PagerDuty answered 500")
            return await super().tell(incident, letter, key)

    async def tell(world: World) -> None:
        desk = Choking()
        furnish(world, noc=desk)
        await outage(world, "ix-a")
        for _ in range(2):
            await deliver_owed(world.gcp)
            await world.clock.sleep(LEASE.total_seconds() + 1)
        await outage(world, "ix-b")
        await deliver_owed(world.gcp)
        assert ("ix-b", "open") in desk.told_of

    story(tell, ROOMY)


def test_a_desk_that_answers_nobody_is_asked_once_in_a_call_whatever_it_is_owed() -> None:
    async def tell(world: World) -> None:
        desk = Troubled(world.clock, Transient("503"), 5.0)
        furnish(world, noc=desk)
        await outage(world, "ix-a", "ix-b")
        assert len((await deliver_owed(world.gcp)).trouble) == 1
        assert len(desk.told) == 1

    story(tell, ROOMY)


def test_a_sweep_has_set_what_was_changed_by_hand_back_before_a_slow_desk_is_asked() -> None:
    class Witness(Troubled):
        async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
            seen.append((await lever().observe("ix-a")).setting)
            return await super().tell(incident, letter, key)

    seen: list[object] = []
    worlds: list[World] = []

    def lever() -> Lever:
        return worlds[0].gcp.levers[LeverKind.ROUTE_POLICY]

    async def tell(world: World) -> None:
        worlds.append(world)
        await outage(world, "ix-a")
        furnish(world, noc=Witness(world.clock, Transient("the desk keeps silent"), 10.0))
        agreed = await lever().observe("ix-a")
        await lever().apply(RoutePolicies(link=IX_A), agreed, "by hand")
        report = await sweep(world.gcp)
        assert seen == [agreed.setting]
        assert (world.clock.now() - report.began).total_seconds() >= 10.0, "it had begun before the desk was waited for"

    story(tell)


def test_no_sweep_begins_a_letter_once_its_time_for_desks_is_over() -> None:
    class Slow(LedgerDesk):
        async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
            await asyncio.sleep(DESKS_SECONDS + 1)
            return await super().tell(incident, letter, key)

    async def tell(world: World) -> None:
        desk = Slow()
        furnish(world, noc=desk)
        await outage(world, "ix-a", "ix-b")
        await sweep(world.gcp)
        assert desk.told == ["open"]
        await sweep(world.aws)
        assert desk.told_of == [("ix-a", "open"), ("ix-b", "open")]

    story(tell, ROOMY)


def test_a_desk_that_never_answers_holds_a_call_no_longer_than_its_lease() -> None:
    async def tell(world: World) -> None:
        furnish(world, noc=Troubled(world.clock, Transient("too late"), 3600.0))
        await outage(world, "ix-a")
        begun = world.clock.monotonic()
        with pytest.raises(Transient, match="desk noc gave no answer in 30 s"):
            await deliver(world.gcp)
        assert world.clock.monotonic() - begun < LEASE.total_seconds() + 5

    story(tell)


def test_a_sweep_opens_and_resolves_the_ticket_by_itself_and_closes_the_incident_in_the_same_sweep() -> None:
    async def tell(world: World) -> None:
        await outage(world, "ix-a")
        assert world.desk.told == []
        await sweep(world.gcp)
        assert world.desk.told == ["open"], "nobody else told the desk"
        world.twin.network.heal("ix-a")
        while "resolve" not in world.desk.told:
            await world.report(Cloud.AWS)
            await world.report(Cloud.GCP)
            report = await sweep(world.gcp)
            await world.clock.sleep(20)
        assert report.plan.links[IX_A].closing == ()

    story(tell)


def test_a_sweep_that_cannot_converge_tells_the_desks_all_the_same() -> None:
    async def tell(world: World) -> None:
        await outage(world, "ix-a")

        def never(*_: object) -> Plan:
            raise Transient("nothing can be decided now")

        stuck = dataclasses.replace(world.gcp, rules=dataclasses.replace(world.gcp.rules, decide=never))
        with pytest.raises(Transient, match="nothing can be decided"):
            await sweep(stuck)
        assert list(world.desk.tickets.values()) == [Phase.OPEN]

    story(tell)


def test_a_sweep_says_what_is_wrong_with_a_desk() -> None:
    async def tell(world: World) -> None:
        furnish(world, noc=Troubled(world.clock, BAD_KEY))
        await outage(world, "ix-a")
        for cloud in Cloud:
            report = await sweep(world.house(cloud))
            assert report.untold == (str(BAD_KEY),)
            assert told(report)["untold"] == [str(BAD_KEY)]

    story(tell)


@pytest.mark.parametrize(("asked", "given"), [(40, 40), (100, 100), (3_600, 300)])
def test_a_desk_that_asks_for_a_pause_is_left_alone_by_both_clouds_for_that_long_and_five_minutes_at_most(asked: int, given: int) -> None:
    async def tell(world: World) -> None:
        desk = Troubled(world.clock, Transient("desk noc: PagerDuty answered 429", retry_after=timedelta(seconds=asked)))
        furnish(world, noc=desk)
        await outage(world, "ix-a")
        with pytest.raises(Transient, match="429") as caught:
            await deliver(world.aws)
        assert caught.value.retry_after == timedelta(seconds=given)
        while len(desk.told) == 1:
            for cloud in Cloud:
                report = await sweep(world.house(cloud))
                assert "desk noc" in report.untold[0], "of a desk that is left alone each sweep tells"
            await world.clock.sleep(1)
        assert desk.told[1][0] - desk.told[0][0] == pytest.approx(given, abs=3)

    story(tell)


def test_while_a_desk_is_left_alone_nothing_of_another_incident_is_told_to_it_and_all_to_the_others() -> None:
    async def tell(world: World) -> None:
        noc, boss = Troubled(world.clock, Transient("429", retry_after=PAUSE)), Boss()
        furnish(world, noc=noc, boss=boss)
        await outage(world, "ix-a")
        await deliver_owed(world.aws)
        await world.clock.sleep(60)
        await outage(world, "ix-b")
        told = await deliver_owed(world.gcp)
        assert [link for _, link in noc.told] == ["ix-a"]
        assert boss.told_of == [("ix-a", "open"), ("ix-a", "update"), ("ix-b", "open")]
        assert [text.startswith("desk noc asked to be left alone until 2026-01-01T00:") for text in told.resting] == [True]

    story(tell, replace(ROOMY, desks=NOC_FIRST.desks))


def test_a_desk_whose_secret_is_mended_hears_of_all_and_the_incident_ends() -> None:
    async def tell(world: World) -> None:
        furnish(world, noc=Troubled(world.clock, BAD_KEY), boss=Boss())
        world.twin.network.blackhole("ix-a")
        await world.settle(60)
        world.twin.network.heal("ix-a")
        await world.settle(480)
        noc = LedgerDesk()
        furnish(world, noc=noc, boss=Boss())
        await world.settle(240)
        assert (noc.told[0], noc.told[-1]) == (Ask.OPEN, Ask.RESOLVE)
        assert (await world.plan()).links[IX_A].closing == ()

    story(tell, NOC_FIRST)


def test_of_two_calls_at_once_one_tells_the_desk_and_the_other_finds_no_fault_with_it() -> None:
    class Slow(LedgerDesk):
        async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
            await asyncio.sleep(2)
            return await super().tell(incident, letter, key)

    async def tell(world: World) -> None:
        desk = Slow()
        furnish(world, noc=desk)
        await outage(world, "ix-a")
        both = await asyncio.gather(*(deliver_owed(world.house(cloud)) for cloud in Cloud))
        assert (desk.told, [one.trouble for one in both]) == (["open"], [(), ()])
        assert [text.split(" of ")[0] for one in both for text in one.busy] == ["another function is telling desk noc"]

    story(tell)


def test_a_message_comes_again_while_another_function_tells_its_letter_for_that_one_may_die() -> None:
    async def tell(world: World) -> None:
        furnish(world, noc=Troubled(world.clock, Transient("dying"), LEASE.total_seconds() - 1))
        await outage(world, "ix-a")
        both = await asyncio.gather(*(deliver(world.house(cloud)) for cloud in Cloud), return_exceptions=True)
        assert sorted(str(one).split(" of ")[0] for one in both) == ["another function is telling desk noc", "dying"]

    story(tell)


def test_a_desk_that_refuses_keeps_no_other_waiting_in_the_same_call() -> None:
    async def tell(world: World) -> None:
        boss = Boss()
        furnish(world, noc=Troubled(world.clock, BAD_KEY), boss=boss)
        await outage(world, "ix-a")
        with pytest.raises(Transient, match="PagerDuty answered 400"):
            await deliver(world.aws)
        assert boss.told == ["open"]

    story(tell, NOC_FIRST)


def test_a_function_that_may_not_read_a_desks_secret_keeps_none_waiting_that_may() -> None:
    async def tell(world: World) -> None:
        await outage(world, "ix-a")
        blind = dataclasses.replace(world.gcp, desks={"noc": Troubled(world.clock, ConfigError("secret noc answers 403"))})
        assert (await sweep(blind)).untold == ("secret noc answers 403",)
        await deliver(world.aws)
        assert world.desk.told == ["open"]

    story(tell)
