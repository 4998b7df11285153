"""The freeze flag fails closed, and a secret that cannot be had says what to do."""

import pytest

from pointsman.adapters.gcp.http import GoogleHttp
from pointsman.adapters.gcp.secret_manager import SecretManagerFlag, Secrets
from pointsman.core.errors import ConfigError, Transient
from pointsman.core.plan import FlagState
from pointsman.testing.faces.faults import FaultKind
from pointsman.testing.loopback import LoopbackServer, Reply
from tests.gcp.conftest import Cloud, run

PROJECT, NAME = "weft-prod-1", "pointsman-atlas-freeze"


def flag(cloud: Cloud) -> SecretManagerFlag:
    return SecretManagerFlag(cloud.http, PROJECT, "atlas", endpoint=cloud.face.url)


def trouble(cloud: Cloud, operation: str, kind: FaultKind) -> None:
    cloud.trouble(operation, kind, service="secretmanager")


def test_a_flag_that_nobody_ever_set_is_clear(cloud: Cloud) -> None:
    assert run(flag(cloud).read()) is FlagState.CLEAR


def test_setting_it_makes_the_secret_and_clearing_it_adds_a_version(cloud: Cloud) -> None:
    run(flag(cloud).write(frozen=True, note="operator: change window"))
    assert run(flag(cloud).read()) is FlagState.SET
    run(flag(cloud).write(frozen=False, note="operator: done"))
    assert run(flag(cloud).read()) is FlagState.CLEAR
    assert [entry.operation for entry in cloud.face.log.writes()] == [
        "secretmanager.addVersion",
        "secretmanager.create",
        "secretmanager.addVersion",
        "secretmanager.addVersion",
    ]


@pytest.mark.parametrize("text", ["", "true", "frozen", "FREEZE NOW", "clearly not"])
def test_whatever_a_person_writes_into_it_freezes_unless_it_says_clear(cloud: Cloud, text: str) -> None:
    cloud.face.secrets.put(PROJECT, NAME, text)
    assert run(flag(cloud).read()) is FlagState.SET


@pytest.mark.parametrize("kind", [FaultKind.DENIED, FaultKind.BROKEN, FaultKind.THROTTLED, FaultKind.UNANSWERED])
def test_what_cannot_be_read_is_unreadable_and_never_clear(cloud: Cloud, kind: FaultKind) -> None:
    trouble(cloud, "secretmanager.access", kind)
    assert run(flag(cloud).read()) is FlagState.UNREADABLE


@pytest.mark.parametrize(
    ("body", "state"),
    [
        (b'{"error": {"code": 404, "message": "Secret [it] not found or has no versions.", "status": "NOT_FOUND"}}', FlagState.CLEAR),
        (b"<html><body>404 page not found</body></html>", FlagState.UNREADABLE),
        (b'{"error": {"code": 404, "message": "no route", "status": "NO_ROUTE"}}', FlagState.UNREADABLE),
        (b'{"error": "not found"}', FlagState.UNREADABLE),
        (b'{"message": "no Route matched with those values"}', FlagState.UNREADABLE),
        (b'["NOT_FOUND"]', FlagState.UNREADABLE),
        (b"\xff", FlagState.UNREADABLE),
        (b"", FlagState.UNREADABLE),
    ],
)
def test_only_google_can_say_that_there_is_no_flag_and_no_gateway_before_it(body: bytes, state: FlagState) -> None:
    with LoopbackServer(lambda _: Reply(status=404, body=body)) as other:
        assert run(SecretManagerFlag(GoogleHttp(None), PROJECT, "atlas", endpoint=other.url).read()) is state


@pytest.mark.parametrize("body", [b"<html>welcome to this network</html>", b"", b"[]", b'{"error": {}}'])
def test_a_page_in_place_of_an_answer_is_no_written_flag(body: bytes) -> None:
    with LoopbackServer(lambda _: Reply(body=body)) as other, pytest.raises(Transient, match="write it by hand"):
        run(SecretManagerFlag(GoogleHttp(None), PROJECT, "atlas", endpoint=other.url).write(frozen=True, note="operator"))


@pytest.mark.parametrize("kind", [FaultKind.DENIED, FaultKind.BROKEN, FaultKind.UNANSWERED])
def test_a_write_that_failed_is_told(cloud: Cloud, kind: FaultKind) -> None:
    trouble(cloud, "secretmanager.addVersion", kind)
    with pytest.raises(Transient):
        run(flag(cloud).write(frozen=True, note="operator"))


def test_no_flag_text_is_kept_in_the_request_log(cloud: Cloud) -> None:
    run(flag(cloud).write(frozen=True, note="operator: change window"))
    assert {entry.body for entry in cloud.face.log.since()} == {""}


def secrets(cloud: Cloud) -> Secrets:
    return Secrets(cloud.http, PROJECT, endpoint=cloud.face.url)


def test_a_secret_reference_gives_the_newest_version(cloud: Cloud) -> None:
    cloud.face.secrets.put(PROJECT, "pointsman-noc-routing-key", "old")
    cloud.face.secrets.put(PROJECT, "pointsman-noc-routing-key", "new")
    assert run(secrets(cloud).get("secret://pointsman/noc-routing-key")) == "new"


def test_a_secret_that_is_absent_or_forbidden_is_a_fault_of_the_set_up(cloud: Cloud) -> None:
    with pytest.raises(ConfigError, match="secretAccessor"):
        run(secrets(cloud).get("secret://nothing"))
    trouble(cloud, "secretmanager.access", FaultKind.DENIED)
    with pytest.raises(ConfigError, match="nothing"):
        run(secrets(cloud).get("secret://nothing"))


@pytest.mark.parametrize("kind", [FaultKind.BROKEN, FaultKind.UNANSWERED])
def test_a_secret_that_is_out_of_reach_is_read_again_later(cloud: Cloud, kind: FaultKind) -> None:
    trouble(cloud, "secretmanager.access", kind)
    with pytest.raises(Transient):
        run(secrets(cloud).get("secret://nothing"))
