"""Leases of letters hang on the stores' time: a function whose own clock is years ahead holds none for years."""

import dataclasses

import pytest

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Phase, Severity, Ticket
from pointsman.core.outbox import AHEAD, LEASE, SETTLING, claim, next_letter
from pointsman.core.values import parse
from pointsman.service.deliver import deliver
from pointsman.service.house import incident_register
from pointsman.testing.virtual import VirtualClock
from tests.core.scene import START, seconds
from tests.service.test_converge import World, story
from tests.service.test_desks import DeadDesk

YEARS = 3 * 365 * 86_400.0


async def outage(one: World) -> None:
    """Let packets vanish on ix-a, and both clouds' probers tell."""
    one.twin.network.blackhole("ix-a")
    await one.clock.sleep(1)
    for cloud in Cloud:
        await one.report(cloud)


def test_a_letter_that_a_function_years_ahead_left_is_taken_over_when_its_lease_is_over() -> None:
    async def tell(one: World) -> None:
        await outage(one)
        wrong = dataclasses.replace(one.gcp, clock=VirtualClock(YEARS), desks={"noc": DeadDesk()})
        with pytest.raises(Transient):
            await deliver(wrong)
        await one.clock.sleep(LEASE.total_seconds() + 2)
        await deliver(one.aws)
        assert list(one.desk.tickets.values()) == [Phase.OPEN]

    story(tell)


class Severing:
    """A desk that makes a ticket of what it is told, while a store falls silent."""

    name = "noc"

    def __init__(self, world: World) -> None:
        self._world = world

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        self._world.table.witness.break_down()
        return await self._world.desk.tell(incident, letter, key)


def test_the_time_does_not_go_back_when_the_store_that_kept_the_median_falls_silent() -> None:
    async def tell(one: World) -> None:
        await outage(one)
        one.table.gcp._clock = VirtualClock(skew=-200)
        with pytest.raises(Transient):
            await deliver(dataclasses.replace(one.gcp, desks={"noc": DeadDesk()}))
        await one.clock.sleep(LEASE.total_seconds() + 2)
        began, plan = one.clock.now(), await one.plan()
        await deliver(dataclasses.replace(one.aws, desks={"noc": Severing(one)}))
        name = f"{plan.fabric}/ix-a@{plan.links[LinkName('ix-a')].down_since_epoch}"
        held = (await one.aws.registers.read(incident_register(name))).value
        assert held is not None
        limits = [letter.not_before for letter in parse(held, Incident).outbox if letter.ask is Ask.DEDUPLICATE]
        assert [limit >= began + SETTLING - seconds(2) for limit in limits if limit is not None] == [True]

    story(tell)


def owing(**limits: object) -> Incident:
    letter = Letter(serial=0, desk="noc", ask=Ask.OPEN, severity=Severity.ERROR, summary="ix-a is down", **limits)  # type: ignore[arg-type]
    return Incident(
        id="atlas/ix-a@2", fabric="atlas", link=LinkName("ix-a"), epoch=2, opened_at=START, severity=Severity.ERROR, outbox=(letter,)
    )


def test_a_limit_that_lies_further_ahead_than_any_is_long_binds_nobody() -> None:
    far = START + LEASE + AHEAD + seconds(1)
    assert next_letter(owing(claimed_by="somebody", claimed_until=START + LEASE), START) is None
    assert next_letter(owing(claimed_by="somebody", claimed_until=far), START) is not None
    assert next_letter(owing(not_before=START + seconds(YEARS)), START) is not None
    assert claim(owing(claimed_by="somebody", claimed_until=far), 0, "another", START).outbox[0].claimed_by == "another"
