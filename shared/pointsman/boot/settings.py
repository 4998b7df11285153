"""The one reader of the environment.

| variable | what |
|---|---|
| ``POINTSMAN_FABRIC`` | path of the compiled fabric (``fabric.json``) |
| ``POINTSMAN_FABRIC_NEXT`` | path of the next compiled fabric, during a roll-out |
| ``POINTSMAN_NUDGE`` | the other cloud's queue: ``projects/P/topics/T``, or an SQS URL |
| ``POINTSMAN_POST`` | the own cloud's queue in front of ``deliver`` |
| ``POINTSMAN_PARKING`` | the own cloud's queue for events that nobody can read |
| ``POINTSMAN_AWS_ROLE``, ``POINTSMAN_AWS_AUDIENCE`` | from Google: the role to assume and the audience of the identity token |
| ``POINTSMAN_GOOGLE_IDENTITY`` | from AWS: path of the ``external_account`` file; ``emulator`` for Google's emulators |
| ``POINTSMAN_WITNESS_KEY_ID``, ``POINTSMAN_WITNESS_SECRET`` | keys of a witness that is not AWS's own S3 |
| ``POINTSMAN_ENDPOINTS`` | JSON object from a service's name to the URL to use in its place |
| ``POINTSMAN_WATCH_SECONDS`` | JSON pair: seconds between looks, seconds that one call lasts |
| ``POINTSMAN_TRACE`` | ``1`` turns X-Ray tracing on |
"""

import os
from collections.abc import Mapping
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
    trace: bool = False


_JSON: dict[str, Any] = {"endpoints": dict[str, str], "watch_seconds": tuple[float, float]}


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment. Raises ``ConfigError``, naming the variable."""
    given = {name.removeprefix(PREFIX).lower(): text for name, text in (environ or os.environ).items() if name.startswith(PREFIX)}
    known = {name: text for name, text in given.items() if name in Settings.__struct_fields__}
    return Settings(**{name: _value(name, text) for name, text in known.items()})  # type: ignore[arg-type]


def _value(name: str, text: str) -> object:
    if name == "trace":
        return text.strip().lower() in {"1", "true", "yes", "on"}
    if name not in _JSON:
        return text
    try:
        return parse(text, _JSON[name])
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"{PREFIX}{name.upper()} is not the JSON that is expected there ({error}): see the table in boot/settings.py"
        ) from error
