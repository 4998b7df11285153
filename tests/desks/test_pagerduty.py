"""PagerDuty's own ways: what goes over the wire, and what each answer means."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from pointsman.adapters.desks import pagerduty as adapter
from pointsman.adapters.desks.pagerduty import PagerDutyDesk
from pointsman.adapters.http import pool
from pointsman.core.errors import Refused, Transient
from pointsman.core.incidents import Ask, Severity
from pointsman.core.outbox import ticket_key
from pointsman.testing.desk import Fault, LocalDesk, MemoryDesk
from pointsman.testing.emulators import free_port
from pointsman.testing.loopback import LoopbackServer, Reply
from tests.desks.counters import MODE, NOON, ROUTING_KEY, Counter, incident


def answering(reply: Reply) -> Callable[[], Transient | Refused]:
    """Give what the adapter raises when PagerDuty answers so."""

    def tell() -> Transient | Refused:
        with LoopbackServer(lambda _: reply) as server:
            desk = PagerDutyDesk("noc", ROUTING_KEY, over=pool(), endpoint=server.url)
            with pytest.raises((Transient, Refused)) as caught:
                Counter(desk, MemoryDesk("behind", lambda: NOON)).tell()
            error = caught.value
            assert isinstance(error, Transient | Refused)
            return error

    return tell


def test_a_trigger_carries_what_the_person_on_call_needs(pagerduty: Counter, local: LocalDesk) -> None:
    outage = incident(moments=3)
    pagerduty.tell(Ask.OPEN, outage, summary="ix-a is down", severity=Severity.WARNING)
    assert local.received() == (
        {
            "routing_key": ROUTING_KEY,
            "dedup_key": ticket_key(outage),
            "event_action": "trigger",
            "client": "pointsman",
            "payload": {
                "summary": "ix-a is down",
                "source": "pointsman/atlas",
                "severity": "warning",
                "timestamp": "2027-03-04T12:00:00+00:00",
                "component": "ix-a",
                "group": "atlas",
                "class": "link outage",
                "custom_details": {
                    "incident": "atlas/ix-a@7",
                    "epoch": 7,
                    "mode": MODE,
                    "timeline": [f"2027-03-04T12:00:00Z epoch 7: moment {number}" for number in range(3)],
                },
            },
        },
    )


def test_a_resolve_carries_the_key_alone(pagerduty: Counter, local: LocalDesk) -> None:
    pagerduty.tell(Ask.RESOLVE)
    assert local.received() == ({"routing_key": ROUTING_KEY, "dedup_key": ticket_key(incident()), "event_action": "resolve"},)


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_is_one_that_pagerduty_knows(pagerduty: Counter, severity: Severity) -> None:
    pagerduty.tell(severity=severity)
    assert pagerduty.book.open_tickets()[0].severity == severity


def test_the_newest_moments_go_along(pagerduty: Counter, local: LocalDesk) -> None:
    pagerduty.tell(Ask.OPEN, incident(moments=100))
    told = local.received()[0]["payload"]["custom_details"]["timeline"]
    assert len(told) == adapter.MOMENTS_LIMIT
    assert told[-1].endswith("moment 99")


def test_the_key_is_short_enough_and_the_same_everywhere() -> None:
    assert ticket_key(incident()) == ticket_key(incident(moments=9))
    assert len(ticket_key(incident(link="l" * 500))) <= 64


def test_a_refusal_shows_pagerdutys_reasons_and_never_the_routing_key(local: LocalDesk) -> None:
    desk = PagerDutyDesk("noc", "short", over=pool(), endpoint=local.url)
    with pytest.raises(Refused, match="Length of 'routing_key' is incorrect") as caught:
        Counter(desk, local).tell()
    assert "short" not in str(caught.value)


def test_a_routing_key_echoed_in_an_answer_is_blotted_out() -> None:
    body = f'{{"errors": ["no service has {ROUTING_KEY}"]}}'.encode()
    error = answering(Reply(status=400, body=body))()
    assert isinstance(error, Refused)
    assert ROUTING_KEY not in str(error)
    assert "no service has ***" in str(error)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 413])
def test_an_answer_that_no_repetition_mends_is_refused(status: int) -> None:
    error = answering(Reply(status=status))()
    assert isinstance(error, Refused)
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_answer_that_time_mends_is_transient(status: int) -> None:
    assert isinstance(answering(Reply(status=status))(), Transient)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors": "many"}', b'{"errors": [null, 7]}', b"\xff"])
def test_a_400_without_readable_reasons_is_still_a_refusal(body: bytes) -> None:
    assert isinstance(answering(Reply(status=400, body=body))(), Refused)


@pytest.mark.parametrize(
    ("told", "pause"),
    [
        ("0", timedelta(0)),
        ("42", timedelta(seconds=42)),
        ("99999999999999999999", adapter.PAUSE_LIMIT),
        ("soon", adapter.THROTTLED_PAUSE),
        ("-5", adapter.THROTTLED_PAUSE),
        ("", adapter.THROTTLED_PAUSE),
        ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
        ("Wed, 21 Oct 2999 07:28:00 GMT", adapter.PAUSE_LIMIT),
    ],
)
def test_the_pause_that_is_asked_for_is_kept_within_bounds(told: str, pause: timedelta) -> None:
    error = answering(Reply(status=429, headers={"Retry-After": told}))()
    assert isinstance(error, Transient)
    assert error.retry_after == pause


def test_a_desk_that_nobody_answers_for_is_transient(local: LocalDesk) -> None:
    desk = PagerDutyDesk("noc", ROUTING_KEY, over=pool(), endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Transient, match="cannot be reached"):
        Counter(desk, local).tell()


def test_a_desk_that_keeps_silent_too_long_is_transient_and_told_again_is_one_ticket(
    pagerduty: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "READ_SECONDS", 0.05)
    pagerduty.behind.fail(Fault.SLOW, lasting=timedelta(seconds=0.5))
    with pytest.raises(Transient):
        pagerduty.tell()
    monkeypatch.undo()
    pagerduty.tell()
    assert pagerduty.book.most_open("ix-a") == 1
