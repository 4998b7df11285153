"""The environment is read once: what is wrong there is told by its variable's name, all of it at once."""

import json
import re

import pytest

from pointsman.boot.settings import Settings, read_settings
from pointsman.core.errors import ConfigError


def complaint(**variables: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_settings({f"POINTSMAN_{name}": text for name, text in variables.items()})
    return str(caught.value)


def test_an_empty_environment_gives_the_defaults_whatever_this_process_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_FABRIC", "elsewhere.json")
    assert read_settings({}) == Settings()
    assert read_settings().fabric == "elsewhere.json"


def test_what_is_set_is_read() -> None:
    found = read_settings(
        {
            "POINTSMAN_FABRIC": "f.json",
            "POINTSMAN_ENDPOINTS": '{"s3": "http://127.0.0.1:9000"}',
            "POINTSMAN_WATCH_SECONDS": "[0.5, 20]",
            "POINTSMAN_TRACE": "1",
            "PATH": "/bin",
        }
    )
    assert found == Settings(fabric="f.json", endpoints={"s3": "http://127.0.0.1:9000"}, watch_seconds=(0.5, 20.0), trace=True)


def test_what_is_empty_counts_as_not_set() -> None:
    assert (
        read_settings({"POINTSMAN_FABRIC": "", "POINTSMAN_ENDPOINTS": " ", "POINTSMAN_AWS_ROLE": "", "POINTSMAN_TRACE": ""}) == Settings()
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"s3": 9000}', '{"s3": "127.0.0.1:9000"}', '"s3"', "\ud800"])
def test_endpoints_that_are_no_object_of_urls_are_told_with_an_example(text: str) -> None:
    assert re.fullmatch(r"POINTSMAN_ENDPOINTS .*: write it like \{\"dynamodb\": \"https://HOST\"\}", complaint(ENDPOINTS=text))


@pytest.mark.parametrize(
    ("slip", "meant"), [("dynamo", "dynamodb"), ("secretsmanger", "secretsmanager"), ("Compute", "compute"), ("pager-duty", "pagerduty")]
)
def test_an_endpoint_of_a_service_that_does_not_exist_is_told_with_the_one_that_was_meant(slip: str, meant: str) -> None:
    text = complaint(ENDPOINTS=f'{{"{slip}": "http://127.0.0.1:1", "s3": "http://127.0.0.1:1"}}')
    assert text == f"POINTSMAN_ENDPOINTS names {slip!r}, which is no service: did you mean {meant}?"


def test_an_endpoint_of_nothing_we_know_is_told_with_all_there_are_on_one_line() -> None:
    text = complaint(ENDPOINTS=json.dumps({"x\n" * 50: "http://127.0.0.1:1"}))
    assert "it should be one of cloudtrail, compute, directconnect, " in text
    assert "\n" not in text
    assert len(text) < 400


@pytest.mark.parametrize("text", ["3", "[3]", "[3, 55, 1]", "[0, 55]", "[-1, 55]", "[60, 55]", "[3, 1e9]", '["3", "55"]', "[NaN, 1]"])
def test_seconds_that_would_look_never_or_for_ever_are_told_with_an_example(text: str) -> None:
    assert re.fullmatch(r"POINTSMAN_WATCH_SECONDS .*: write it like \[3, 55\]", complaint(WATCH_SECONDS=text))


def test_a_value_is_never_repeated_in_the_complaint() -> None:
    assert "hunter2" not in complaint(
        ENDPOINTS='{"hunter2": "hunter2"}', WATCH_SECONDS="hunter2", TRACE="hunter2", WITNESS_SECRET="hunter2"
    )


@pytest.mark.parametrize(("text", "on"), [("1", True), ("true", True), ("ON", True), ("0", False), ("false", False), ("off", False)])
def test_tracing_is_on_or_off(text: str, on: bool) -> None:  # noqa: FBT001
    assert read_settings({"POINTSMAN_TRACE": text}).trace is on


def test_tracing_that_is_neither_on_nor_off_is_told() -> None:
    assert complaint(TRACE="perhaps") == "POINTSMAN_TRACE should be 1 or 0"


def test_a_slip_of_a_name_is_told_with_the_name_that_was_meant() -> None:
    assert complaint(PARKNG="q") == "POINTSMAN_PARKNG is not a setting: did you mean POINTSMAN_PARKING?"
    assert "did you mean POINTSMAN_GOOGLE_IDENTITY?" in complaint(GOOGLE_IDENTTY="emulator")


@pytest.mark.parametrize("name", ["EMULATORS", "LOG_LEVEL", "VERSION", "DEPLOYED_BY"])
def test_another_tools_or_versions_variable_is_left_alone(name: str) -> None:
    assert read_settings({f"POINTSMAN_{name}": "x"}) == Settings()


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ("AWS_ROLE", "AWS_AUDIENCE"),
        ("AWS_AUDIENCE", "AWS_ROLE"),
        ("WITNESS_KEY_ID", "WITNESS_SECRET"),
        ("WITNESS_SECRET", "WITNESS_KEY_ID"),
    ],
)
def test_half_of_an_identity_is_told_with_the_other_half(there: str, missing: str) -> None:
    assert complaint(**{there: "x"}) == f"POINTSMAN_{there} needs POINTSMAN_{missing} beside it"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    text = complaint(ENDPOINTS="{", WATCH_SECONDS="soon", NUDG="q", AWS_ROLE="r")
    assert [name for name in ("ENDPOINTS", "WATCH_SECONDS", "NUDG ", "AWS_ROLE") if f"POINTSMAN_{name}" not in text] == []


def test_a_prober_s_settings_are_read() -> None:
    found = read_settings({"POINTSMAN_PROBE_KEY": "@/run/key", "POINTSMAN_PROBE_PORT": "8621", "POINTSMAN_PROBE_BOUND": "0"})
    assert (found.probe_key, found.probe_port, found.probe_bound) == ("@/run/key", 8621, False)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "eighty", "8.5"])
def test_a_port_is_a_number_that_there_is(text: str) -> None:
    assert re.match(
        r"POINTSMAN_PROBE_PORT (holds what cannot be used|is not the JSON that belongs there): write it like 8620",
        complaint(PROBE_PORT=text),
    )


def test_an_endpoint_never_holds_a_password_which_errors_would_repeat() -> None:
    said = complaint(ENDPOINTS='{"dynamodb": "https://user:hunter2@objects.example.net"}')
    assert "holds what cannot be used" in said
    assert "hunter2" not in said
