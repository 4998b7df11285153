"""Both queues publish to Google's real Pub/Sub emulator, and a message that was not taken is told."""

import base64
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pointsman.adapters.gcp.http import GoogleHttp
from pointsman.adapters.gcp.pubsub import PubSubQueue, PubSubRestQueue
from pointsman.adapters.http1 import Http1
from pointsman.core.errors import Transient
from pointsman.ports.clouds import Queue
from pointsman.testing import emulators
from pointsman.testing.emulators import Emulator
from tests.gcp.conftest import run

PROJECT = "weft-prod-1"
TOPIC, SUBSCRIPTION = f"projects/{PROJECT}/topics/nudges", f"projects/{PROJECT}/subscriptions/nudges"


def patient() -> GoogleHttp:
    return GoogleHttp(None, over=Http1(connect=5, read=30))


@pytest.fixture(scope="module")
def pubsub() -> Iterator[Emulator]:
    missing = emulators.available_pubsub()
    if missing:
        pytest.skip(missing)
    with emulators.pubsub() as running:
        http = patient()
        assert run(http.ask("PUT", f"{running.url}/v1/{TOPIC}", body={})).ok
        assert run(http.ask("PUT", f"{running.url}/v1/{SUBSCRIPTION}", body={"topic": TOPIC})).ok
        yield running


def taken(pubsub: Emulator) -> list[bytes]:
    """Pull and acknowledge what waits."""
    http, url = patient(), f"{pubsub.url}/v1/{SUBSCRIPTION}"
    found = run(http.ask("POST", f"{url}:pull", body={"maxMessages": 10})).json().get("receivedMessages", [])
    if found:
        run(http.ask("POST", f"{url}:acknowledge", body={"ackIds": [one["ackId"] for one in found]}))
    return [base64.b64decode(one["message"]["data"]) for one in found]


def queue(kind: str, pubsub: Emulator, topic: str = TOPIC) -> Queue:
    if kind == "client":
        return PubSubQueue(topic, emulator=pubsub.address)
    return PubSubRestQueue(patient(), topic, endpoint=pubsub.url)


@pytest.mark.parametrize("kind", ["client", "rest"])
def test_a_message_arrives_as_it_was_sent(pubsub: Emulator, kind: str) -> None:
    run(queue(kind, pubsub).send(b'{"kind": "look"}\x00\xff'))
    assert taken(pubsub) == [b'{"kind": "look"}\x00\xff']


@pytest.mark.parametrize("kind", ["client", "rest"])
def test_a_topic_that_does_not_exist_is_told_with_the_mend(pubsub: Emulator, kind: str) -> None:
    with pytest.raises(Transient, match="check that it exists"):
        run(queue(kind, pubsub, f"projects/{PROJECT}/topics/nothing").send(b"x"))


def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(Transient, match="took no message"):
        run(PubSubRestQueue(patient(), TOPIC, endpoint=f"http://127.0.0.1:{emulators.free_port()}").send(b"x"))


def test_importing_the_adapters_loads_no_google_client() -> None:
    code = (
        "import sys; import pointsman.adapters.gcp.pubsub, pointsman.adapters.gcp.look, pointsman.adapters.gcp.route_policy;"
        "import pointsman.adapters.gcp.peer_priority, pointsman.adapters.gcp.secret_manager;"
        "print([name for name in sys.modules if name.startswith(('google.cloud.', 'google.api_core', 'google.pubsub', 'grpc', 'boto'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
