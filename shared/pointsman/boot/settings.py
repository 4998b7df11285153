"""The one reader of the environment.

| variable | what |
|---|---|
| ``POINTSMAN_FABRIC`` | path of the compiled fabric (``fabric.json``) |
| ``POINTSMAN_FABRIC_NEXT`` | path of the next compiled fabric, during a roll-out |
| ``POINTSMAN_NUDGE`` | the other cloud's queue: ``projects/P/topics/T``, or an SQS URL; in a shell both clouds', with a comma between |
| ``POINTSMAN_POST`` | the own cloud's queue in front of ``deliver`` |
| ``POINTSMAN_PARKING`` | the own cloud's queue for events that nobody can read |
| ``POINTSMAN_AWS_ROLE``, ``POINTSMAN_AWS_AUDIENCE`` | from Google: the role to assume and the audience of the identity token |
| ``POINTSMAN_GOOGLE_IDENTITY`` | from AWS: path of the ``external_account`` file; ``emulator`` for Google's emulators |
| ``POINTSMAN_WITNESS_KEY_ID``, ``POINTSMAN_WITNESS_SECRET`` | keys of a witness that is not AWS's own S3; ``@PATH`` is the file that holds the secret |
| ``POINTSMAN_ENDPOINTS`` | JSON object from a service's name (``SERVICES``) to the URL to use in its place |
| ``POINTSMAN_WATCH_SECONDS`` | JSON pair: seconds between looks, seconds that one call lasts |
| ``POINTSMAN_REPORT`` | the own cloud's queue in front of ``link_changed``, where a prober reports |
| ``POINTSMAN_PROBE_KEY`` | key that all probers share, 16 bytes at least; ``@PATH`` is the file that holds it |
| ``POINTSMAN_PROBE_PORT`` | UDP port that probes are answered at |
| ``POINTSMAN_PROBE_BOUND`` | ``0`` lets the platform choose the address that a probe is sent from |
| ``POINTSMAN_TRACE`` | ``1`` turns X-Ray tracing on |

What is empty counts as not set. A name that is nearly one of these is a mistake and an error; any other is somebody
else's, or another version's during a roll-out, and is left alone.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pointsman.core.errors import ConfigError
from pointsman.core.values import Frozen, parse

PREFIX = "POINTSMAN_"
EMULATOR = "emulator"


class Settings(Frozen):
    """What the environment says. Raises nothing: ``read_settings`` has checked it."""

    fabric: str = "fabric.json"
    fabric_next: str = ""
    nudge: str = ""
    post: str = ""
    parking: str = ""
    aws_role: str = ""
    aws_audience: str = ""
    google_identity: str = ""
    witness_key_id: str = ""
    witness_secret: str = ""
    endpoints: dict[str, str] = {}
    watch_seconds: tuple[float, float] = (3.0, 55.0)
    report: str = ""
    probe_key: str = ""
    probe_port: int = 8620
    probe_bound: bool = True
    trace: bool = False


WATCH_LIMIT = 900.0
"""Longest that one call of ``watch`` may last, in seconds: Lambda ends every call then."""
SERVICES = frozenset(
    {
        *("cloudtrail", "directconnect", "dynamodb", "ec2", "interconnect", "s3", "secretsmanager", "sqs", "ssm", "sts"),
        *("compute", "firestore", "logging", "networkconnectivity", "pubsub", "secretmanager"),
        "pagerduty",
    }
)
"""What may be spoken to at another address: AWS's services as the SDK names them, Google's by their hosts, desks by their kind."""
NAME_SHOWN = 40
"""Characters of a wrong name that are repeated to its author."""
NEARLY = 0.8
"""How alike two names are (0 to 1) from which one counts as a slip of the other."""

PORT_LIMIT = 65_535
"""Highest port there is."""

_EXAMPLES = {"endpoints": '{"dynamodb": "https://HOST"}', "watch_seconds": "[3, 55]", "probe_port": "8620"}
_JSON: dict[str, Any] = {"endpoints": dict[str, str], "watch_seconds": tuple[float, float], "probe_port": int}
_FLAGS = frozenset({"trace", "probe_bound"})
_TRUTH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_TOGETHER = (("aws_role", "aws_audience"), ("witness_key_id", "witness_secret"))


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment. Raises ``ConfigError``, naming every variable that is wrong."""
    found = os.environ if environ is None else environ
    given = {name.removeprefix(PREFIX).lower(): text for name, text in found.items() if name.startswith(PREFIX) and text.strip()}
    values: dict[str, Any] = {}
    wrong = [*_slips(given), *_apart(given)]
    for name in sorted(given.keys() & set(Settings.__struct_fields__)):
        try:
            values[name] = _value(name, given[name])
        except ValueError as error:
            wrong.append(f"{_variable(name)} {error}")
    if wrong:
        raise ConfigError("; ".join(wrong))
    return Settings(**values)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _slips(given: Mapping[str, str]) -> Iterator[str]:
    """Name the variables that look like one of ours and are none."""
    known = Settings.__struct_fields__
    for name in sorted(given.keys() - set(known)):
        for near in difflib.get_close_matches(name, known, 1, NEARLY):
            yield f"{_variable(name)} is not a setting: did you mean {_variable(near)}?"


def _apart(given: Mapping[str, str]) -> Iterator[str]:
    """Name the variables that are set without the one they belong to."""
    for pair in _TOGETHER:
        there, missing = [one for one in pair if one in given], [one for one in pair if one not in given]
        if there and missing:
            yield f"{_variable(there[0])} needs {_variable(missing[0])} beside it"


def _value(name: str, text: str) -> object:
    """Read one value. Raises ValueError, whose text follows the variable's name and never repeats the value."""
    if name in _FLAGS:
        return _truth(text)
    if name not in _JSON:
        return text.strip()
    try:
        value = parse(text, _JSON[name])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ValueError(f"is not the JSON that belongs there: write it like {_EXAMPLES[name]}") from error
    if not _is_usable(name, value):
        raise ValueError(f"holds what cannot be used: write it like {_EXAMPLES[name]}")
    strange = sorted(value.keys() - SERVICES) if name == "endpoints" else []
    if strange:
        raise ValueError(f"names {', '.join(map(_strange, strange))}")
    return value


def _strange(service: str) -> str:
    """Say what a name that is no service's was probably meant to be."""
    near = difflib.get_close_matches(service, sorted(SERVICES), 1)
    meant = f"did you mean {near[0]}?" if near else f"it should be one of {', '.join(sorted(SERVICES))}"
    return f"{service[:NAME_SHOWN]!r}, which is no service: {meant}"


def _truth(text: str) -> bool:
    try:
        return _TRUTH[text.strip().lower()]
    except KeyError:
        raise ValueError("should be 1 or 0") from None


def _is_usable(name: str, value: Any) -> bool:
    if name == "endpoints":
        return _are_urls(value)
    return 0 < value <= PORT_LIMIT if name == "probe_port" else _is_watch(*value)


def _are_urls(value: Mapping[str, str]) -> bool:
    """Say whether all are addresses, and none holds a user or password, which errors would repeat."""
    return all(url.startswith(("http://", "https://")) and "@" not in url for url in value.values())


def _is_watch(every: float, lasting: float) -> bool:
    return 0 < every <= lasting <= WATCH_LIMIT
