"""What the clouds' platforms do for the functions of a stage: pass events on, run schedules and queues, carry probes.

It decides nothing. A cloud whose functions are dead gets its events as a real one would: they wait and come again.
"""

import base64
import contextlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from urllib3.exceptions import HTTPError

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.testing.event_sources import SqsSource, Ticker, scheduled_event
from pointsman.testing.faces.timing import monotonic
from pointsman.testing.google_functions import PushSubscription
from pointsman.testing.stage import REGION, TOPIC, Stage
from pointsman.wire.messages import LOSSY, Path, probed

EVENTS_EVERY = timedelta(milliseconds=25)
"""How often the twin is asked for new events."""
PROBE_EVERY = timedelta(milliseconds=100)
"""How often each prober sends over every link; it reports what changed at once, and the rest now and then."""
PULL_EVERY = timedelta(milliseconds=50)
BACKOFF = (timedelta(milliseconds=300), timedelta(milliseconds=600), timedelta(seconds=1), timedelta(seconds=2))


@dataclass(frozen=True, kw_only=True)
class Handed:
    """One event handed to a function: when, to which cloud, and what it was."""

    at: datetime
    cloud: Cloud
    what: str


@dataclass
class Platform:
    """Runs both clouds' schedules, queues and event buses for a stage; use it in a ``with`` block.

    A cloud in ``mute`` has its prober's reports held back until it is taken out again.
    """

    stage: Stage
    sweep_every: timedelta
    watch_every: timedelta
    probe_refresh: timedelta
    handed: list[Handed] = field(default_factory=list)
    mute: set[Cloud] = field(default_factory=set)
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _after: int = 0
    _probed: dict[Cloud, dict[str, bool]] = field(default_factory=dict)
    _reported: dict[Cloud, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Begin."""
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._pool = stack.enter_context(_threads())
            stage = self.stage
            self._push = {name: stack.enter_context(self._subscription(name)) for name in ("link_changed", "deliver")}
            for name, every in (("sweep", self.sweep_every), ("watch", self.watch_every)):
                if name in stage.functions:
                    self._tick(f"aws-{name}", every, self._aws_schedule(name))
                    self._tick(f"gcp-{name}", every, self._google_schedule(name))
            self._queues()
            self._tick("events", EVENTS_EVERY, self.pass_events)
            self._tick("probes", PROBE_EVERY, self.probe)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stack.close()

    def _tick(self, name: str, every: timedelta, act: Callable[[], object]) -> None:
        def guarded() -> None:
            with contextlib.suppress(HTTPError, Transient, OSError):  # a door that is being killed or started: the next tick asks again
                act()

        self._stack.enter_context(Ticker(name, every, guarded))

    def _subscription(self, name: str) -> PushSubscription:
        return PushSubscription(f"projects/weft-prod-1/subscriptions/{name}", _Caller(self, name), now=_now, backoff=BACKOFF)  # type: ignore[arg-type]

    def _aws_schedule(self, name: str) -> Callable[[], object]:
        def fire() -> None:
            if Cloud.AWS not in self.stage.dead:
                self.stage.lambdas[name].invoke_async(scheduled_event(name, _now(), REGION))

        return fire

    def _google_schedule(self, name: str) -> Callable[[], object]:
        def fire() -> None:
            if Cloud.GCP not in self.stage.dead:
                self._pool.submit(self._quietly, lambda: self.stage.callers[name].tick(name, _now()))

        return fire

    def _quietly(self, act: Callable[[], object]) -> None:
        with contextlib.suppress(HTTPError, Transient, OSError):  # a function that was killed: its schedule calls again
            act()

    def _queues(self) -> None:
        """Run Lambda's queue pollers, and pull from Pub/Sub's emulator what it would push."""
        for queue, name in (("nudge", "link_changed"), ("post", "deliver")):
            if name in self.stage.lambdas:
                source = SqsSource(self.stage.lambdas[name], self.stage.sqs, self.stage.queues[queue], return_after=timedelta(seconds=1))
                self._stack.enter_context(source.running(PULL_EVERY))
        if self.stage.pubsub is not None:
            for topic, name in (("nudge", "link_changed"), ("post", "deliver"), ("parking", "")):
                self._subscribe(topic, name)

    def _subscribe(self, topic: str, name: str) -> None:
        assert self.stage.pubsub is not None, "asked only with an emulator"
        base = f"{self.stage.pubsub.url}/v1/"
        subscription = f"{base}projects/weft-prod-1/subscriptions/{topic}"
        self.stage.http.request("PUT", f"{base}{TOPIC.format(topic)}", json={})
        self.stage.http.request("PUT", subscription, json={"topic": TOPIC.format(topic), "ackDeadlineSeconds": 30})
        if name:
            self._tick(f"pull-{topic}", PULL_EVERY, lambda: self._pull(subscription, name))

    def _pull(self, subscription: str, name: str) -> None:
        told = self.stage.post_json(f"{subscription}:pull", {"maxMessages": 20, "returnImmediately": True})
        received = told.get("receivedMessages", [])
        for one in received:
            self._push[name].publish(base64.b64decode(one["message"].get("data", "")))
        if received:
            self.stage.post_json(f"{subscription}:acknowledge", {"ackIds": [one["ackId"] for one in received]})

    def pass_events(self) -> None:
        """Hand what the twin's clouds announced to the function of the cloud that announced it."""
        events = self.stage.get_json(f"{self.stage.urls['control']}/events?after={self._after}")
        for event in events:
            self._after = event["number"]
            self.hand(Cloud(event["side"]), event["payload"], event["form"])

    def hand(self, cloud: Cloud, payload: Any, what: str) -> None:
        """Hand one event to a cloud's reacting function."""
        self.handed.append(Handed(at=_now(), cloud=cloud, what=what))
        if cloud is Cloud.AWS:
            self.stage.lambdas["link_changed"].invoke_async(payload)
        else:
            self._push["link_changed"].publish(json.dumps(payload).encode())

    def probe(self) -> None:
        """Probe every link from both ends; report what changed, and everything once in a while."""
        found = self.stage.get_json(f"{self.stage.urls['control']}/probe")
        sites = {link.aws_site for link in self.stage.fabric.links}
        for cloud in set(Cloud) - self.mute:
            self._report(cloud, [one for one in found if (one["site"] in sites) == (cloud is Cloud.AWS)])

    def _report(self, cloud: Cloud, found: list[dict[str, Any]]) -> None:
        now = monotonic()
        news = [one for one in found if self._probed.get(cloud, {}).get(one["link"]) != (one["loss"] >= LOSSY)]
        if not news and now - self._reported.get(cloud, 0.0) < self.probe_refresh.total_seconds():
            return
        self._probed[cloud] = {one["link"]: one["loss"] >= LOSSY for one in found}
        self._reported[cloud] = now
        paths = [Path(source=one["source"], target=one["target"], loss=one["loss"]) for one in found]
        self.hand(cloud, json.loads(probed(cloud, paths, _now())), "probe " + (", ".join(one["link"] for one in news) or "report"))


class _Caller:
    """Sends a push to whichever process the function runs in now."""

    def __init__(self, platform: Platform, name: str) -> None:
        self._platform = platform
        self._name = name

    def post(self, *args: Any, **named: Any) -> Any:
        return self._platform.stage.callers[self._name].post(*args, **named)


@contextlib.contextmanager
def _threads() -> Any:
    pool = ThreadPoolExecutor(8, thread_name_prefix="platform")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the stage plays the clouds, whose clocks are this machine's
