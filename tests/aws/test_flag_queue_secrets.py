"""The freeze flag, the queue and secrets, over moto."""

import asyncio
from datetime import timedelta

import boto3
import botocore.session
import pytest
from botocore.credentials import CredentialResolver

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.failover_claims import Claims
from pointsman.adapters.aws.freeze import SsmFlag
from pointsman.adapters.aws.outside import SignedFlag
from pointsman.adapters.aws.queues import BODY_LIMIT, SqsQueue
from pointsman.adapters.aws.secrets import Secrets
from pointsman.core.errors import ConfigError, Transient
from pointsman.core.plan import FlagState
from pointsman.testing.faces.faults import FaultKind
from pointsman.testing.loopback import LoopbackServer, Reply
from tests.aws.conftest import REGION, Cloud, run, session_of

NAME = "/pointsman/atlas/freeze"


@pytest.fixture
def flag(cloud: Cloud) -> SsmFlag:
    return SsmFlag(cloud.clients, "atlas", REGION)


@pytest.fixture(params=["inside", "outside"])
def seen(request: pytest.FixtureRequest, cloud: Cloud) -> SsmFlag | SignedFlag:
    """The flag as AWS's functions see it, and as Google's do."""
    return _flag(cloud.clients, inside=request.param == "inside")


def _flag(clients: Clients, *, inside: bool) -> SsmFlag | SignedFlag:
    return SsmFlag(clients, "atlas", REGION) if inside else SignedFlag(clients.signed("ssm", REGION), "atlas")


def test_no_parameter_means_clear(seen: SsmFlag | SignedFlag) -> None:
    assert run(seen.read()) is FlagState.CLEAR


def test_a_freeze_is_read_back_and_a_thaw_clears_it(flag: SsmFlag, operator: Clients) -> None:
    run(flag.write(frozen=True, note="maintenance {{ssm:x}} by an-operator"))
    assert run(flag.read()) is FlagState.SET
    assert operator.ssm(REGION).get_parameter(Name=NAME)["Parameter"]["Value"] == "frozen maintenance ((ssm:x)) by an-operator"
    run(flag.write(frozen=False, note=""))
    assert run(flag.read()) is FlagState.CLEAR


def test_a_hand_made_parameter_freezes_whatever_it_says(seen: SsmFlag | SignedFlag, operator: Clients) -> None:
    operator.ssm(REGION).put_parameter(Name=NAME, Value="true", Type="String")
    assert run(seen.read()) is FlagState.SET


def test_a_thaw_is_seen_from_both_clouds(flag: SsmFlag, seen: SsmFlag | SignedFlag) -> None:
    run(flag.write(frozen=True, note=""))
    assert run(seen.read()) is FlagState.SET
    run(flag.write(frozen=False, note="by an-operator"))
    assert run(seen.read()) is FlagState.CLEAR


@pytest.mark.parametrize("kind", [FaultKind.DENIED, FaultKind.THROTTLED, FaultKind.BROKEN, FaultKind.UNANSWERED])
def test_a_flag_that_cannot_be_read_is_unreadable(seen: SsmFlag | SignedFlag, cloud: Cloud, kind: FaultKind) -> None:
    cloud.fails("GetParameters", kind)
    assert run(seen.read()) is FlagState.UNREADABLE


OTHERS = b'{"Parameters":[{"Name":"/pointsman/other/freeze","Value":"clear"}],"InvalidParameters":["/pointsman/else/freeze"]}'


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(
    "body", [b"{}", b'{"Parameters":[]}', b'{"Parameters":[{"Value":"clear"}]}', OTHERS, b"[]", b'"x"', b"\xff", b"<html>", b""]
)
def test_an_answer_that_says_nothing_of_the_flag_leaves_it_unreadable(body: bytes, inside: bool) -> None:  # noqa: FBT001
    with LoopbackServer(lambda _: Reply(body=body)) as other:
        clients = Clients(endpoints={"ssm": other.url}, session=session_of("AKIAX"))
        assert run(_flag(clients, inside=inside).read()) is FlagState.UNREADABLE


def test_without_credentials_the_flag_is_unreadable() -> None:
    clients = Clients(session=lambda: boto3.Session(botocore_session=nobody()))
    assert run(SsmFlag(clients, "atlas", REGION).read()) is FlagState.UNREADABLE


def nobody() -> botocore.session.Session:
    """Give a session that looks for credentials nowhere."""
    found = botocore.session.Session()
    found.register_component("credential_provider", CredentialResolver([]))
    return found


def test_the_flag_and_the_claims_to_tests_are_read_by_one_call(cloud: Cloud, flag: SsmFlag) -> None:
    async def story() -> None:
        await asyncio.gather(flag.read(), Claims(cloud.clients, "atlas", REGION, cloud.clock, lambda: 0.5).read(["dxvif-1", "dxvif-2"]))

    run(story())
    assert cloud.face.log.operations("ssm") == ("GetParameters",)


def test_a_flag_that_cannot_be_written_is_transient(flag: SsmFlag, cloud: Cloud) -> None:
    cloud.fails("PutParameter", FaultKind.DENIED)
    with pytest.raises(Transient, match=NAME):
        run(flag.write(frozen=True, note="now"))


def test_a_message_is_sent(cloud: Cloud, operator: Clients) -> None:
    url = operator.sqs(REGION).create_queue(QueueName="hints")["QueueUrl"]
    run(SqsQueue(cloud.clients, url, REGION).send('{"fabric":"Zürich"}'.encode()))
    assert operator.sqs(REGION).receive_message(QueueUrl=url)["Messages"][0]["Body"] == '{"fabric":"Zürich"}'


def test_a_queue_that_does_not_take_a_message_is_transient_and_named(cloud: Cloud, operator: Clients) -> None:
    url = operator.sqs(REGION).create_queue(QueueName="hints")["QueueUrl"]
    cloud.fails("SendMessage", FaultKind.UNANSWERED)
    with pytest.raises(Transient, match="hints"):
        run(SqsQueue(cloud.clients, url, REGION).send(b"{}"))
    with pytest.raises(Transient, match="absent"):
        run(SqsQueue(cloud.clients, f"{cloud.face.url}/123456789012/absent", REGION).send(b"{}"))


def test_a_message_over_the_limit_is_not_sent(cloud: Cloud) -> None:
    with pytest.raises(ValueError, match="limit"):
        run(SqsQueue(cloud.clients, f"{cloud.face.url}/1/hints", REGION).send(b"x" * (BODY_LIMIT + 1)))
    assert not cloud.asked


def test_a_secret_is_read_by_its_reference_each_time_anew(cloud: Cloud, operator: Clients) -> None:
    operator.secrets_manager(REGION).create_secret(Name="pointsman/noc-routing-key", SecretString="first")
    secrets = Secrets(cloud.clients, REGION)
    assert run(secrets.get("secret://pointsman/noc-routing-key")) == "first"
    operator.secrets_manager(REGION).put_secret_value(SecretId="pointsman/noc-routing-key", SecretString="second")
    assert run(secrets.get("secret://pointsman/noc-routing-key")) == "second"


def test_a_missing_secret_is_a_fault_of_the_set_up(cloud: Cloud) -> None:
    with pytest.raises(ConfigError, match="pointsman/none"):
        run(Secrets(cloud.clients, REGION).get("secret://pointsman/none"))


@pytest.mark.parametrize("reference", ["", "secret://", "plain-text"])
def test_a_reference_that_is_none_is_refused_without_showing_it(cloud: Cloud, reference: str) -> None:
    with pytest.raises(ConfigError) as told:
        run(Secrets(cloud.clients, REGION).get(reference))
    assert "plain-text" not in str(told.value)


def test_a_binary_secret_is_refused(cloud: Cloud, operator: Clients) -> None:
    operator.secrets_manager(REGION).create_secret(Name="key", SecretBinary=b"\x00")
    with pytest.raises(ConfigError, match="binary"):
        run(Secrets(cloud.clients, REGION).get("secret://key"))


def test_a_throttled_secret_is_transient(cloud: Cloud) -> None:
    cloud.fails("GetSecretValue", FaultKind.THROTTLED)
    with pytest.raises(Transient) as told:
        run(Secrets(cloud.clients, REGION).get("secret://key"))
    assert told.value.retry_after == timedelta(0)
