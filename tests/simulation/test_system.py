"""The whole product on virtual time: what must hold holds in every schedule, and a schedule can be told again."""

import asyncio
import enum
import gc
import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import pytest

from pointsman.core.fabric import Cloud
from pointsman.service import doors
from pointsman.testing.simulation import system
from pointsman.testing.simulation.ending import handed_in_twice
from pointsman.testing.simulation.invariants import DUPLICATE_LIMIT
from pointsman.testing.simulation.kinds import STRIKES, WORLDLY, FaultKind, Request, of
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.schedule import LONG, schedule
from pointsman.testing.simulation.tally import Tally
from pointsman.testing.virtual import run as run_virtually

SCHEDULES = 500
PART = 50


@pytest.mark.timeout(900)
def test_in_five_hundred_schedules_every_invariant_holds() -> None:
    with ProcessPoolExecutor(2) as pool:
        tally = Tally(level=system.LEVEL, first=1)
        for part in pool.map(system.run, range(1, 1 + SCHEDULES, PART), [PART] * (SCHEDULES // PART)):
            tally.add(part)
    assert [f"{one.seed} {one.invariant}: {one.what}" for one in tally.violations] == []
    assert tally.schedules == SCHEDULES
    assert set(tally.faults) == {kind.value for kind in FaultKind}, "every kind of fault strikes in so many schedules"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [3, 8])
def test_a_long_storm_ends_like_a_short_one(seed: int) -> None:
    tally = system.play(seed, size=LONG)
    assert [f"{one.invariant}: {one.what}" for one in tally.violations] == []
    assert tally.events > 100


def test_a_change_that_is_refused_after_its_accept_was_sent_is_not_told_as_failed() -> None:
    assert system.play(618).violations == []


TOLD = "import sys; from pointsman.testing.simulation import system; sys.stdout.write('\\n'.join(system.story(7)[1]))"


def test_a_seed_tells_the_same_story_in_every_process() -> None:
    stories = {
        subprocess.run(
            [sys.executable, "-c", TOLD],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(stories) == 1
    assert b"a majority holds plan/atlas" in stories.pop()


def test_telling_and_watching_change_nothing() -> None:
    told, _ = system.story(7)
    played = system.play(7)
    assert (told.events, told.operations, told.faults) == (played.events, played.operations, played.faults)


def test_a_run_leaves_the_interpreter_as_it_found_it_and_plays_what_a_lone_schedule_plays() -> None:
    before = dict(vars(enum.EnumType)), dict(vars(asyncio.tasks)), gc.isenabled()
    run, alone = system.run(7, 2), [system.play(seed) for seed in (7, 8)]
    assert (dict(vars(enum.EnumType)), dict(vars(asyncio.tasks)), gc.isenabled()) == before
    assert (run.operations, run.events) == (sum(one.operations for one in alone), sum(one.events for one in alone))
    assert len(asyncio.run(_listed())) == 1, "asyncio knows its tasks again"


async def _listed() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks()


def test_a_schedule_without_faults_has_none() -> None:
    tally = system.play(5, kinds=())
    assert (tally.faults, tally.violations) == (Counter(), [])


def test_only_the_kinds_that_are_asked_for_strike() -> None:
    tally = system.run(1, 12, kinds=(FaultKind.LINK_BLACKHOLE, FaultKind.STORE_DOWN))
    assert set(tally.faults) == {FaultKind.LINK_BLACKHOLE.value, FaultKind.STORE_DOWN.value}
    assert tally.violations == []


def test_every_kind_strikes_requests_or_is_brought_about() -> None:
    assert {*STRIKES, *WORLDLY, FaultKind.OTHER_VERSION} == set(FaultKind)
    assert all(of(request) for request in Request)


def test_a_seed_draws_the_same_schedule_and_another_seed_another() -> None:
    assert schedule(3) == schedule(3)
    assert schedule(3) != schedule(4)


def test_what_a_run_found_is_plain_json() -> None:
    document = json.loads(json.dumps(system.run(1, 2).document()))
    assert document["schedules"] == 2
    assert document["violations"] == []


@pytest.mark.parametrize("delay", [0.03, 0.06, 0.09])
def test_a_hint_that_is_still_under_way_is_no_part_of_a_second_delivery(delay: float) -> None:
    async def main() -> tuple[int, int]:
        one = Play(schedule(2, ()))
        await one.call(Cloud.AWS, "sweep", lambda house: doors.sweep(house, ()))
        one.mail.send("nudge to aws", lambda: one.call(Cloud.AWS, "nudge", lambda house: doors.sweep(house, ())), delay)
        return await handed_in_twice(one)

    reads, writes = run_virtually(main())
    assert reads <= DUPLICATE_LIMIT[0]
    assert writes <= DUPLICATE_LIMIT[1]
