"""The emulators come up on free loopback ports, keep the promises we lean on, and go away."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config

from pointsman.core.errors import ConfigError
from pointsman.testing import emulators
from pointsman.testing.aws.motoserver import Moto
from pointsman.testing.emulators import Emulator
from pointsman.testing.faces.messages import Ask
from pointsman.testing.loopback import LoopbackServer, Reply
from pointsman.testing.processes import ProcessError, until

DOCUMENTS = "/v1/projects/weft/databases/(default)/documents"
needs_firestore = pytest.mark.skipif(emulators.available_firestore() is not None, reason=str(emulators.available_firestore()))
needs_pubsub = pytest.mark.skipif(emulators.available_pubsub() is not None, reason=str(emulators.available_pubsub()))


@pytest.fixture(scope="module")
def moto() -> Iterator[Emulator]:
    with emulators.moto() as running:
        yield running


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings of a client that asks once, as nobody in particular."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Config(retries={"total_max_attempts": 1}, read_timeout=30)


@needs_firestore
def test_one_of_many_creators_of_a_firestore_document_wins() -> None:
    with emulators.firestore() as running, ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda n: create(running, f"row-{n // 8}").status, range(64)))
    assert answers.count(200) == 8
    assert set(answers) == {200, 409}


@needs_firestore
def test_a_reset_firestore_is_empty() -> None:
    with emulators.firestore() as running:
        assert create(running, "row").status == 200
        running.reset_firestore("weft")
        assert create(running, "row").status == 200


@needs_pubsub
def test_a_message_passes_through_the_pubsub_emulator() -> None:
    with emulators.pubsub() as running:
        topic, subscription = "projects/weft/topics/nudges", "projects/weft/subscriptions/deliver"
        call(running, "PUT", f"/v1/{topic}", {})
        call(running, "PUT", f"/v1/{subscription}", {"topic": topic})
        data = base64.b64encode(b"look").decode()
        call(running, "POST", f"/v1/{topic}:publish", {"messages": [{"data": data}]})
        pulled = call(running, "POST", f"/v1/{subscription}:pull", {"maxMessages": 1})
    assert pulled["receivedMessages"][0]["message"]["data"] == data


def test_one_of_many_conditional_writes_to_moto_wins(moto: Emulator, config: Config) -> None:
    table = boto3.client("dynamodb", endpoint_url=moto.url, region_name="us-east-1", config=config)
    table.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def claim(number: int) -> bool:
        try:
            table.put_item(TableName="t", Item={"k": {"S": str(number // 8)}}, ConditionExpression="attribute_not_exists(k)")
        except table.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as crowd:
        assert sum(crowd.map(claim, range(160))) == 20


def test_requests_pass_the_guard_one_at_a_time() -> None:
    inside, most = 0, 0

    def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        nonlocal inside, most
        start("200 OK", [])
        inside += 1
        most = max(most, inside)
        Event().wait(0.005)
        yield b"body"
        inside -= 1

    guarded, ask = Moto(app), Ask(method="GET", path="/", headers={}, body=b"")
    with ThreadPoolExecutor(8) as crowd:
        assert {tell.body for tell in crowd.map(lambda _: guarded.answer(ask), range(24))} == {b"body"}
    assert most == 1


def test_a_reader_that_waits_for_moto_keeps_nobody_out(moto: Emulator, config: Config) -> None:
    queue = boto3.client("sqs", endpoint_url=moto.url, region_name="us-east-1", config=config)
    url = queue.create_queue(QueueName="q")["QueueUrl"]
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(queue.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        assert waiting.result(10).get("Messages", []) == []
        queue.send_message(QueueUrl=url, MessageBody="hello")
    assert queue.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"


def test_a_reset_moto_is_empty(moto: Emulator, config: Config) -> None:
    store = boto3.client("s3", endpoint_url=moto.url, region_name="us-east-1", config=config)
    store.create_bucket(Bucket="witness")
    moto.reset_moto()
    assert store.list_buckets()["Buckets"] == []


def test_an_emulator_is_gone_when_its_block_is_left() -> None:
    with emulators.moto() as running:
        address = running.url
    assert until(lambda: refused(address))


def test_what_is_missing_is_said_with_the_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    (tmp_path / "cloud-firestore-emulator.jar").touch()
    monkeypatch.setenv("POINTSMAN_EMULATORS", str(tmp_path))
    with pytest.raises(ConfigError, match="needs Java: install"), emulators.firestore():
        pass


def test_a_machine_without_googles_emulators_is_told_of_each_and_fails_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(emulators, "_PLACES", ())
    monkeypatch.setattr(emulators, "available_disk", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("POINTSMAN_EMULATORS", str(tmp_path))
    assert emulators.say_missing() == 1
    said = capsys.readouterr().err
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        "Google's Firestore emulator was not found",
        "Google's Pub/Sub emulator was not found",
    ]


def test_a_machine_that_has_all_emulators_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch(mode=0o755)
    for jar in ("cloud-firestore-emulator.jar", "cloud-pubsub-emulator-1.jar"):
        (tmp_path / jar).touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("POINTSMAN_EMULATORS", str(tmp_path))
    monkeypatch.setattr(emulators, "available_disk", lambda: None)
    assert (emulators.say_missing(), capsys.readouterr().err) == (0, "")
    monkeypatch.setattr(emulators, "available_disk", lambda: "a process can have no disk of its own here")
    assert (emulators.say_missing(), capsys.readouterr().err) == (1, "a process can have no disk of its own here\n")


def test_a_jar_that_does_not_start_is_shown_with_its_last_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho the heap is too small\nexit 1\n")
    java.chmod(0o755)
    (tmp_path / "cloud-firestore-emulator.jar").touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("POINTSMAN_EMULATORS", str(tmp_path))
    with pytest.raises(ProcessError, match=r"firestore printed no line .*the heap is too small"), emulators.firestore():
        pass


def test_a_port_taken_meanwhile_is_left_for_another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho once >> {tmp_path}/tries\necho Address already in use\nexit 1\n")
    java.chmod(0o755)
    (tmp_path / "cloud-firestore-emulator.jar").touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("POINTSMAN_EMULATORS", str(tmp_path))
    with pytest.raises(ProcessError, match="already in use"), emulators.firestore():
        pass
    assert (tmp_path / "tries").read_text().count("once") == emulators.START_TRIES


def test_an_answer_on_a_port_that_somebody_else_took_is_not_taken_for_the_emulators(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho once >> {tmp_path}/tries\necho Address already in use\nexec sleep 60\n")
    java.chmod(0o755)
    (tmp_path / "cloud-firestore-emulator.jar").touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("POINTSMAN_EMULATORS", str(tmp_path))
    with LoopbackServer(lambda _: Reply()) as other:
        monkeypatch.setattr(emulators, "free_port", lambda: int(other.address.rpartition(":")[2]))
        with pytest.raises(ProcessError, match="already in use"), emulators.firestore():
            pass
    assert (tmp_path / "tries").read_text().count("once") == emulators.START_TRIES


def create(running: Emulator, name: str) -> urllib3.BaseHTTPResponse:
    document = {"fields": {"at": {"stringValue": "now"}}}
    return urllib3.request("POST", f"{running.url}{DOCUMENTS}/rows?documentId={name}", json=document, timeout=30, retries=False)


def call(running: Emulator, method: str, path: str, body: dict[str, object]) -> dict[str, list[dict[str, dict[str, str]]]]:
    reply = urllib3.request(method, f"{running.url}{path}", json=body, timeout=30, retries=False)
    assert reply.status == 200, reply.data
    found: dict[str, list[dict[str, dict[str, str]]]] = reply.json()
    return found


def refused(url: str) -> bool:
    try:
        urllib3.request("GET", url, timeout=1, retries=False)
    except urllib3.exceptions.HTTPError:
        return True
    return False
