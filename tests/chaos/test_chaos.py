"""Real processes, real emulators, and everything between functions and stores goes wrong: one stage, one fault after another.

In every scene the link goes grey while one thing is broken and comes back while another is. A restart of moto or of the
Firestore emulator forgets everything, so a restarted store either is given back what it held before it is reached again,
or comes back empty: then it must not be counted until it has been brought up to the others.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime
from random import Random  # noqa: TID251 - seeded, so that every run stutters alike

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Health, Source
from pointsman.testing.emulators import available_firestore, available_moto, available_pubsub
from pointsman.testing.faces.timing import monotonic, wait
from pointsman.testing.processes import until
from pointsman.testing.proxy import Weather
from pointsman.testing.shaky import SLOTS
from tests.chaos.judge import BACK_LIMIT, LINK, OFF_LIMIT, Judge
from tests.chaos.theatre import FAILING, SWEEP, THROTTLED, Theatre, done_meanwhile, judged, theatre

AWAKE = 2 * SWEEP
"""So long a function that was thawed may do what it still believes in."""
FROZEN = 6.0
"""Longest that the functions that note an outage are frozen, in seconds: less than the others have to leave the link."""
STEERS = 20.0
"""Seconds within which a cloud's functions are at work in any scene, and have written a lever where one is to be written."""
MISSING = available_firestore() or available_pubsub() or available_moto()
pytestmark = [pytest.mark.timeout(240), pytest.mark.skipif(bool(MISSING), reason=str(MISSING))]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge[Theatre]]:
    with judged(theatre(tmp_path_factory.mktemp("chaos"))) as judge:
        judge.until("both clouds' reacting functions are warm", lambda: all(map(judge.stage.is_warm, Cloud)), 2 * BACK_LIMIT)
        yield judge


def goes_grey(judge: Judge[Theatre], trouble: contextlib.AbstractContextManager[object]) -> None:
    """Let the link go grey in some trouble."""
    judge.outages += 1
    with trouble:
        judge.stage.fault("blackhole", LINK)
        judge.is_off()
    judge.is_recorded()


def heals(judge: Judge[Theatre], trouble: contextlib.AbstractContextManager[object]) -> None:
    """Let the link heal in some trouble; afterwards everything must hold."""
    with trouble:
        judge.stage.fault("heal", LINK)
        judge.is_back()
    judge.is_agreed()


def outage(
    judge: Judge[Theatre], onset: contextlib.AbstractContextManager[object], back: contextlib.AbstractContextManager[object]
) -> None:
    """Let the link go grey in one trouble and heal in another."""
    goes_grey(judge, onset)
    heals(judge, back)


def test_dynamodb_keeps_silent_and_then_the_witness_throttles(judge: Judge[Theatre]) -> None:
    stage = judge.stage
    outage(judge, stage.weather("aws", Weather.SILENT), stage.weather("witness", Weather.ERRORS, THROTTLED["witness"]))


def test_firestore_resets_every_connection_and_then_dynamodb_throttles(judge: Judge[Theatre]) -> None:
    stage = judge.stage
    outage(judge, stage.weather("gcp", Weather.REFUSED), stage.weather("aws", Weather.ERRORS, THROTTLED["aws"]))


def test_firestore_throttles_and_then_the_witness_does(judge: Judge[Theatre]) -> None:
    stage = judge.stage
    outage(judge, stage.weather("gcp", Weather.ERRORS, THROTTLED["gcp"]), stage.weather("witness", Weather.ERRORS, THROTTLED["witness"]))


def test_firestore_does_what_it_is_asked_and_loses_every_answer_and_then_the_witness_cuts_its_own_short(judge: Judge[Theatre]) -> None:
    stage = judge.stage
    outage(judge, stage.weather("gcp", Weather.DEAF), stage.weather("witness", Weather.CUT_SHORT))


def test_dynamodb_fails_inside_and_then_firestore_does(judge: Judge[Theatre]) -> None:
    stage = judge.stage
    outage(judge, stage.weather("aws", Weather.ERRORS, FAILING), stage.weather("gcp", Weather.ERRORS, FAILING))


def test_each_cloud_reaches_only_its_own_store_and_the_witness(judge: Judge[Theatre]) -> None:
    stage = judge.stage

    @contextlib.contextmanager
    def apart() -> Iterator[None]:
        with stage.weather("gcp", Weather.REFUSED, clouds=(Cloud.AWS,)), stage.weather("aws", Weather.SILENT, clouds=(Cloud.GCP,)):
            yield

    outage(judge, apart(), apart())


def test_functions_freeze_and_thaw_and_die_in_the_middle_of_reactions(judge: Judge[Theatre]) -> None:
    outage(judge, stuttering(judge.stage, Cloud.AWS), dying(judge.stage, Cloud.GCP))


def test_functions_that_were_frozen_before_they_decided_do_no_harm_when_they_wake_up_and_die_on_the_way_back(judge: Judge[Theatre]) -> None:
    goes_grey(judge, frozen_half_way(judge.stage, Cloud.AWS))
    threading.Event().wait(AWAKE.total_seconds())
    assert judge.off()
    heals(judge, dying(judge.stage, Cloud.AWS))


def test_what_a_function_asked_for_before_it_was_frozen_comes_in_the_next_outage_and_does_not_have_the_last_word(
    judge: Judge[Theatre],
) -> None:
    """It undoes what one outage needed. In the next its write leads flows back onto the grey link, or is refused; either way the levers are as before."""
    stage = judge.stage
    goes_grey(judge, contextlib.nullcontext())
    with stale(stage):
        heals(judge, frozen_at_its_write(stage))
        woken = datetime.now().astimezone()  # noqa: TID251 - the stage's own time
        judge.until("Google's prober is heard again", lambda: heard_since(stage, Cloud.GCP, woken), BACK_LIMIT)
        goes_grey(judge, contextlib.nullcontext())
        threading.Event().wait(AWAKE.total_seconds())
        before = stage.policies()
    threading.Event().wait(AWAKE.total_seconds())
    judge.until("Google's levers are as they were before the old write came", lambda: stage.policies() == before, OFF_LIMIT)
    assert judge.off()
    heals(judge, contextlib.nullcontext())


def test_dynamodb_and_then_the_witness_are_restarted_with_what_they_held(judge: Judge[Theatre]) -> None:
    outage(judge, done_meanwhile(judge.stage.restart_dynamodb), done_meanwhile(judge.stage.restart_witness))


def test_firestore_comes_back_empty_is_not_believed_and_counts_again_once_it_is_refilled(judge: Judge[Theatre]) -> None:
    stage = judge.stage
    entries = stage.empty_firestore()
    goes_grey(judge, contextlib.nullcontext())
    stage.promise("gcp")
    heals(judge, done_meanwhile(lambda: stage.refill_firestore(entries)))


def noted_down(stage: Theatre, cloud: Cloud) -> bool:
    """Say whether a cloud's prober's word against a link lies in its own store."""
    read = asyncio.run(stage.open_stores()[cloud].rows(cloud))
    return any(row.source is Source.PROBE and row.health is Health.DOWN for row in read.rows)


def heard_since(stage: Theatre, cloud: Cloud, since: datetime) -> bool:
    """Say whether what a cloud's prober told after some time lies in its own store, and is of packets that pass."""
    rows = [row for row in asyncio.run(stage.open_stores()[cloud].rows(cloud)).rows if row.source is Source.PROBE]
    return bool(rows) and all(row.seen_at > since and row.health is Health.UP for row in rows)


@contextlib.contextmanager
def frozen_half_way(stage: Theatre, cloud: Cloud) -> Iterator[None]:
    """Freeze a cloud's reacting functions when their own store has what they note, and before they have the other stores' answers.

    What they noted is soon too old to go by, and their prober's next word waits for them: they are not frozen for long.
    """
    names, over = [name for name in stage.children if name.startswith(f"{cloud}-link_changed")], threading.Event()

    def freeze() -> None:
        with contextlib.ExitStack() as late:
            for slot in SLOTS.keys() - {cloud.value}:
                late.enter_context(stage.weather(slot, Weather.LATE, clouds=(cloud,)))
            assert until(lambda: noted_down(stage, cloud)), f"{cloud} never noted that the link is down"
            for name in names:
                stage.children.pause(name)
        over.wait(FROZEN)
        for name in names:
            stage.children.resume(name)

    with done_meanwhile(freeze):
        try:
            yield
        finally:
            over.set()


@contextlib.contextmanager
def frozen_at_its_write(stage: Theatre) -> Iterator[None]:
    """Freeze Google's reacting function when it has sent a write to a lever, which does not arrive; the sweep waits until then, and does it instead."""
    reacting, sweep = "gcp-link_changed", "gcp-sweep"

    def freeze() -> None:
        stage.children.pause(sweep)
        try:
            assert stage.gate.held.wait(STEERS), "Google's reacting function wrote no lever"
            stage.children.pause(reacting)
        finally:
            stage.children.resume(sweep)

    try:
        with done_meanwhile(freeze):
            yield
    finally:
        stage.children.resume(reacting)


@contextlib.contextmanager
def stale(stage: Theatre) -> Iterator[None]:
    """Hold the first write to a lever that Google's reacting function sends in here until the end, and see that it arrives then."""
    before = len(stage.gate.late)
    stage.gate.shut()
    try:
        yield
    finally:
        stage.gate.open()
    assert until(lambda: len(stage.gate.late) == before + 1), "the write that was held did not arrive"


@contextlib.contextmanager
def stuttering(stage: Theatre, cloud: Cloud) -> Iterator[None]:
    """Freeze a cloud's reacting functions again and again for a moment, wherever they are, and see that they were at work at least once."""
    names = [name for name in stage.children if name.startswith((f"{cloud}-link_changed", f"{cloud}-sweep"))]
    ended, dice, at_work = threading.Event(), Random(7), list[str]()

    def stutter() -> None:
        before = stage.asked(cloud)
        while not ended.wait(dice.uniform(0.02, 0.2)):
            name = dice.choice(names)
            stage.children.pause(name)
            at_work.extend([name] if stage.asked(cloud) > before else [])
            ended.wait(dice.uniform(0.1, 1.0))
            stage.children.resume(name)
            before = stage.asked(cloud)

    try:
        with done_meanwhile(stutter):
            try:
                yield
            finally:
                ended.set()
    finally:
        for name in names:
            stage.children.resume(name)
    assert at_work, f"nothing of {cloud} was at work when it was frozen"


@contextlib.contextmanager
def dying(stage: Theatre, cloud: Cloud) -> Iterator[None]:
    """Kill every function of a cloud as soon as it is at work again, and start them anew."""

    def die() -> None:
        before, end = stage.asked(cloud), monotonic() + STEERS
        while stage.asked(cloud) == before:
            assert monotonic() < end, f"nothing of {cloud} was at work"
            wait(0.005)
        stage.kill_functions(cloud)
        stage.revive_functions(cloud)

    with done_meanwhile(die):
        yield
