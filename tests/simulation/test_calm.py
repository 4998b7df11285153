"""The quiet after a storm: what it waits for before a schedule counts as over; and what a storm may not do."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Severity
from pointsman.core.outbox import LEASE
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.sightings import Health, Sighting
from pointsman.core.values import canonical, replace
from pointsman.ports.stores import Reply
from pointsman.quorum.ballots import above
from pointsman.quorum.rows import Row
from pointsman.service.house import incident_register
from pointsman.testing.inprocess import probes
from pointsman.testing.simulation.calm import JUST_AFTER, Calm, unfinished
from pointsman.testing.simulation.evidence import Foretold
from pointsman.testing.simulation.functions import Call
from pointsman.testing.simulation.kinds import FaultKind
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.schedule import Mishap, schedule
from pointsman.testing.virtual import run
from tests.simulation.test_ending import agreed

IX_1 = LinkName("ix-1")
PROMISED = above([above([], "a" * 16)], "c" * 16)


def waited_for(*words: tuple[float, Health], store: str = "aws") -> list[str]:
    """Give what the calm waits for when a prober of AWS's said this, ``seconds`` ago each, of a link that is well."""

    async def judged() -> list[str]:
        play = Play(schedule(3, kinds=()), watching=False, telling=False)
        agreed(play)
        await play.world.clock.sleep(100.0)
        play.world.twin.catch_up()
        seen, *_ = probes(play.world.twin, Cloud.AWS)
        for ago, health in words:
            play.world.stores[store].remember(Cloud.AWS, [_said(seen, ago, health)])
        return [what for what in unfinished(play) if what.endswith("is an old one")]

    return run(judged())


def _said(seen: Sighting, ago: float, health: Health) -> Sighting:
    return replace(seen, seen_at=seen.seen_at - timedelta(seconds=ago), health=health)


def test_an_old_word_of_a_prober_that_its_next_one_has_yet_to_mend_is_waited_for() -> None:
    assert len(waited_for((30.0, Health.DOWN))) == 1
    assert len(waited_for((30.0, Health.DOWN), store="witness")) == 1


def test_what_its_newest_word_has_mended_is_not() -> None:
    assert waited_for((30.0, Health.DOWN), (10.0, Health.UP)) == []
    assert waited_for() == []


def test_what_comes_up_while_something_later_is_waited_for_is_due_as_soon() -> None:
    def announce(play: Play) -> None:
        lead = play.schedule.fabric.policy.maintenance.lead
        soon = play.world.clock.now() + timedelta(seconds=100)
        play.world.works.append(Foretold(link="ix-1", start=soon + lead, end=soon + lead + timedelta(seconds=60)))

    assert 110 <= rested(announce) <= 180
    assert rested(lambda _: None) == 900


def test_what_a_prober_finds_otherwise_meanwhile_is_told_within_a_minute() -> None:
    assert 10 < rested(lambda play: play.world.twin.network.blackhole("ix-1")) <= 70


def test_a_letter_that_may_be_told_by_now_waits_for_the_next_sweep_and_no_longer() -> None:
    assert due(after=31.0) == 60 + JUST_AFTER
    assert due(after=10.0) == 20 + JUST_AFTER


def due(after: float) -> float | None:
    """Give when a rest is to end, so long after a letter's teller took its lease and died (seconds)."""

    async def waited() -> float | None:
        play = Play(schedule(3, kinds=()), watching=False, telling=False)
        agreed(play, links={IX_1: LinkState(verdict=Verdict.DOWN, down_since_epoch=1)})
        name, now = f"{play.schedule.fabric.name}/{IX_1}@1", play.world.clock.now()
        letter = Letter(serial=0, desk="noc", ask=Ask.OPEN, severity=Severity.ERROR, summary="", claimed_by="a", claimed_until=now + LEASE)
        incident = Incident(
            id=name, fabric=play.schedule.fabric.name, link=IX_1, epoch=1, opened_at=now, severity=Severity.ERROR, outbox=(letter,)
        )
        row = Row(promised=PROMISED, accepted=PROMISED, value=canonical(incident).decode())
        for store in ("aws", "gcp"):
            play.world.ledger.accepted(store, incident_register(name), row)
        await play.world.clock.sleep(after)
        return Calm(play)._due()

    return run(waited())


def rested(befall: Callable[[Play], None]) -> float:
    """Give how long a rest of 900 s took, ten seconds into which something befell (seconds)."""

    async def waited() -> float:
        play = Play(schedule(3, kinds=()), watching=False, telling=False)
        agreed(play)
        calm, clock = Calm(play), play.world.clock
        for cloud in Cloud:
            await calm._report(cloud)
        began = clock.monotonic()
        resting = asyncio.ensure_future(calm._rest(900.0))
        await clock.sleep(10.0)
        befall(play)
        await resting
        return clock.monotonic() - began

    return run(waited())


def test_no_store_is_rolled_back_while_somebody_is_under_way_with_a_ballot_that_it_refuses() -> None:
    async def judged(ballot: str) -> bool:
        play = Play(schedule(3, kinds=()), watching=False, telling=False)
        play.mischief.back_up()
        for store in play.world.stores.values():
            await store.prepare("plan/atlas", PROMISED, Reply(row=Row()))
        function = play.alive()[0]
        call = Call(function, "report")
        function.calls.append(call)
        play.world.nature.proposers["plan/atlas", ballot] = call
        return play.mischief.befall(
            Mishap(kind=FaultKind.STORE_ROLLED_BACK, call=0, step=0, lasts=1.0, where="gcp", path="", much=0.0), None
        )

    assert not run(judged(above([], "b" * 16)))
    assert run(judged(PROMISED))
