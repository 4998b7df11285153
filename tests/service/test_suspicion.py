"""A lone claim: both ends look, woken by each other, and the link is left, or cleared, within seconds; no traffic moves in between."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.members import peer_key
from pointsman.core.plan import Plan, Verdict
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Tick, Vantage
from pointsman.core.values import replace
from pointsman.service.doors import link_changed
from pointsman.service.gather import note
from pointsman.service.sweep import sweep
from pointsman.testing.inprocess import probes
from pointsman.testing.virtual import run
from tests.core.scene import G, fabric, link, vpn
from tests.service.test_converge import World, build

IX_A = LinkName("ix-a")
NUDGE_SECONDS = 0.2
"""How long a hint takes to the other cloud's function."""
ROOMY = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())


@dataclass
class Woken:
    """A world whose clouds wake each other; ``history`` is every plan that was agreed, with when."""

    world: World
    history: list[tuple[float, Plan]] = field(default_factory=list)
    _calls: set[asyncio.Task[None]] = field(default_factory=set)

    def wire(self) -> None:
        for cloud in Cloud:
            house = dataclasses.replace(self.world.house(cloud), nudge=self._hint(cloud.other))
            if cloud is Cloud.AWS:
                self.world.aws = house
            else:
                self.world.gcp = house

    def _hint(self, to: Cloud) -> Callable[[str, int], Awaitable[None]]:
        async def nudge(_: str, epoch: int) -> None:
            call = asyncio.ensure_future(self._woken(to, epoch))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

        return nudge

    async def _woken(self, cloud: Cloud, epoch: int) -> None:
        await self.world.clock.sleep(NUDGE_SECONDS)
        tick = Tick(vantage=Vantage(cloud.value), key=f"nudge/atlas/{epoch}", seen_at=self.world.clock.now())
        await link_changed(self.world.house(cloud), [tick])
        await self.keep()

    async def tell(self, cloud: Cloud, *claims: Sighting) -> None:
        """Hand a cloud's function an event."""
        await link_changed(self.world.house(cloud), claims)
        await self.keep()

    async def keep(self) -> None:
        plan = await self.world.plan()
        if not self.history or self.history[-1][1] != plan:
            self.history.append((self.world.clock.monotonic(), plan))

    async def later(self, seconds: float) -> None:
        """Let time pass and every call end that was under way."""
        await self.world.clock.sleep(seconds)
        while self._calls:
            await asyncio.wait(self._calls)
        self.world.twin.catch_up()

    async def probed(self) -> None:
        for cloud in Cloud:
            await self.tell(cloud, *probes(self.world.twin, cloud))

    @property
    def verdicts(self) -> list[Verdict]:
        """What was agreed of ix-a, each once."""
        found: list[Verdict] = []
        for _, plan in self.history:
            verdict = plan.links[IX_A].verdict
            if found[-1:] != [verdict]:
                found.append(verdict)
        return found

    def when(self, verdict: Verdict) -> float:
        return next(at for at, plan in self.history if plan.links[IX_A].verdict is verdict)

    def moved_at(self) -> list[float]:
        return [at for at, _ in self.world.twin.writes]

    def alarm(self, health: Health = Health.DOWN) -> Sighting:
        """Say that AWS's cross-connect of ix-a has no light, or has it again."""
        return Sighting(
            vantage=Vantage.AWS,
            member="dxcon-1",
            source=Source.CLOUDWATCH,
            aspect=Aspect.LINK,
            health=health,
            seen_at=self.world.clock.now(),
            cause=Cause.ALARM if health is Health.DOWN else Cause.ALARM_CLEARED,
        )

    def light_gone(self) -> Sighting:
        """Say what Google's router log says of the far end."""
        return Sighting(
            vantage=Vantage.GCP,
            member=peer_key("77", "169.254.1.2"),
            source=Source.ROUTER_LOG,
            aspect=Aspect.BGP,
            health=Health.DOWN,
            seen_at=self.world.clock.now(),
            cause=Cause.LINK_DOWN,
        )


@pytest.fixture
def story() -> Callable[[Callable[[Woken], Awaitable[None]]], None]:
    def told(tell: Callable[[Woken], Awaitable[None]]) -> None:
        async def main() -> None:
            woken = Woken(build(ROOMY))
            await woken.world.settle(1)
            await woken.world.settle(1)
            await woken.world.settle(60)
            woken.world.twin.writes.clear()
            woken.wire()
            await woken.keep()
            await tell(woken)

        run(main())

    return told


Story = Callable[[Callable[[Woken], Awaitable[None]]], None]


def test_a_lone_claim_wakes_the_other_cloud_which_confirms_it_within_a_second(story: Story) -> None:
    """The link is cut; AWS's alarm comes, and Google has seen the light go too but its log has not told yet."""

    async def tell(woken: Woken) -> None:
        woken.world.twin.network.cut("ix-a")
        await woken.later(6)  # BFD would be faster; Google's peer is down by then
        began = woken.world.clock.monotonic()
        await woken.tell(Cloud.AWS, woken.alarm())
        await woken.later(5)
        assert woken.when(Verdict.DOWN) - began < 1.0
        assert woken.verdicts[-1] is Verdict.DOWN
        assert all(at >= woken.when(Verdict.DOWN) - 1.0 for at in woken.moved_at())

    story(tell)


def test_between_suspicion_and_confirmation_no_lever_is_written(story: Story) -> None:
    """A grey failure that AWS's alarm tells of first: nobody acts until the other end's word is there."""

    async def tell(woken: Woken) -> None:
        woken.world.twin.network.blackhole("ix-a")
        await woken.tell(Cloud.AWS, woken.alarm())
        await woken.later(10)
        assert woken.verdicts == [Verdict.UP, Verdict.SUSPECT]
        assert woken.moved_at() == []
        began = woken.world.clock.monotonic()
        await woken.tell(Cloud.GCP, *probes(woken.world.twin, Cloud.GCP))
        await woken.later(5)
        assert woken.verdicts == [Verdict.UP, Verdict.SUSPECT, Verdict.DOWN]
        assert woken.moved_at()
        assert began <= min(woken.moved_at()) < began + 1.0
        assert woken.world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell)


def test_a_lone_claim_about_a_sound_link_wakes_the_other_cloud_and_is_cleared_when_both_ends_have_found_it_well(story: Story) -> None:
    async def tell(woken: Woken) -> None:
        await woken.tell(Cloud.AWS, woken.alarm())
        assert woken.verdicts == [Verdict.UP, Verdict.SUSPECT]
        before = woken.world.links("checkout")
        woken.world.forget_requests()
        await woken.later(1)
        looked = [what for _, what in woken.world.twin.trips if what.startswith("look gcp")]
        assert looked, "the hint made Google look"
        await woken.later(10)
        began = woken.world.clock.monotonic()
        await woken.probed()
        await woken.later(1)
        assert woken.verdicts == [Verdict.UP, Verdict.SUSPECT, Verdict.UP]
        assert woken.when(Verdict.UP) <= began + 2.0
        assert woken.moved_at() == []
        assert woken.world.links("checkout") == before

    story(tell)


def test_a_claim_that_is_taken_back_clears_the_suspicion_at_once(story: Story) -> None:
    async def tell(woken: Woken) -> None:
        await woken.tell(Cloud.AWS, woken.alarm())
        await woken.later(2)
        await woken.tell(Cloud.AWS, woken.alarm(Health.UP))
        assert woken.verdicts == [Verdict.UP, Verdict.SUSPECT, Verdict.UP]
        assert woken.moved_at() == []

    story(tell)


def test_a_hint_that_is_lost_only_delays_the_other_clouds_word_until_its_sweep(story: Story) -> None:
    async def tell(woken: Woken) -> None:
        woken.world.aws = dataclasses.replace(woken.world.aws, nudge=None)
        woken.world.twin.network.cut("ix-a")
        await woken.later(70)
        await woken.tell(Cloud.AWS, woken.alarm())
        await sweep(woken.world.gcp)
        await woken.keep()
        assert woken.verdicts[-1] is Verdict.DOWN

    story(tell)


def test_a_session_that_only_an_event_calls_down_is_cleared_by_the_look_of_its_own_cloud(story: Story) -> None:
    """The session is back before anybody looks: nothing was ever agreed but that the link is up."""

    async def tell(woken: Woken) -> None:
        event = woken.light_gone()
        await woken.later(1)
        await woken.tell(Cloud.GCP, event)
        await woken.later(2)
        assert woken.verdicts == [Verdict.UP]
        assert woken.moved_at() == []

    story(tell)


def test_what_one_clouds_look_clears_the_other_does_not_suspect_again_and_again(story: Story) -> None:
    """A session was gone for a moment, and the function that took the event died; Google's look only repeats what its row says."""

    async def tell(woken: Woken) -> None:
        await sweep(woken.world.gcp)  # so that its looks are young in their rows
        await woken.later(1)
        await note(woken.world.gcp, [replace(woken.light_gone(), cause=Cause.SESSION_DOWN)])
        await woken.later(1)
        before = (await woken.world.plan()).epoch
        await sweep(woken.world.aws)
        await woken.later(30)
        plan = await woken.world.plan()
        assert plan.links[IX_A].verdict is Verdict.UP
        assert plan.epoch - before == 2, "suspected once, cleared once"

    story(tell)
