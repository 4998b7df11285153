"""A ticket desk on one machine: speaks PagerDuty's Events API v2 on loopback, shows its tickets, and fails on request.

Its promises are PagerDuty's: one open ticket per routing key and deduplication key, a trigger after a resolve opens a new
ticket, a malformed event is answered 400 with reasons. Source: developer.pagerduty.com/docs/events-api-v2/trigger-events.
"""

import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import msgspec

from pointsman.core.errors import Refused, Transient
from pointsman.core.incidents import Ask, Incident, Letter, Ticket, phase_after
from pointsman.core.values import Frozen, replace
from pointsman.testing.loopback import LoopbackServer, Reply, Request, as_json

KEY_LIMIT = 255
SUMMARY_LIMIT = 1024
EVENT_LIMIT = 512 * 1024
"""Bytes of one event."""
ROUTING_KEY_LENGTH = 32
TICKETS_LIMIT = 10_000
"""Tickets the desk holds; at the bound it answers 503."""
EVENTS_LIMIT = 20_000
SEVERITIES = ("critical", "error", "warning", "info")
ACTIONS = ("trigger", "acknowledge", "resolve")


class Fault(StrEnum):
    """What may go wrong with the next event: not taken, taken but not answered, refused, late, slow."""

    LOST = "lost"
    CREATED_BUT_TIMED_OUT = "created-but-timed-out"
    LATE = "late"
    THROTTLED = "throttled"
    BROKEN = "broken"
    SLOW = "slow"
    REFUSED = "refused"


class DeskTicket(Frozen):
    """One ticket. ``events`` counts what was said under it; ``closed_by`` is "" while it is open."""

    number: int
    routing_key: str
    key: str
    severity: str
    summary: str
    component: str = ""
    group: str = ""
    details: Mapping[str, Any] = {}
    opened_at: datetime
    closed_at: datetime | None = None
    closed_by: str = ""
    acknowledged: bool = False
    events: int = 1

    @property
    def open(self) -> bool:
        """Say whether nobody has closed it."""
        return not self.closed_by

    @property
    def status(self) -> str:
        """Say how it stands: triggered, acknowledged or resolved."""
        if self.closed_by:
            return "resolved"
        return "acknowledged" if self.acknowledged else "triggered"


class TicketBook:
    """All tickets of a desk, and how many were ever open at once. ``deduplicates=False`` is a desk that forgets its keys."""

    def __init__(self, now: Callable[[], datetime], *, deduplicates: bool = True) -> None:
        self._now = now
        self._deduplicates = deduplicates
        self._lock = threading.Lock()
        self._tickets: dict[int, DeskTicket] = {}
        self._most: Counter[str] = Counter()

    def trigger(self, routing_key: str, key: str, payload: Mapping[str, Any]) -> None:
        """Open a ticket, or say more under the open one. Raises Transient at TICKETS_LIMIT."""
        with self._lock:
            found = self._open(routing_key, key) if self._deduplicates else []
            if found:
                severity, summary = payload["severity"], payload["summary"]
                self._put(replace(found[0], severity=severity, summary=summary, details=_details(payload), events=found[0].events + 1))
                return
            if len(self._tickets) >= TICKETS_LIMIT:
                raise Transient(f"the desk holds {TICKETS_LIMIT} tickets: clear it first")
            self._put(self._new(routing_key, key, payload))
            self._count(key, payload.get("component", ""))

    def acknowledge(self, routing_key: str, key: str) -> None:
        """Note that somebody looks at it; without an open ticket nothing happens."""
        with self._lock:
            for ticket in self._open(routing_key, key):
                self._put(replace(ticket, acknowledged=True, events=ticket.events + 1))

    def resolve(self, routing_key: str, key: str, by: str = "event") -> None:
        """Close the open ticket; without one nothing happens."""
        with self._lock:
            for ticket in self._open(routing_key, key):
                self._put(replace(ticket, closed_at=self._now(), closed_by=by, events=ticket.events + 1))

    def close_by_hand(self, number: int) -> None:
        """Close a ticket as a person would. Raises KeyError."""
        ticket = self._tickets[number]
        self.resolve(ticket.routing_key, ticket.key, by="person")

    def tickets(self, key: str | None = None) -> tuple[DeskTicket, ...]:
        """Give all tickets, or those of one deduplication key, oldest first."""
        with self._lock:
            return tuple(ticket for ticket in self._tickets.values() if key in {None, ticket.key})

    def open_tickets(self, key: str | None = None) -> tuple[DeskTicket, ...]:
        """Give the open ones."""
        return tuple(ticket for ticket in self.tickets(key) if ticket.open)

    def most_open(self, about: str) -> int:
        """Give how many tickets were ever open at once for a deduplication key or for a component (a link)."""
        return self._most[about]

    def _open(self, routing_key: str, key: str) -> list[DeskTicket]:
        return [one for one in self._tickets.values() if one.open and (one.routing_key, one.key) == (routing_key, key)]

    def _new(self, routing_key: str, key: str, payload: Mapping[str, Any]) -> DeskTicket:
        return DeskTicket(
            number=len(self._tickets) + 1,
            routing_key=routing_key,
            key=key,
            severity=payload["severity"],
            summary=payload["summary"],
            component=payload.get("component", ""),
            group=payload.get("group", ""),
            details=_details(payload),
            opened_at=self._now(),
        )

    def _put(self, ticket: DeskTicket) -> None:
        self._tickets[ticket.number] = ticket

    def _count(self, key: str, component: str) -> None:
        standing = [ticket for ticket in self._tickets.values() if ticket.open]
        self._most[key] = max(self._most[key], sum(ticket.key == key for ticket in standing))
        if component:
            self._most[component] = max(self._most[component], sum(ticket.component == component for ticket in standing))


class LocalDesk:
    """The desk as an HTTP server: POST /v2/enqueue takes events, GET /tickets shows them as JSON."""

    def __init__(self, now: Callable[[], datetime], *, deduplicates: bool = True) -> None:
        self.book = TicketBook(now, deduplicates=deduplicates)
        self._faults: deque[tuple[Fault, timedelta]] = deque(maxlen=EVENTS_LIMIT)
        self._received: deque[Any] = deque(maxlen=EVENTS_LIMIT)
        self._ended = threading.Event()
        self._server = LoopbackServer(self._answer)

    @property
    def url(self) -> str:
        """Its endpoint, as a fabric's desk settings name it."""
        return self._server.url

    def __enter__(self) -> Self:
        """Open the desk."""
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the desk."""
        self._ended.set()
        self._server.stop()

    def fail(self, fault: Fault, times: int = 1, lasting: timedelta = timedelta(seconds=1)) -> None:
        """Let the next events go wrong. ``lasting`` is how slow or late, and what a throttled caller is told to wait."""
        self._faults.extend([(fault, lasting)] * times)

    def received(self) -> tuple[Any, ...]:
        """Give the events that came in, as they came, also those that went wrong."""
        return tuple(self._received)

    def _answer(self, request: Request) -> Reply:
        match request.method, request.path:
            case "POST", "/v2/enqueue":
                return self._enqueue(request.body)
            case "GET", "/tickets":
                return as_json([_shown(ticket) for ticket in self.book.tickets()])
            case _:
                return as_json({"message": "no such page: POST /v2/enqueue or GET /tickets"}, 404)

    def _enqueue(self, body: bytes) -> Reply:
        event = _parsed(body)
        self._received.append(event)
        fault, lasting = self._faults.popleft() if self._faults else (None, timedelta(0))
        match fault:
            case None:
                return self._carry_out(event)
            case Fault.SLOW:
                self._ended.wait(lasting.total_seconds())
                return self._carry_out(event)
            case Fault.LOST | Fault.CREATED_BUT_TIMED_OUT | Fault.LATE:
                self._vanish(fault, event, lasting)
                return Reply(hang_up=True)
            case Fault.THROTTLED | Fault.BROKEN | Fault.REFUSED:
                return _refusal(fault, lasting)

    def _vanish(self, fault: Fault, event: Any, lasting: timedelta) -> None:
        """Take an event, or not, or later, where the caller is told nothing."""
        if fault is Fault.CREATED_BUT_TIMED_OUT:
            self._carry_out(event)
        elif fault is Fault.LATE:
            threading.Thread(target=self._later, args=(event, lasting), daemon=True).start()

    def _later(self, event: Any, lasting: timedelta) -> None:
        if not self._ended.wait(lasting.total_seconds()):
            self._carry_out(event)

    def _carry_out(self, event: Any) -> Reply:
        if errors := faults_of(event):
            return _invalid(errors)
        try:
            key = self._apply(event)
        except Transient as error:
            return as_json({"message": str(error)}, 503)
        return as_json({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _apply(self, event: Mapping[str, Any]) -> str:
        routing_key = event["routing_key"]
        key = str(event.get("dedup_key") or f"made-{len(self._received)}-{len(self.book.tickets())}")
        match event["event_action"]:
            case "trigger":
                self.book.trigger(routing_key, key, event["payload"])
            case "acknowledge":
                self.book.acknowledge(routing_key, key)
            case _:
                self.book.resolve(routing_key, key)
        return key


class MemoryDesk:
    """A desk without HTTP that keeps the port's promises; ``fail`` takes the faults that a caller can tell apart."""

    def __init__(self, name: str, now: Callable[[], datetime]) -> None:
        self.name = name
        self.book = TicketBook(now)
        self._faults: deque[tuple[Fault, timedelta]] = deque(maxlen=EVENTS_LIMIT)

    def fail(self, fault: Fault, times: int = 1, lasting: timedelta = timedelta(seconds=1)) -> None:
        """Let the next letters go wrong. Raises ValueError for LATE and SLOW: there is no time in here."""
        if fault in {Fault.LATE, Fault.SLOW}:
            raise ValueError(f"a desk in memory cannot be {fault}")
        self._faults.extend([(fault, lasting)] * times)

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        """Carry out one letter. Raises ``Transient`` or ``Refused`` where a fault says so."""
        fault, lasting = self._faults.popleft() if self._faults else (None, timedelta(0))
        if fault is Fault.REFUSED:
            raise Refused(f"desk {self.name}: told to refuse this")
        if fault in {None, Fault.CREATED_BUT_TIMED_OUT}:
            self._carry_out(incident, letter, key)
        if fault is not None:
            raise Transient(f"desk {self.name}: {fault}", retry_after=lasting)
        return Ticket(desk=self.name, reference=key, phase=phase_after(incident, letter))

    def _carry_out(self, incident: Incident, letter: Letter, key: str) -> None:
        match letter.ask:
            case Ask.OPEN | Ask.UPDATE:
                told = {"severity": letter.severity.value, "summary": letter.summary, "component": incident.link, "group": incident.fabric}
                self.book.trigger(self.name, key, told)
            case Ask.RESOLVE:
                self.book.resolve(self.name, key)
            case Ask.DEDUPLICATE:
                pass  # the key kept it one


def table(tickets: Iterable[DeskTicket]) -> str:
    """Show tickets as lines of text."""
    rows = [("no.", "status", "severity", "link", "summary")]
    rows += [(str(one.number), one.status, one.severity, one.component, one.summary) for one in tickets]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4]]) for row in rows)


def faults_of(event: Any) -> list[str]:
    """Give what PagerDuty would find wrong with an event, in words; nothing when it is well formed."""
    if not isinstance(event, dict):
        return ["the event is not a JSON object"]
    found = list(_head_faults(event))
    if event.get("event_action") == "trigger":
        found += _payload_faults(event.get("payload"))
    elif not event.get("dedup_key"):
        found.append("'dedup_key' is missing or blank")
    return found


def _head_faults(event: Mapping[str, Any]) -> Iterable[str]:
    routing_key, key = event.get("routing_key"), event.get("dedup_key", "")
    if not isinstance(routing_key, str) or len(routing_key) != ROUTING_KEY_LENGTH:
        yield f"Length of 'routing_key' is incorrect (should be {ROUTING_KEY_LENGTH} characters)"
    if event.get("event_action") not in ACTIONS:
        yield f"'event_action' is not one of {', '.join(ACTIONS)}"
    if not isinstance(key, str) or len(key) > KEY_LIMIT:
        yield f"'dedup_key' is longer than {KEY_LIMIT} characters"


def _payload_faults(payload: Any) -> Iterable[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    blank = [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not _text(payload.get(name))]
    long = ["'payload.summary' is too long"] if len(str(payload.get("summary", ""))) > SUMMARY_LIMIT else []
    severity = [] if payload.get("severity") in SEVERITIES else ["'payload.severity' is invalid (must be one of the four)"]
    return [*blank, *long, *severity]


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if len(body) <= EVENT_LIMIT else None
    except ValueError:
        return None


def _refusal(fault: Fault, lasting: timedelta) -> Reply:
    if fault is Fault.THROTTLED:
        return Reply(status=429, headers={"Retry-After": str(int(lasting.total_seconds()))})
    return Reply(status=500) if fault is Fault.BROKEN else _invalid(["the desk was told to refuse this"])


def _invalid(errors: list[str]) -> Reply:
    return as_json({"status": "invalid event", "message": "Event object is invalid", "errors": errors}, 400)


def _details(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    details = payload.get("custom_details")
    return details if isinstance(details, dict) else {}


def _shown(ticket: DeskTicket) -> dict[str, Any]:
    """Give a ticket as JSON shows it; the routing key is a secret and stays inside."""
    shown: dict[str, Any] = msgspec.to_builtins(replace(ticket, routing_key=""))
    return shown | {"status": ticket.status}
