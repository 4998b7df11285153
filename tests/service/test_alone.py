"""Without a majority: hold, or the one safe thing that the fabric permits; on the in-process twin and virtual time."""

import asyncio
import dataclasses

import pytest

from pointsman.core.alone import Phase
from pointsman.core.fabric import Cloud, LinkName, WithoutQuorum
from pointsman.core.incidents import Incident
from pointsman.core.journal import check_kept
from pointsman.core.modes import NoQuorum
from pointsman.core.plan import FlagState
from pointsman.core.steering import RANKS, FailoverTest, LeverKind, RoutePolicies
from pointsman.core.values import parse, replace
from pointsman.service.gather import note
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import MemoryFlag, probes
from tests.core.scene import G, fabric, flow, link
from tests.service.lonely import PROTECT, ROOMY, Lonely, lonely

IX_A, IX_B = LinkName("ix-a"), LinkName("ix-b")
EAST, WEST = flow("checkout", 1 * G, 1, ("ix-a", "ix-b"), 20), flow("backup", 1 * G, 2, ("ix-b", "ix-a"), 22)
CROSSED = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(EAST, WEST), policy=PROTECT)
TO_C = flow("checkout", 1 * G, 1, ("ix-a", "ix-c"), 20), flow("backup", 1 * G, 2, ("ix-b", "ix-c"), 22)
STAR = fabric(*(link(name, 10 * G) for name in ("ix-a", "ix-b", "ix-c")), flows=TO_C, policy=PROTECT)
LARGE = flow("training", 6 * G, 5, ("ix-a", "ix-b"), 21)
SMALL = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), flows=(EAST, LARGE), policy=PROTECT)


def test_google_alone_avoids_a_grey_link_and_leaves_every_other_lever_as_it_was() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        await one.world.clock.sleep(1)
        before = one.writes
        said = await one.report(Cloud.GCP)
        assert one.writes == before + 1
        assert one.world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert one.world.links("training") == ({"ix-b"}, {"ix-b"})
        assert "gcp avoided ix-a for checkout and training" in said.alone
        (deed,) = await one.deeds(Cloud.GCP)
        assert (deed.link, deed.phase) == ("ix-a", Phase.DONE)
        assert isinstance(deed.setting, RoutePolicies)
        assert {stance.rank for stance in (*deed.setting.imports, *deed.setting.exports)} == {RANKS}
        kept = await one.world.gcp.journal.entry(deed.entry)
        assert kept is not None
        check_kept(deed.entry, kept)  # so that it goes along when the stores are moved

    lonely(tell)


def test_aws_alone_withdraws_a_grey_link_by_a_test_that_ends_by_itself() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.AWS)
        one.grey("ix-a")
        await one.world.clock.sleep(1)
        await one.report(Cloud.AWS)
        await one.world.clock.sleep(5)
        assert one.world.links("checkout") == ({"ix-b"}, {"ix-b"})
        (deed,) = await one.deeds(Cloud.AWS)
        assert isinstance(deed.setting, FailoverTest)
        assert deed.setting.running

    lonely(tell)


def test_a_sweep_acts_on_what_was_noted_and_comes_again() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        assert await note(world.gcp, probes(world.twin, Cloud.GCP)) == ""
        with pytest.raises(NoQuorum, match="gcp avoided ix-a"):
            await sweep(world.gcp)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    lonely(tell)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_a_fabric_that_says_hold_holds(cloud: Cloud) -> None:
    async def tell(one: Lonely) -> None:
        one.alone(cloud)
        one.grey("ix-a")
        await one.world.clock.sleep(1)
        before = one.writes
        said = await one.report(cloud)
        assert "without_quorum: hold" in said.alone
        assert (one.writes, await one.deeds(cloud)) == (before, ())

    lonely(tell, replace(ROOMY, policy=replace(PROTECT, without_quorum=WithoutQuorum.HOLD)))


@pytest.mark.parametrize("cloud", list(Cloud))
def test_with_the_own_store_gone_a_cloud_holds(cloud: Cloud) -> None:
    async def tell(one: Lonely) -> None:
        one.cut(cloud, cloud.value, "witness")
        one.grey("ix-a")
        await one.world.clock.sleep(1)
        before = one.writes
        assert "hold: the own store" in (await one.report(cloud)).alone
        assert one.writes == before

    lonely(tell)


@pytest.mark.parametrize(("by_aws", "by_google"), [("ix-a", "ix-b"), ("ix-b", "ix-a")])
def test_both_clouds_alone_at_once_each_avoid_the_others_way_out_and_every_flow_is_still_carried(by_aws: str, by_google: str) -> None:
    async def tell(one: Lonely) -> None:
        one.alone(*Cloud)
        ends = await asyncio.gather(one.report(Cloud.AWS, lost=by_aws), one.report(Cloud.GCP, lost=by_google))
        assert [f"avoided {name}" in end.alone for name, end in zip((by_aws, by_google), ends, strict=True)] == [True, True]
        await one.world.clock.sleep(10)
        for each in CROSSED.flows:
            assert one.world.links(each.name) == ({by_google}, {by_google})
            assert one.world.twin.network.loss(each.name) == 0.0

    lonely(tell, CROSSED)


def test_once_per_hold_down_is_all_that_is_permitted() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        await one.world.clock.sleep(1)
        await one.report(Cloud.GCP)
        one.grey("ix-b")
        await one.world.clock.sleep(20)
        before = one.writes
        assert "once per hold-down" in (await one.report(Cloud.GCP)).alone
        assert one.writes == before
        await one.world.clock.sleep(290)
        await one.report(Cloud.GCP)
        assert [deed.link for deed in await one.deeds(Cloud.GCP)] == ["ix-a", "ix-b"]
        assert one.world.links("backup") == ({"ix-c"}, {"ix-c"})

    lonely(tell, STAR)


def test_many_reports_at_once_make_one_write() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.AWS)
        one.grey("ix-a")
        await one.world.clock.sleep(1)
        before = one.writes
        await asyncio.gather(*(one.report(Cloud.AWS) for _ in range(6)))
        assert one.writes == before + 1

    lonely(tell)


class Dying(RuntimeError):
    """The process is gone."""


def test_a_function_that_dies_between_claim_and_write_is_followed_by_another_that_finishes_the_same_thing() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        whole, lever = world.gcp, world.gcp.levers[LeverKind.ROUTE_POLICY]

        class Fatal:
            kind = LeverKind.ROUTE_POLICY
            observe = lever.observe

            async def apply(self, *_: object) -> None:
                raise Dying

        world.gcp = dataclasses.replace(whole, levers={LeverKind.ROUTE_POLICY: Fatal()})  # type: ignore[dict-item]
        with pytest.raises(Dying):
            await world.report(Cloud.GCP)
        world.gcp = whole
        assert [deed.phase for deed in await one.deeds(Cloud.GCP)] == [Phase.CLAIMED]
        assert "right now" in (await one.report(Cloud.GCP)).alone
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        await world.clock.sleep(60)
        await one.report(Cloud.GCP)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert [deed.phase for deed in await one.deeds(Cloud.GCP)] == [Phase.DONE]

    lonely(tell)


class Drowsy(MemoryFlag):
    """Takes minutes to be read the second time, as a process that was frozen in between does."""

    reads = 0

    async def read(self) -> FlagState:
        self.reads += 1
        if self.reads == 2:
            await asyncio.sleep(20)
        return await super().read()


def test_a_function_that_thaws_long_after_its_claim_does_not_use_it() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        world.gcp = dataclasses.replace(world.gcp, flags={**world.gcp.flags, Cloud.AWS: Drowsy(Cloud.AWS)})
        before = one.writes
        said = await one.report(Cloud.GCP)
        assert "not used in time" in said.alone
        assert (one.writes, [deed.phase for deed in await one.deeds(Cloud.GCP)]) == (before, [Phase.VOID])

    lonely(tell)


@pytest.mark.parametrize("state", [FlagState.SET, FlagState.UNREADABLE])
def test_the_own_freeze_flag_is_obeyed_and_once_cleared_the_link_is_left(state: FlagState) -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        world.flags[Cloud.GCP].state = state
        before = one.writes
        assert "hold: " in (await one.report(Cloud.GCP)).alone
        assert (one.writes, await one.deeds(Cloud.GCP)) == (before, ())
        world.flags[Cloud.GCP].state = FlagState.CLEAR
        await one.report(Cloud.GCP)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    lonely(tell)


def test_the_other_clouds_flag_is_obeyed_as_long_as_it_can_be_read() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        world.flags[Cloud.AWS].state = FlagState.SET
        before = one.writes
        assert "frozen" in (await one.report(Cloud.GCP)).alone
        assert (one.writes, await one.deeds(Cloud.GCP)) == (before, ())
        world.flags[Cloud.AWS].state = FlagState.UNREADABLE
        await one.report(Cloud.GCP)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    lonely(tell)


class Sudden(MemoryFlag):
    """Is set between its first reading and its second."""

    async def read(self) -> FlagState:
        before, self.state = self.state, FlagState.SET
        return before


def test_a_freeze_that_comes_after_the_claim_still_stops_the_write() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        world.gcp = dataclasses.replace(world.gcp, flags={**world.gcp.flags, Cloud.GCP: Sudden(Cloud.GCP)})
        before = one.writes
        assert "frozen" in (await one.report(Cloud.GCP)).alone
        assert (one.writes, [deed.phase for deed in await one.deeds(Cloud.GCP)]) == (before, [Phase.VOID])

    lonely(tell)


def test_a_blip_is_not_taken_for_the_loss_of_the_majority() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(Cloud.GCP)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        looker = world.gcp.looker

        class Healing:
            cloud = Cloud.GCP
            looks = 0

            async def look(self, links: tuple[str, ...]) -> object:
                self.looks += 1
                if self.looks == 2:
                    one.heal()
                return await looker.look(links)

        world.gcp = dataclasses.replace(world.gcp, looker=Healing())  # type: ignore[arg-type]
        before = one.writes
        assert "a majority of the stores answers again" in (await one.report(Cloud.GCP)).alone
        assert (one.writes, await one.deeds(Cloud.GCP)) == (before, ())

    lonely(tell)


def test_a_link_that_is_the_last_one_seen_healthy_is_never_touched() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(*Cloud)
        for name in ("ix-a", "ix-b"):
            one.grey(name)
        await one.world.clock.sleep(1)
        before = one.writes
        for cloud in Cloud:
            assert (await one.report(cloud)).alone.startswith("hold: ")
        assert one.writes == before

    lonely(tell, CROSSED)


def test_nobody_who_is_well_is_squeezed() -> None:
    """ix-b has no room for both: Google lets checkout leave without training."""

    async def tell(one: Lonely) -> None:
        one.alone(*Cloud)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        await one.report(Cloud.GCP)
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        assert world.links("training") == ({"ix-a"}, {"ix-a"})

    lonely(tell, SMALL)


def test_at_heal_the_avoidance_becomes_a_drain_that_is_told_and_ends_after_its_hold_down() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(*Cloud)
        one.grey("ix-a")
        world = one.world
        await world.clock.sleep(1)
        await one.report(Cloud.GCP)
        began = world.clock.monotonic()
        world.twin.network.heal("ix-a")
        await world.clock.sleep(30)
        one.heal()
        await world.settle(100)
        plan = await world.plan()
        assert plan.links[IX_A].drain is not None
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
        incident = await incident_of(one, plan.links[IX_A].down_since_epoch)
        assert any("mode alone" in moment.text for moment in incident.timeline)
        assert any("mode alone" in letter.summary for letter in incident.outbox)
        assert all(deed.told for deed in await one.deeds(Cloud.GCP))
        while world.links("checkout") != ({"ix-a"}, {"ix-a"}):
            await world.settle(20)
            assert world.clock.monotonic() - began < 600
        assert world.clock.monotonic() - began >= 300
        await world.settle(400)
        assert (await world.plan()).links[IX_A].down_since_epoch is None

    lonely(tell)


async def incident_of(one: Lonely, epoch: int | None) -> Incident:
    value = (await one.world.gcp.registers.read(f"incident/atlas/ix-a@{epoch}")).value
    assert value is not None
    return parse(value, Incident)


def test_an_epoch_agreed_meanwhile_beats_what_was_done_alone() -> None:
    """AWS is cut off and withdraws ix-a; Google and the witness go on and agree on something else."""

    async def tell(one: Lonely) -> None:
        world = one.world
        one.alone(Cloud.AWS)
        one.grey("ix-a")
        await world.clock.sleep(1)
        await one.report(Cloud.AWS)
        world.twin.network.heal("ix-a")
        one.cut(Cloud.GCP, "aws")
        before = (await world.plan()).epoch
        await world.settle(40, clouds=(Cloud.GCP,))
        assert (await world.plan()).epoch > before
        one.heal()
        await sweep(world.aws)
        lever = await world.aws.levers[LeverKind.FAILOVER_TEST].observe("ix-a")
        assert isinstance(lever.setting, FailoverTest)
        assert lever.setting.running is False or (await world.plan()).links[IX_A].drain is not None
        assert all(deed.told for deed in await one.deeds(Cloud.AWS))

    lonely(tell)


def test_when_nothing_was_done_alone_healing_costs_nothing() -> None:
    async def tell(one: Lonely) -> None:
        one.alone(*Cloud)
        await one.report(Cloud.GCP)
        one.heal()
        world = one.world
        before = (await world.plan()).epoch
        world.forget_requests()
        await world.settle(60)
        assert (await world.plan()).epoch == before
        assert not [what for store in world.table.stores for what, about in store.traffic if about.startswith("alone/")]

    lonely(tell)
