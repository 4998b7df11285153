"""The local desk keeps PagerDuty's promises, shows its tickets, and its counts go red when a desk does not keep them."""

from datetime import timedelta
from typing import Any

import pytest
import urllib3

from pointsman.testing.desk import Fault, LocalDesk, MemoryDesk, TicketBook, faults_of, table
from pointsman.testing.processes import until
from tests.desks.counters import NOON, ROUTING_KEY


def event(action: str = "trigger", **changes: Any) -> dict[str, Any]:
    payload = {"summary": "ix-a is down", "source": "pointsman/atlas", "severity": "error", "component": "ix-a"}
    return {"routing_key": ROUTING_KEY, "event_action": action, "dedup_key": "k", "payload": payload} | changes


def payload(**changes: Any) -> dict[str, Any]:
    return event(payload=event()["payload"] | changes)


def post(desk: LocalDesk, body: Any) -> urllib3.BaseHTTPResponse:
    return urllib3.request("POST", f"{desk.url}/v2/enqueue", json=body, retries=False, timeout=30)


def test_an_accepted_event_is_answered_202_with_its_key(local: LocalDesk) -> None:
    reply = post(local, event())
    assert (reply.status, reply.json()["dedup_key"]) == (202, "k")


def test_a_trigger_after_a_resolve_opens_a_new_ticket(local: LocalDesk) -> None:
    for action in ("trigger", "resolve", "trigger"):
        post(local, event(action))
    assert [(ticket.number, ticket.status) for ticket in local.book.tickets("k")] == [(1, "resolved"), (2, "triggered")]


def test_an_acknowledged_ticket_is_open_still(local: LocalDesk) -> None:
    post(local, event())
    post(local, event("acknowledge"))
    assert [ticket.status for ticket in local.book.open_tickets()] == ["acknowledged"]


def test_the_same_key_under_another_routing_key_is_another_ticket(local: LocalDesk) -> None:
    post(local, event())
    post(local, event(routing_key="S" * 32))
    assert len(local.book.open_tickets("k")) == 2


def test_a_trigger_without_a_key_is_given_one_of_its_own(local: LocalDesk) -> None:
    keys = {post(local, event(dedup_key=None) | {"dedup_key": ""}).json()["dedup_key"] for _ in range(3)}
    assert len(keys) == len(local.book.open_tickets()) == 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "not a JSON object"),
        (event(routing_key="short"), "routing_key"),
        (event(routing_key=None), "routing_key"),
        (event(routing_key=7), "routing_key"),
        (event("shout"), "event_action"),
        (event(dedup_key="k" * 256), "dedup_key"),
        (event(dedup_key=7), "dedup_key"),
        (event("resolve", dedup_key=""), "dedup_key"),
        (event("acknowledge", dedup_key=None), "dedup_key"),
        (event(payload=None), "payload"),
        (event(payload="down"), "payload"),
        (payload(summary=""), "payload.summary"),
        (payload(summary="x" * 1025), "payload.summary"),
        (payload(source=None), "payload.source"),
        (payload(severity="bad"), "payload.severity"),
        (payload(severity=["error"]), "payload.severity"),
    ],
)
def test_a_malformed_event_is_answered_400_with_the_reason(local: LocalDesk, body: Any, reason: str) -> None:
    reply = post(local, body)
    assert reply.status == 400
    assert any(reason in error for error in reply.json()["errors"])
    assert local.book.tickets() == ()


def test_what_is_not_json_is_answered_400(local: LocalDesk) -> None:
    reply = urllib3.request("POST", f"{local.url}/v2/enqueue", body=b"\xff{", retries=False)
    assert reply.status == 400


def test_the_well_formed_event_has_no_fault() -> None:
    assert faults_of(event()) == []


def test_the_tickets_are_shown_without_the_routing_key(local: LocalDesk) -> None:
    post(local, event())
    reply = urllib3.request("GET", f"{local.url}/tickets", retries=False)
    (ticket,) = reply.json()
    assert (ticket["number"], ticket["status"], ticket["summary"]) == (1, "triggered", "ix-a is down")
    assert ROUTING_KEY.encode() not in reply.data


def test_the_table_has_a_line_a_ticket(local: LocalDesk) -> None:
    post(local, event())
    post(local, event("resolve"))
    head, line = table(local.book.tickets()).splitlines()
    assert head.split() == ["no.", "status", "severity", "link", "summary"]
    assert line.split() == ["1", "resolved", "error", "ix-a", "ix-a", "is", "down"]


def test_a_late_event_surfaces_after_the_caller_was_left_alone(local: LocalDesk) -> None:
    local.fail(Fault.LATE, lasting=timedelta(milliseconds=50))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        post(local, event())
    post(local, event("resolve"))
    assert until(lambda: len(local.book.open_tickets()) == 1)


def test_faults_come_in_the_order_they_were_asked_for_and_then_end(local: LocalDesk) -> None:
    local.fail(Fault.BROKEN, times=2)
    local.fail(Fault.THROTTLED, lasting=timedelta(seconds=9))
    replies = [post(local, event()) for _ in range(4)]
    assert [reply.status for reply in replies] == [500, 500, 429, 202]
    assert replies[2].headers["Retry-After"] == "9"


def test_a_desk_that_forgets_its_keys_is_caught_by_the_count() -> None:
    book = TicketBook(lambda: NOON, deduplicates=False)
    for _ in range(2):
        book.trigger(ROUTING_KEY, "k", event()["payload"])
    assert (book.most_open("k"), book.most_open("ix-a")) == (2, 2)


def test_tickets_of_one_link_under_two_keys_are_caught_by_the_count(local: LocalDesk) -> None:
    post(local, event())
    post(local, event(dedup_key="other"))
    assert (local.book.most_open("k"), local.book.most_open("other"), local.book.most_open("ix-a")) == (1, 1, 2)


def test_a_desk_in_memory_has_no_time_to_be_late_in() -> None:
    with pytest.raises(ValueError, match="late"):
        MemoryDesk("noc", lambda: NOON).fail(Fault.LATE)


def test_an_unknown_page_names_the_known_ones(local: LocalDesk) -> None:
    reply = urllib3.request("GET", f"{local.url}/other", retries=False)
    assert reply.status == 404
    assert "GET /tickets" in reply.json()["message"]
