"""A Google function: what each kind of request is answered, and what the log says of it."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.test import EnvironBuilder

from pointsman.boot.app import App
from pointsman.core.errors import ConfigError, PointsmanError, Refused, RejectedEvent, Transient
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.sightings import Health, Sighting, Source, Tick
from pointsman.core.steering import RoutePolicies
from pointsman.entry.gcp import Handler, Reply, http_entry
from pointsman.ports.stores import StoreDown, StoreUnsure
from pointsman.service.enact import Step
from pointsman.testing.google_functions import push_body
from pointsman.wire import recorded
from tests.entry.surroundings import Heard, MemoryQueue, ending, lines, logged, world
from tests.entry.test_aws import report
from tests.wire.samples import EVENTS, SAMPLES

PUSH = "pubsub-push-body-logsink-bgp-down"
JSON = {"Content-Type": "application/json"}


def request(body: bytes, headers: dict[str, str], method: str = "POST") -> flask.Request:
    return flask.Request(EnvironBuilder(method=method, data=body, headers=list(headers.items())).get_environ())


def kept(name: str) -> tuple[bytes, dict[str, str]]:
    """Give a sample's body and headers; a sample that is a body alone comes as JSON."""
    (found,) = recorded.deliveries((EVENTS / "gcp" / f"{name}.json").read_bytes())
    return found.data, dict(found.headers or JSON)


def sent(handler: Handler, name: str) -> Reply:
    return handler(request(*kept(name)))


def meaning_of(name: str) -> Any:
    heard = Heard()
    assert sent(http_entry(ending(heard=heard), world(Cloud.GCP).build), name)[:2] == ("", 204)
    ((meaning,),) = heard.calls
    return meaning


@pytest.mark.parametrize("name", [PUSH, "cloudevent-binary-pubsub-bgp-down", "cloudevent-structured-pubsub-bgp-down"])
def test_a_router_log_is_understood_in_every_envelope(name: str) -> None:
    claim = meaning_of(name)
    assert isinstance(claim, Sighting)
    assert (claim.source, claim.health, claim.member) == (Source.ROUTER_LOG, Health.DOWN, "router/6983339776642123456:169.254.1.2")


def test_a_monitoring_notification_is_understood() -> None:
    claim = meaning_of("monitoring-incident-open-bgp-session")
    assert (claim.source, claim.health) == (Source.MONITORING, Health.DOWN)


def test_a_schedule_is_understood_by_its_headers_whatever_its_body() -> None:
    assert meaning_of("scheduler-http-audit") == Tick(
        vantage="gcp",  # type: ignore[arg-type]
        key="schedule/weft-audit/2026-11-22T01:00:00Z",
        seen_at=datetime.fromisoformat("2026-11-22T01:00:00Z"),
    )


@pytest.mark.parametrize("sample", [path for path in SAMPLES if path.parent.name == "gcp"], ids=lambda path: path.stem)
def test_every_sample_is_done_and_only_what_is_rejected_is_parked(sample: Path) -> None:
    parking = MemoryQueue()
    reply = sent(http_entry(ending(), world(Cloud.GCP, parking=parking).build), sample.stem)
    expected = json.loads(sample.with_suffix(".expected.json").read_text())
    assert (reply[1], len(parking.messages)) == (204, int(any(one["kind"] == "rejected" for one in expected)))


@pytest.mark.parametrize("error", [Transient("the router is busy"), StoreDown("gcp store is down"), StoreUnsure("may be")])
def test_what_did_not_work_now_is_asked_for_again(error: PointsmanError) -> None:
    text, status, headers = sent(http_entry(ending(error), world(Cloud.GCP).build), PUSH)
    assert (text, status) == (str(error), 503)
    assert "Retry-After" not in headers


@pytest.mark.parametrize(("wait", "told"), [(timedelta(seconds=9), "9"), (timedelta(seconds=1.2), "2"), (timedelta(milliseconds=1), "1")])
def test_how_long_to_wait_is_told_in_whole_seconds(wait: timedelta, told: str) -> None:
    _, status, headers = sent(http_entry(ending(Transient("later", retry_after=wait)), world(Cloud.GCP).build), PUSH)
    assert (status, headers["Retry-After"]) == (503, told)


def test_a_report_that_asks_to_come_again_is_asked_for_again() -> None:
    text, status, _ = sent(http_entry(ending(lambda: report(again="the router is busy")), world(Cloud.GCP).build), PUSH)
    assert (text, status) == ("the router is busy", 503)


def test_a_set_up_that_is_wrong_is_told_in_one_line_and_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def build() -> App:
        raise ConfigError("fabric.json: cannot be read: set POINTSMAN_FABRIC")

    text, status, _ = sent(http_entry(ending(), build), PUSH)
    assert (text, status) == ("fabric.json: cannot be read: set POINTSMAN_FABRIC", 500)
    assert logged(capsys.readouterr().out)["error"] == text


def test_what_a_rail_forbids_is_done() -> None:
    assert sent(http_entry(ending(Refused("frozen")), world(Cloud.GCP).build), PUSH)[1] == 204


def test_a_bug_crashes() -> None:
    with pytest.raises(ZeroDivisionError):
        sent(http_entry(ending(ZeroDivisionError()), world(Cloud.GCP).build), PUSH)


GARBAGE = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"message": {"data": "!!"}, "subscription": "s"}',
    b'{"hello": "world"}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_parked_and_done(body: bytes) -> None:
    parking, heard = MemoryQueue(), Heard()
    reply = http_entry(ending(heard=heard), world(Cloud.GCP, parking=parking).build)(request(body, JSON))
    assert (reply[1], heard.calls) == (204, [])
    assert len(parking.messages) == 1


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_that_cannot_be_parked_is_left_to_the_platforms_dead_letter_topic(body: bytes) -> None:
    for parking in (None, MemoryQueue(full=True)):
        text, status, _ = http_entry(ending(), world(Cloud.GCP, parking=parking).build)(request(body, JSON))
        assert status == 422
        assert text.startswith("$")


def test_a_use_case_that_rejects_an_event_leaves_it_to_the_platform() -> None:
    assert sent(http_entry(ending(RejectedEvent("names no link")), world(Cloud.GCP).build), PUSH)[:2] == ("$: names no link", 422)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_whoever_only_knocks_gets_no_further(method: str) -> None:
    surroundings = world(Cloud.GCP, parking=MemoryQueue())
    _, status, headers = http_entry(ending(), surroundings.build)(request(b"", {}, method))
    assert (status, headers["Allow"], surroundings.built) == (405, "POST", 0)


def test_the_log_line_is_json_as_cloud_logging_reads_it(capsys: pytest.CaptureFixture[str]) -> None:
    use_case = ending(report)
    sent(http_entry(use_case, world(Cloud.GCP).build), PUSH)
    (line,) = lines(capsys.readouterr().out)
    assert (line["severity"], line["message"], line["service"]) == ("INFO", "handled", f"pointsman-{use_case.__name__}")
    assert (line["outcome"], line["epoch"], line["stages_ms"]["written"]) == ("ack", 7, 50.0)


def test_what_failed_is_logged_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    sent(http_entry(ending(Transient("later")), world(Cloud.GCP).build), PUSH)
    line = logged(capsys.readouterr().out)
    assert (line["severity"], line["outcome"], line["error"]) == ("ERROR", "retry", "later")


def test_what_is_done_and_yet_asks_for_a_person_is_logged_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    http_entry(ending(), world(Cloud.GCP, parking=MemoryQueue()).build)(request(b"{", JSON))
    line = logged(capsys.readouterr().out)
    assert (line["severity"], line["outcome"], len(line["rejected"])) == ("ERROR", "ack", 1)
    sent(http_entry(ending(lambda: report(untold=("desk noc: refused",))), world(Cloud.GCP).build), PUSH)
    line = logged(capsys.readouterr().out)
    assert (line["severity"], line["outcome"], line["untold"]) == ("ERROR", "ack", ["desk noc: refused"])


@pytest.mark.parametrize("error", [None, Transient("later"), ConfigError("set it"), Refused("no")], ids=lambda error: type(error).__name__)
def test_neither_a_payload_nor_a_callers_token_gets_into_a_log_or_an_answer(
    error: PointsmanError | None, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = JSON | {"Authorization": "Bearer hunter2"}
    handler = http_entry(ending(error), world(Cloud.GCP).build)
    bodies = (b'{"password": "hunter2', b'{"hunter2": "hunter2"}', b'{"incident": {"state": "hunter2"}, "version": "1.2"}', kept(PUSH)[0])
    told = [str(handler(request(body, headers))) for body in bodies]
    captured = capsys.readouterr()
    assert "hunter2" not in captured.out + captured.err + "".join(told)


def test_requests_at_once_share_one_house_and_one_loop(capsys: pytest.CaptureFixture[str]) -> None:
    crowd = 12
    surroundings, heard, start = world(Cloud.GCP), Heard(), threading.Barrier(crowd)
    loops: set[int] = set()

    def where() -> None:
        loops.add(threading.get_ident())

    def build() -> App:
        threading.Event().wait(0.05)  # long enough for everybody to ask for it
        return surroundings.build()

    handler = http_entry(ending(where, heard), build)
    body = push_body(
        "projects/p/subscriptions/s",
        "1",
        datetime.fromisoformat("2026-11-21T16:45:56Z"),
        b'{"pointsman":"nudge","fabric":"atlas","epoch":1}',
    )

    def knock(_: int) -> int:
        start.wait(30)
        return handler(request(body, JSON))[1]

    with ThreadPoolExecutor(crowd) as threads:
        assert set(threads.map(knock, range(crowd))) == {204}
    assert (surroundings.built, len(heard.calls), len(loops)) == (1, crowd, 1)
    assert len(list(lines(capsys.readouterr().out))) == crowd


def test_an_answer_is_never_a_page_or_a_trace() -> None:
    for body in (*GARBAGE, json.dumps({"message": {"data": "e30="}, "subscription": "s"}).encode()):
        text, _, headers = http_entry(ending(), world(Cloud.GCP).build)(request(body, JSON))
        assert headers["Content-Type"].startswith("text/plain")
        assert "Traceback" not in text
        assert len(text.splitlines()) <= 1


def test_a_call_whose_lever_was_refused_for_good_is_done_and_logged_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    setting = RoutePolicies(link=LinkName("ix-a"))
    done = report(steps=(Step(setting=setting, written=False, trouble="denied: grant it", refused=True),))
    assert sent(http_entry(ending(lambda: done), world(Cloud.GCP).build), PUSH)[1] == 204
    line = logged(capsys.readouterr().out)
    assert (line["severity"], line["outcome"], line["refused"]) == ("ERROR", "ack", ["gcp.route_policy of ix-a: denied: grant it"])
