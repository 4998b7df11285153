"""A burst: thousands of events of one flapping link, each delivered twice, through the ways that the platforms deliver."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.boot import loop
from pointsman.core.fabric import Cloud
from pointsman.core.members import index
from pointsman.core.sightings import Health, Source
from pointsman.core.values import Frozen
from pointsman.ports.stores import RowsRead
from pointsman.testing.bench.bed import LINK, Bed
from pointsman.testing.bench.warm import steady
from pointsman.testing.event_sources import SqsSource
from pointsman.testing.faces.timing import monotonic, wait
from pointsman.testing.google_functions import PushSubscription
from pointsman.testing.platform import BACKOFF, Platform
from pointsman.testing.processes import ProcessError

LIMIT = timedelta(minutes=10)
SWEEP = timedelta(seconds=5)
FLIP_EVERY = 5
"""Distinct events of one cloud between two changes of the link."""
POLLERS = 2
PAUSE = 0.1


class Finding(Frozen):
    """One event of the burst: whose prober says it, and the body."""

    cloud: Cloud
    body: bytes


class Counts(Frozen):
    """What became of the deliveries: every one is acknowledged, at once or when delivered again, or else it is lost."""

    handed: int
    acknowledged: int
    again: int = 0

    @property
    def lost(self) -> int:
        """Deliveries that nobody acknowledged."""
        return self.handed - self.acknowledged


def losses(count: int) -> tuple[float, ...]:
    """Say what the link does, event by event: up and down by turns, and down in the end."""
    flips = -(-count // FLIP_EVERY)
    return tuple(float((flips - place // FLIP_EVERY) % 2) for place in range(count))


def changes(values: tuple[float, ...]) -> int:
    """Count how often the link changes, from up."""
    return sum(one != before for one, before in zip(values, (0.0, *values), strict=False))


def findings(bed: Bed, count: int) -> Iterator[Finding]:
    """Give ``count`` deliveries: each finding of either cloud's prober twice, in the order of their happening."""
    for loss in losses(count // 4):
        for cloud in Cloud:
            one = Finding(cloud=cloud, body=json.dumps(bed.probe(cloud, loss, (LINK,))).encode())
            yield from (one, one)


def burst(bed: Bed, count: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Hand over ``count`` events and wait for quiescence; says how long it took and what came of it. Raises ProcessError at LIMIT."""
    before = steady(bed)
    with Platform(stage=bed, sweep_every=SWEEP, watch_every=LIMIT, probe_refresh=LIMIT, mute=set(Cloud)) as platform, ExitStack() as stack:
        del platform
        ways = _Ways(bed, stack)
        begun, at = monotonic(), _now()
        for one in findings(bed, count):
            ways.hand(one)
        tell(f"burst: {count} events handed over in {monotonic() - begun:.1f} s")
        ways.drain()
        drained = monotonic() - begun
        _until(lambda: _quiet(bed), "a ticket is open and both clouds' levers are proved")
        quiet = monotonic() - begun
        after, rows = bed.plan(), [loop.run(bed.stores[cloud.value].rows(cloud)) for cloud in Cloud]
        counts = ways.counts(count)
        return {
            "events": count,
            "acknowledged_after_s": round(drained, 1),
            "quiescent_after_s": round(quiet, 1),
            "events_per_second": round(count / drained, 1),
            "route_writes": len(bed.writes(at)),
            "events_lost": counts.lost,
            "delivered_again": counts.again,
            "record_is_newest": all(_tells_the_last(bed, read) for read in rows),
            "tickets": len(bed.desk.book.tickets()),
            "tickets_open": len(bed.desk.book.open_tickets()),
            "epochs": after.epoch - before.epoch,
            "changes_of_the_link": changes(losses(count // 4)),
            "drained": after.links[LINK].drain is not None,
        }


class _Ways:
    """How events reach the functions: half of AWS's asynchronously, half through a queue; Google's pushed."""

    def __init__(self, bed: Bed, stack: ExitStack) -> None:
        self._bed = bed
        self._turn = 0
        self._queue = bed.sqs.create_queue(QueueName="pointsman-events")["QueueUrl"]
        self._function = bed.lambdas["link_changed"]
        caller = bed.callers["link_changed"]
        self._push = stack.enter_context(PushSubscription("projects/weft-prod-1/subscriptions/events", caller, now=_now, backoff=BACKOFF))
        self._tried = len(caller.history()), len(self._function.history())
        for _ in range(POLLERS):
            source = SqsSource(self._function, bed.sqs, self._queue, return_after=timedelta(seconds=1))
            stack.enter_context(source.running())

    def hand(self, one: Finding) -> None:
        """Hand one event over the way that is its turn."""
        if one.cloud is Cloud.GCP:
            self._push.publish(one.body)
            return
        self._turn += 1
        if self._turn % 2:
            self._function.invoke_async(one.body)
        else:
            self._bed.sqs.send_message(QueueUrl=self._queue, MessageBody=one.body.decode())

    def drain(self) -> None:
        """Wait until every event was acknowledged or given up. Raises ProcessError at LIMIT."""
        if not (self._function.drain(LIMIT) and self._push.drain(LIMIT)):
            raise ProcessError(f"the burst was not over within {LIMIT}")
        _until(lambda: not self._queued(), "the queue is empty")

    def counts(self, handed: int) -> Counts:
        """Say what became of the deliveries."""
        parked = len(self._function.parked()) + len(self._push.parked()) + self._queued() + self._set_aside()
        pushed = self._bed.callers["link_changed"].history()[self._tried[0] :]
        invoked = self._function.history()[self._tried[1] :]
        again = sum(not one.ok for one in pushed) + sum(not one.ok for one in invoked)
        return Counts(handed=handed, acknowledged=handed - parked, again=again)

    def _queued(self) -> int:
        return self._messages(self._queue)

    def _set_aside(self) -> int:
        return self._messages(self._bed.queues["parking"])

    def _messages(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self._bed.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(told[name]) for name in names)


def _tells_the_last(bed: Bed, read: RowsRead) -> bool:
    """Say whether a cloud's probe row of the link holds what the last event said: down."""
    places = index(bed.fabric)
    rows = [row for row in read.rows if row.source is Source.PROBE and row.member in places and places[row.member].link == LINK]
    return bool(rows) and all(row.health is Health.DOWN for row in rows)


def _quiet(bed: Bed) -> bool:
    """Say whether a ticket is open and the newest sweep of both clouds found everything settled on the newest epoch."""
    epoch = bed.plan().epoch
    last = [next((line for line in reversed(bed.logs(cloud, "sweep")) if "epoch" in line), None) for cloud in Cloud]
    settled = all(line is not None and line["settled"] and line["epoch"] == epoch for line in last)
    return settled and bool(bed.desk.book.open_tickets())


def _until(holds: Callable[[], bool], what: str) -> None:
    end = monotonic() + LIMIT.total_seconds()
    while not holds():
        if monotonic() > end:
            raise ProcessError(f"within {LIMIT} it was not so that {what}")
        wait(PAUSE)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the bench plays the clouds, whose clocks are this machine's
