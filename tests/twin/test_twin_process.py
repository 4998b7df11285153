"""The twin as a process: what its control door hands out of events, and how they travel on request."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from pointsman.testing.processes import until
from pointsman.testing.twin_process import TwinServer
from tests.twin.networks import reference

PATIENCE = 10.0


@pytest.fixture
def twin() -> Iterator[TwinServer]:
    with TwinServer(reference()) as server:
        yield server


def asked(twin: TwinServer, path: str, told: object = None) -> Any:
    body = None if told is None else json.dumps(told).encode()
    with urllib.request.urlopen(twin.urls["control"] + path, data=body, timeout=PATIENCE) as answer:
        return json.load(answer)


def told_of_a_cut(twin: TwinServer, how: dict[str, Any]) -> list[str]:
    """Let a link's light go out and come back while events travel like this; gives what was handed out at once."""
    asked(twin, "/delivery", how)
    asked(twin, "/fault", {"do": "maintain", "link": "ix-a", "start": 1e6, "end": 2e6})
    return [json.dumps(one["payload"]) for one in asked(twin, "/events")]


def test_events_come_once_and_at_once_unless_asked_otherwise(twin: TwinServer) -> None:
    events = told_of_a_cut(twin, {})
    assert events
    assert len(set(events)) == len(events)


def test_events_are_lost_on_request(twin: TwinServer) -> None:
    assert told_of_a_cut(twin, {"loss": 1.0}) == []


def test_events_come_twice_on_request(twin: TwinServer) -> None:
    events = told_of_a_cut(twin, {"doubling": 1.0})
    assert len(events) == 2 * len(set(events)) > 0


def test_events_come_late_on_request(twin: TwinServer) -> None:
    assert told_of_a_cut(twin, {"delay": [0.5, 0.5]}) == []
    assert until(lambda: bool(asked(twin, "/events"))), "what is late comes all the same"


def test_a_wrong_wish_is_refused_in_words(twin: TwinServer) -> None:
    with pytest.raises(HTTPError) as refused:
        asked(twin, "/delivery", {"loss": "much"})
    assert "loss" in refused.value.read().decode()
