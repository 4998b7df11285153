"""PagerDuty, by its Events API v2. Source: developer.pagerduty.com/docs/events-api-v2/trigger-events.

The deduplication key makes every repetition safe: a trigger under an open key adds to the open alert, and a resolve under a
closed or unknown one changes nothing. After a resolve the same key opens a new alert.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import urllib3

from pointsman.adapters.http import Answer, Unanswered, Unreached, http_date, send
from pointsman.core.errors import Refused, Transient
from pointsman.core.incidents import Ask, Incident, Letter, Moment, Severity, Ticket, phase_after

ENDPOINT = "https://events.pagerduty.com"
READ_SECONDS = 10.0
"""How long PagerDuty may keep silent: well under the lease of a letter."""
SUMMARY_LIMIT = 1024
"""PagerDuty's longest summary, in characters."""
FIELD_LIMIT = 255
MOMENTS_LIMIT = 20
"""Lines of the timeline that go along, the newest; the whole one is in the incident."""
MOMENT_LIMIT = 300
THROTTLED_PAUSE = timedelta(seconds=30)
"""How long to leave PagerDuty alone after a 429 that names no time."""
BROKEN_PAUSE = timedelta(seconds=5)
PAUSE_LIMIT = timedelta(minutes=5)
"""A longer pause that PagerDuty asks for is cut to this."""
ERRORS_LIMIT = 5


class PagerDutyDesk:
    """Opens, updates and resolves alerts under one routing key, which never shows in an error."""

    def __init__(self, name: str, routing_key: str, *, over: urllib3.PoolManager, endpoint: str = ENDPOINT) -> None:
        self.name = name
        self._routing_key = routing_key
        self._over = over
        self._url = f"{endpoint.rstrip('/')}/v2/enqueue"

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        """Carry out one letter. Raises ``Transient`` (try again) or ``Refused`` (never will)."""
        event = self._event(incident, letter, key)
        answer = None if event is None else await asyncio.to_thread(self._send, msgspec.json.encode(event))
        if answer is not None and not answer.ok:
            raise self._trouble(answer)
        return Ticket(desk=self.name, reference=key, phase=phase_after(incident, letter))

    def _event(self, incident: Incident, letter: Letter, key: str) -> dict[str, Any] | None:
        head = {"routing_key": self._routing_key, "dedup_key": key}
        match letter.ask:
            case Ask.OPEN | Ask.UPDATE:
                return head | {"event_action": "trigger", "client": "pointsman", "payload": self._payload(incident, letter)}
            case Ask.RESOLVE:
                return head | {"event_action": "resolve"}
            case Ask.DEDUPLICATE:
                return None  # the key kept it one

    def _payload(self, incident: Incident, letter: Letter) -> dict[str, Any]:
        return {
            "summary": letter.summary[:SUMMARY_LIMIT] or f"{incident.link} needs attention",
            "source": f"pointsman/{incident.fabric}"[:FIELD_LIMIT],
            "severity": _severity(letter.severity),
            "timestamp": incident.opened_at.isoformat(),
            "component": incident.link[:FIELD_LIMIT],
            "group": incident.fabric[:FIELD_LIMIT],
            "class": "link outage",
            "custom_details": {
                "incident": incident.id[:FIELD_LIMIT],
                "epoch": incident.epoch,
                "mode": letter.mode,
                "timeline": [_line(moment) for moment in incident.timeline[-MOMENTS_LIMIT:]],
            },
        }

    def _send(self, body: bytes) -> Answer:
        try:
            return send(self._over, "POST", self._url, headers={"Content-Type": "application/json"}, body=body, read=READ_SECONDS)
        except (Unreached, Unanswered) as error:  # either way: the same key makes the repetition safe
            raise Transient(f"desk {self.name}: {error}", retry_after=BROKEN_PAUSE) from error

    def _trouble(self, answer: Answer) -> Transient | Refused:
        said = f"desk {self.name}: PagerDuty answered {answer.status}"
        match answer.status:
            case 429:
                return Transient(f"{said} (too many events): try again later", retry_after=_pause(answer, THROTTLED_PAUSE))
            case status if status >= 500 or status == 408:  # noqa: PLR2004 - the server's own trouble, or a time-out of its
                return Transient(f"{said}: try again", retry_after=_pause(answer, BROKEN_PAUSE))
            case 400:
                told = "; ".join(_errors(answer)).replace(self._routing_key, "***")
                return Refused(f"{said}: {told or 'the event is invalid'}; check the desk's routing key")
            case _:
                return Refused(f"{said}: check the desk's endpoint and routing key")


def _severity(severity: Severity) -> str:
    """Give PagerDuty's word for a severity: the two scales have the same four."""
    match severity:
        case Severity.INFO | Severity.WARNING | Severity.ERROR | Severity.CRITICAL:
            return severity.value


def _line(moment: Moment) -> str:
    return f"{moment.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ} epoch {moment.epoch}: {moment.text}"[:MOMENT_LIMIT]


def _pause(answer: Answer, default: timedelta) -> timedelta:
    """Read Retry-After (RFC 9110 section 10.2.3: seconds, or a date, which the answer's own date is taken from)."""
    told = answer.headers.get("retry-after", "")
    until: datetime | None = None if told.isdecimal() else http_date(told)
    if told.isdecimal():
        asked = timedelta(seconds=min(int(told), PAUSE_LIMIT.total_seconds()))
    elif until is not None and answer.date is not None:
        asked = until - answer.date
    else:
        asked = default
    return max(timedelta(0), min(asked, PAUSE_LIMIT))


def _errors(answer: Answer) -> list[str]:
    try:
        document = answer.json()
    except Unanswered:
        return []
    errors = document.get("errors") if isinstance(document, dict) else None
    return [str(error)[:FIELD_LIMIT] for error in errors[:ERRORS_LIMIT]] if isinstance(errors, list) else []
