"""Clients: made once, whoever asks; nothing retried; nothing waited for without end; every SDK error in our words."""

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ReadTimeoutError

from pointsman import __version__
from pointsman.adapters.aws.asking import ask, together
from pointsman.adapters.aws.clients import Clients
from pointsman.ports.clouds import LeverBusy, LeverFailed, LeverUnsure
from pointsman.testing.faces.faults import FaultKind
from tests.aws.conftest import REGION, Cloud, run, session_of


def test_threads_that_ask_at_once_get_one_client(cloud: Cloud) -> None:
    fresh = Clients(endpoints={"sqs": cloud.face.url}, session=session_of("AKIAFRESH"))
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: id(fresh.sqs(REGION)), range(32)))
    assert len(set(made)) == 1


def test_warming_makes_clients_in_the_background(cloud: Cloud) -> None:
    fresh = Clients(endpoints={"ssm": cloud.face.url, "sqs": cloud.face.url}, session=session_of("AKIAFRESH"))
    fresh.warm(["nonsense", "ssm", "sqs"], REGION).join()
    assert fresh._made.keys() == {("ssm", REGION), ("sqs", REGION)}


def test_every_call_says_who_it_is_from(cloud: Cloud) -> None:
    said: list[str] = []
    client = cloud.clients.ec2(REGION)
    client.meta.events.register("before-send", lambda request, **_: said.append(request.headers["User-Agent"].decode()))
    client.describe_vpn_connections()
    (one,) = said
    assert f"pointsman/{__version__}" in one.split()


def test_a_throttled_call_is_made_once(cloud: Cloud) -> None:
    cloud.fails("DescribeVpnConnections", FaultKind.THROTTLED, times=5)
    with pytest.raises(ClientError):
        cloud.clients.ec2(REGION).describe_vpn_connections()
    assert cloud.asked == ("DescribeVpnConnections",)


def test_an_endpoint_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hasty = Clients(endpoints={"ec2": url}, session=session_of("AKIAX"), read_seconds=0.05)
        with pytest.raises(ReadTimeoutError):
            hasty.ec2(REGION).describe_vpn_connections()


def test_importing_the_adapters_makes_no_client_and_loads_no_boto3() -> None:
    modules = "clients, failover_test, freeze, looker, prefix_list_pin, queues, secrets, static_pin"
    code = f"import sys; from pointsman.adapters.aws import {modules}; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_connection_that_was_refused_never_arrived() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    clients = Clients(endpoints={"ec2": url}, session=session_of("AKIAX"))
    with pytest.raises(LeverBusy, match="could not reach"):
        run(ask(lambda: clients.ec2(REGION).describe_vpn_connections(), "ec2:DescribeVpnConnections", write=True))


def answer(code: str, status: int = 400, text: str = "") -> ClientError:
    told: Any = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "AnyOperation")


@pytest.mark.parametrize(
    ("error", "write", "kind", "says"),
    [
        (answer("RequestLimitExceeded", 503), True, LeverBusy, "throttles"),
        (answer("ThrottlingException", 429), False, LeverBusy, "throttles"),
        (answer("UnauthorizedOperation", 403), True, LeverFailed, "allow it"),
        (answer("IncorrectState"), True, LeverBusy, "under way"),
        (answer("InternalError", 500), True, LeverUnsure, "observe"),
        (answer("InternalError", 500), False, LeverBusy, "later"),
        (answer("InvalidParameterValue", text="x" * 5000), True, LeverFailed, "InvalidParameterValue"),
        (NoCredentialsError(), True, LeverFailed, "role"),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1"), True, LeverUnsure, "observe"),
        (ReadTimeoutError(endpoint_url="http://127.0.0.1"), False, LeverBusy, "later"),
        (BotoCoreError(), True, LeverFailed, "could not be asked"),
    ],
)
def test_every_error_says_what_is_next(error: Exception, write: bool, kind: type[Exception], says: str) -> None:  # noqa: FBT001
    def call() -> None:
        raise error

    with pytest.raises(kind, match=says) as told:
        run(ask(call, "ec2:AnyOperation", write=write))
    assert len(str(told.value)) <= 300
    assert told.value.__cause__ is error


def test_a_bug_is_not_taken_for_a_fault_of_the_cloud() -> None:
    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(ask(bug, "ec2:AnyOperation"))


def test_together_ends_all_steps_before_it_tells_the_gravest_error() -> None:
    ended = threading.Event()

    async def fails(error: Exception) -> None:
        raise error

    async def works() -> None:
        ended.set()

    with pytest.raises(LeverUnsure):
        run(together([fails(LeverBusy("busy")), fails(LeverFailed("failed")), fails(LeverUnsure("unsure")), works()]))
    assert ended.is_set()
