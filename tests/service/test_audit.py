"""The sweep audits its own cloud once an hour and tells each finding once."""

import dataclasses
from collections import deque
from datetime import datetime

from pointsman.core.audit.seen import Attachment, Seen
from pointsman.core.fabric import Cloud
from pointsman.service.house import Hands, House
from pointsman.service.sweep import AUDIT_EVERY, AUDIT_MINUTE, AUDIT_SECONDS, sweep
from pointsman.testing.virtual import VirtualClock
from tests.service.test_converge import World, story


class Unwired:
    """Shows one attachment that is wired to nothing."""

    cloud = Cloud.AWS

    def __init__(self, clock: VirtualClock, delay: float) -> None:
        self.clock, self.delay, self.asked = clock, delay, 0

    async def seen(self, since: datetime) -> Seen:
        assert since < self.clock.now()
        self.asked += 1
        await self.clock.sleep(self.delay)
        return Seen(cloud=self.cloud, attachments=(Attachment(id="tgw-attach-1", propagates=("tgw-rtb-1",)),))


def audited(world: World, delay: float = 0.0) -> tuple[House, Unwired]:
    auditor, bare = Unwired(world.clock, delay), world.aws
    hands = Hands(looker=bare.looker, levers=bare.levers, auditor=lambda: auditor)
    return dataclasses.replace(bare, hands={bare.current.hash: hands}), auditor


async def due(world: World) -> None:
    """Let time pass until the minute in which AWS audits."""
    minutes = int(world.clock.now().timestamp()) // 60 % AUDIT_EVERY
    await world.clock.sleep(60.0 * ((AUDIT_MINUTE[Cloud.AWS] - minutes - 1) % AUDIT_EVERY + 1))


def test_an_audit_is_made_in_its_minute_alone_and_a_finding_is_told_once() -> None:
    async def tell(world: World) -> None:
        house, auditor = audited(world)
        await due(world)
        said = (await sweep(house)).audited
        assert said[0].startswith("audit: ")
        assert any("error association: tgw-attach-1 of ix-a" in one for one in said)
        await world.clock.sleep(60)
        assert (await sweep(house)).audited == ()
        assert auditor.asked == 1
        await due(world)
        assert (await sweep(house)).audited == ()
        assert auditor.asked == 2

    story(tell)


def test_two_sweeps_within_the_minute_audit_once_and_another_process_audits_too() -> None:
    async def tell(world: World) -> None:
        house, auditor = audited(world)
        await due(world)
        assert (await sweep(house)).audited != ()
        await world.clock.sleep(5)
        assert (await sweep(house)).audited == ()
        assert auditor.asked == 1
        other = dataclasses.replace(house, audited=deque(maxlen=1), told=deque())
        assert (await sweep(other)).audited != ()
        assert auditor.asked == 2

    story(tell)


def test_an_audit_that_lasts_too_long_is_given_up_and_the_sweep_ends() -> None:
    async def tell(world: World) -> None:
        house, _ = audited(world, delay=10 * AUDIT_SECONDS)
        await due(world)
        assert "not done within" in (await sweep(house)).audited[0]

    story(tell)
