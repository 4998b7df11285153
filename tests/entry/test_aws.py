"""Lambda: what each kind of delivery is answered, and what the log and the metrics say of it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman.boot.app import App
from pointsman.boot.settings import Settings
from pointsman.core.errors import ConfigError, PointsmanError, Refused, RejectedEvent, Transient
from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.plan import Plan
from pointsman.core.sightings import Sighting, Tick
from pointsman.core.steering import FailoverTest
from pointsman.entry.aws import lambda_entry
from pointsman.ports.stores import StoreDown, StoreUnsure
from pointsman.service.converge import Report
from pointsman.service.enact import Step
from pointsman.service.watch import Watched
from tests.entry.surroundings import Heard, MemoryQueue, ending, lines, logged, world
from tests.wire.samples import sample

BATCH = "aws/sqs-batch-with-poison.json"
POISON = "2e1424d4-f796-459a-8184-9c92662be002"
EVENT = "aws/nm-status-vpn-bgp-down.json"
RETRIED = [Transient("a lever is busy"), StoreDown("aws store is down"), StoreUnsure("it may have been written")]


@dataclass
class Context:
    aws_request_id: str = "11112222-3333-4444-5555-666677778888"


def failed(answer: dict[str, Any]) -> list[str]:
    assert set(answer) == {"batchItemFailures"}
    assert all(set(one) == {"itemIdentifier"} for one in answer["batchItemFailures"])
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def ids(batch: dict[str, Any]) -> list[str]:
    return [record["messageId"] for record in batch["Records"]]


def report(**more: Any) -> Report:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    plan = Plan(fabric="atlas", fabric_hash="h", decider="1", decided_at=at, epoch=7)
    return Report(plan=plan, agreed=True, began=at, stages={"noted": 0.012, "agreed": 0.034, "written": 0.05}, **more)


def test_a_plain_event_is_decoded_handed_on_and_done() -> None:
    heard = Heard()
    answer = lambda_entry(ending(heard=heard), world(Cloud.AWS).build)(sample(EVENT), Context())
    assert answer == {"outcome": "ack"}
    ((claim,),) = heard.calls
    assert isinstance(claim, Sighting)
    assert claim.member == "vpn-0b2c3d4e5f6071829:35.84.102.207"


def test_a_warm_function_is_furnished_once() -> None:
    surroundings = world(Cloud.AWS)
    handler = lambda_entry(ending(), surroundings.build)
    assert surroundings.built == 0
    for _ in range(3):
        handler(sample(EVENT), Context())
    assert surroundings.built == 1


@pytest.mark.parametrize("error", RETRIED, ids=lambda error: type(error).__name__)
def test_what_did_not_work_now_is_raised_so_that_an_asynchronous_event_comes_again(error: PointsmanError) -> None:
    with pytest.raises(Transient, match=str(error)):
        lambda_entry(ending(error), world(Cloud.AWS).build)(sample(EVENT), Context())


@pytest.mark.parametrize("error", RETRIED, ids=lambda error: type(error).__name__)
def test_what_did_not_work_now_fails_every_message_of_a_batch(error: PointsmanError) -> None:
    batch = sample(BATCH)
    answer = lambda_entry(ending(error), world(Cloud.AWS, parking=MemoryQueue()).build)(batch, Context())
    assert failed(answer) == ids(batch)


def test_a_report_that_asks_to_come_again_is_raised_and_still_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Transient, match="the router is busy"):
        lambda_entry(ending(lambda: report(again="the router is busy")), world(Cloud.AWS).build)(sample(EVENT), Context())
    line = logged(capsys.readouterr().out)
    assert (line["outcome"], line["error"], line["epoch"]) == ("retry", "the router is busy", 7)


def test_only_the_poison_message_of_a_batch_fails_and_the_others_are_handled() -> None:
    heard = Heard()
    answer = lambda_entry(ending(heard=heard), world(Cloud.AWS).build)(sample(BATCH), Context())
    assert failed(answer) == [POISON]
    ((*meanings,),) = heard.calls
    assert {type(one) for one in meanings} >= {Sighting, Tick}


def test_with_a_parking_queue_the_poison_message_is_parked_and_all_are_done() -> None:
    parking = MemoryQueue()
    answer = lambda_entry(ending(), world(Cloud.AWS, parking=parking).build)(sample(BATCH), Context())
    assert failed(answer) == []
    (kept,) = parking.messages
    assert ids(kept["event"]) == [POISON]
    assert kept["why"][0].startswith("$.Records[1].body: ")


def test_with_a_parking_queue_that_takes_nothing_the_poison_message_fails_as_without_one() -> None:
    answer = lambda_entry(ending(), world(Cloud.AWS, parking=MemoryQueue(full=True)).build)(sample(BATCH), Context())
    assert failed(answer) == [POISON]


def test_nothing_is_parked_while_the_rest_of_its_batch_must_come_again() -> None:
    parking = MemoryQueue()
    lambda_entry(ending(Transient("later")), world(Cloud.AWS, parking=parking).build)(sample(BATCH), Context())
    assert parking.messages == []


def test_a_batch_of_poison_alone_fails_message_by_message() -> None:
    batch = sample(BATCH)
    poison = {"Records": [record | {"body": "{"} for record in batch["Records"][:2]]}
    heard = Heard()
    assert failed(lambda_entry(ending(heard=heard), world(Cloud.AWS).build)(poison, Context())) == ids(poison)
    assert heard.calls == []


def test_a_message_whose_id_cannot_be_told_takes_its_batch_with_it_rather_than_get_lost() -> None:
    batch = sample(BATCH)
    batch["Records"][1]["messageId"] = "x" * 1_000
    batch["Records"][0]["body"] = "{"
    assert failed(lambda_entry(ending(), world(Cloud.AWS).build)(batch, Context())) == ids(batch)


@pytest.mark.parametrize(
    "garbage", [{}, [], None, "text", 7, {"Records": [{"eventSource": "aws:sqs"}]}, {"Records": "many"}, {"a": {"b": []}}]
)
def test_garbage_is_parked_and_done_or_raised_so_that_the_platform_keeps_it(garbage: object) -> None:
    parking = MemoryQueue()
    assert lambda_entry(ending(), world(Cloud.AWS, parking=parking).build)(garbage, Context()) == {"outcome": "ack"}
    assert [one["event"] for one in parking.messages] == [garbage]
    with pytest.raises(RejectedEvent):
        lambda_entry(ending(), world(Cloud.AWS).build)(garbage, Context())


def test_an_empty_batch_is_done() -> None:
    assert lambda_entry(ending(), world(Cloud.AWS).build)({"Records": []}, Context()) == {"outcome": "ack"}


def test_what_a_rail_forbids_is_done_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert lambda_entry(ending(Refused("frozen by an operator")), world(Cloud.AWS).build)(sample(EVENT), Context()) == {"outcome": "ack"}
    assert logged(capsys.readouterr().out)["error"] == "frozen by an operator"


def test_a_set_up_that_is_wrong_is_raised_in_one_line_and_tried_anew_at_the_next_call(capsys: pytest.CaptureFixture[str]) -> None:
    tries: list[int] = []
    right = world(Cloud.AWS)

    def build() -> App:
        tries.append(1)
        if len(tries) == 1:
            raise ConfigError("fabric.json: cannot be read: set POINTSMAN_FABRIC")
        return right.build()

    handler = lambda_entry(ending(), build)
    with pytest.raises(ConfigError, match=r"fabric\.json: cannot be read"):
        handler(sample(EVENT), Context())
    line = logged(capsys.readouterr().out)
    assert (line["level"], line["outcome"], line["error"]) == ("ERROR", "stop", "fabric.json: cannot be read: set POINTSMAN_FABRIC")
    assert handler(sample(EVENT), Context()) == {"outcome": "ack"}


def test_a_wrong_set_up_loses_no_message_of_a_queue() -> None:
    def build() -> App:
        raise ConfigError("fabric.json: cannot be read")

    batch = sample(BATCH)
    assert failed(lambda_entry(ending(), build)(batch, Context())) == ids(batch)


def test_a_bug_crashes() -> None:
    with pytest.raises(ZeroDivisionError):
        lambda_entry(ending(ZeroDivisionError()), world(Cloud.AWS).build)(sample(EVENT), Context())
    with pytest.raises(ZeroDivisionError):
        lambda_entry(ending(ZeroDivisionError()), world(Cloud.AWS).build)(sample(BATCH), Context())


def test_errors_that_came_together_are_looked_up_together() -> None:
    both = ExceptionGroup("two", [Refused("frozen"), StoreDown("aws store is down")])
    with pytest.raises(Transient, match="aws store is down"):
        lambda_entry(ending(both), world(Cloud.AWS).build)(sample(EVENT), Context())


def test_the_log_line_carries_the_request_the_epoch_and_the_stages(capsys: pytest.CaptureFixture[str]) -> None:
    use_case = ending(report)
    lambda_entry(use_case, world(Cloud.AWS).build)(sample(EVENT), Context())
    line = logged(capsys.readouterr().out)
    told = {name: line[name] for name in ("level", "service", "request", "outcome", "records", "epoch", "agreed", "stages_ms")}
    assert told == {
        "level": "INFO",
        "service": f"pointsman-{use_case.__name__}",
        "request": Context().aws_request_id,
        "outcome": "ack",
        "records": 1,
        "epoch": 7,
        "agreed": True,
        "stages_ms": {"noted": 12.0, "agreed": 34.0, "written": 50.0},
    }


def test_metrics_are_one_line_of_embedded_metrics_with_the_stages(capsys: pytest.CaptureFixture[str]) -> None:
    use_case = ending(report)
    handler = lambda_entry(use_case, world(Cloud.AWS).build)
    for _ in range(2):
        handler(sample(EVENT), Context())
        (metrics,) = [line for line in lines(capsys.readouterr().out) if "_aws" in line]
        (directive,) = metrics["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "pointsman"
        assert {one["Name"] for one in directive["Metrics"]} == {"outcome_ack", "reaction_noted", "reaction_agreed", "reaction_written"}
        assert metrics["reaction_written"] == [50.0]
        assert metrics["service"] == use_case.__name__


def counted(printed: str) -> dict[str, list[float]]:
    """Give the metrics of a call, but for its stages."""
    (metrics,) = [line for line in lines(printed) if "_aws" in line]
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    names = [one["Name"] for one in directive["Metrics"]]
    return {name: metrics[name] for name in names if not name.startswith("reaction_")}


def test_an_event_that_was_put_aside_is_an_error_in_the_log_and_a_metric_though_its_batch_is_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lambda_entry(ending(), world(Cloud.AWS, parking=MemoryQueue()).build)(sample(BATCH), Context())
    printed = capsys.readouterr().out
    assert [logged(printed)[name] for name in ("level", "outcome")] == ["ERROR", "ack"]
    assert counted(printed) == {"outcome_ack": [1.0], "rejected": [1.0]}


def test_a_desk_that_could_not_be_told_is_an_error_in_the_log_and_a_metric_though_the_sweep_is_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trouble = ("desk noc: PagerDuty answered 400: check the desk's routing key",)
    answer = lambda_entry(ending(lambda: report(untold=trouble)), world(Cloud.AWS).build)(sample(EVENT), Context())
    printed = capsys.readouterr().out
    assert answer == {"outcome": "ack"}
    assert [logged(printed)[name] for name in ("level", "untold")] == ["ERROR", list(trouble)]
    assert counted(printed) == {"outcome_ack": [1.0], "untold": [1.0]}


def test_what_other_functions_did_is_in_the_log_too(capsys: pytest.CaptureFixture[str]) -> None:
    lambda_entry(ending(lambda: Watched(looks=3, throttled=1, changes=0)), world(Cloud.AWS).build)(sample(EVENT), Context())
    line = logged(capsys.readouterr().out)
    assert (line["looks"], line["throttled"], line["changes"]) == (3, 1, 0)


def test_an_unreadable_event_is_told_by_its_field(capsys: pytest.CaptureFixture[str]) -> None:
    event = sample("aws/cw-alarm-dx-vif-bgp-status-alarm.json")
    event["detail"]["state"] = "hunter2"
    lambda_entry(ending(), world(Cloud.AWS, parking=MemoryQueue()).build)(event, Context())
    line = logged(capsys.readouterr().out)
    assert line["outcome"] == "ack"
    assert line["rejected"][0].startswith("$.detail.state: ")


SECRETS = ["hunter2", "AQEBzWwaftRI0KuVm4tP", "sig-of-a-token"]


@pytest.mark.parametrize("error", [None, *RETRIED, ConfigError("set it"), Refused("no")], ids=lambda error: type(error).__name__)
def test_nothing_of_a_payload_and_no_secret_gets_into_a_log(error: PointsmanError | None, capsys: pytest.CaptureFixture[str]) -> None:
    batch = sample(BATCH)
    batch["Records"][1]["body"] = '{"password": "hunter2'
    batch["Records"][2]["body"] = (
        '{"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": {"state": {"value": "hunter2"}}}'
    )
    batch["Records"][3]["body"] = '{"pointsman": "hunter2", "token": "sig-of-a-token"}'
    secretive = Settings(witness_key_id="KEY", witness_secret="hunter2")
    lambda_entry(ending(error), world(Cloud.AWS, settings=secretive).build)(batch, Context())
    captured = capsys.readouterr()
    assert [secret for secret in SECRETS if secret in captured.out + captured.err] == []


def test_how_long_to_wait_reaches_whoever_catches_the_error() -> None:
    error = Transient("later", retry_after=timedelta(seconds=9))
    with pytest.raises(Transient) as caught:
        lambda_entry(ending(error), world(Cloud.AWS).build)(sample(EVENT), Context())
    assert caught.value.retry_after == timedelta(seconds=9)


@pytest.mark.parametrize("watched", [False, True], ids=["a report", "a watch's reports"])
def test_a_call_whose_lever_was_refused_for_good_is_done_and_logged_as_an_error_with_a_metric(
    watched: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
) -> None:
    setting = FailoverTest(link=LinkName("ix-a"), running=True)
    steps = (
        Step(setting=setting, written=False, trouble="AWS denies it: allow it", refused=True),
        Step(setting=setting, written=False, trouble="busy", again=True),
    )
    one = report(steps=steps)
    done = Watched(looks=3, throttled=0, changes=1, reports=(one,)) if watched else one
    assert lambda_entry(ending(lambda: done), world(Cloud.AWS).build)(sample(EVENT), Context()) == {"outcome": "ack"}
    printed = capsys.readouterr().out
    line = logged(printed)
    assert (line["level"], line["outcome"]) == ("ERROR", "ack")
    assert line["refused"] == ["aws.failover_test of ix-a: AWS denies it: allow it"]
    (metrics,) = [each for each in lines(printed) if "_aws" in each]
    assert metrics["lever_refused"] == [1.0]


def test_a_call_that_was_refused_nothing_has_no_such_metric(capsys: pytest.CaptureFixture[str]) -> None:
    lambda_entry(ending(report), world(Cloud.AWS).build)(sample(EVENT), Context())
    printed = capsys.readouterr().out
    assert logged(printed)["level"] == "INFO"
    assert not any("lever_refused" in each for each in lines(printed))
