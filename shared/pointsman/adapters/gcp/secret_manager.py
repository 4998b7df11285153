"""Secret Manager over REST: secrets for desks, and the freeze flag that stands outside the table.

REST reference: https://cloud.google.com/secret-manager/docs/reference/rest
"""

import base64
import binascii
from typing import Any

from pointsman.adapters.gcp.compute import table
from pointsman.adapters.gcp.http import Answer, GoogleHttp, Unanswered, Unreached
from pointsman.core.errors import ConfigError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.flagging import CLEAR, FROZEN, state_of
from pointsman.core.plan import FlagState
from pointsman.ports.clouds import Clock

SECRETS = "https://secretmanager.googleapis.com"
"""Where the API lives unless boot says otherwise."""
SCHEME = "secret://"
"""How a fabric refers to a secret."""
NOTE_LIMIT = 500
"""Longest note on a flag, in characters."""

_NOT_FOUND, _CONFLICT = 404, 409


class Secrets:
    """Reads ``secret://`` references of one project. ``/`` is not allowed in a secret's id there: it is written ``-``."""

    def __init__(self, http: GoogleHttp, project: str, *, endpoint: str = SECRETS) -> None:
        self._api = _Api(http, project, endpoint)

    async def get(self, reference: str) -> str:
        """Give a secret's newest version. Raises ``ConfigError`` when it is absent or not ours to read, else ``Transient``."""
        name = reference.removeprefix(SCHEME).replace("/", "-")
        answer = await self._api.access(name)
        if answer.ok:
            return _text(answer)
        if answer.status // 100 == 4 and answer.status not in _RETRYABLE:  # noqa: PLR2004 - the class of client errors
            raise ConfigError(f"secret {name} answers {answer.status}: create it and grant roles/secretmanager.secretAccessor on it")
        raise Transient(f"secret {name} answers {answer.status}: read it again later")


class SecretManagerFlag:
    """``Flag`` in the newest version of the secret ``pointsman-FABRIC-freeze``. No such secret, or no version, in Google's own words is clear.

    Without a ``clock`` an end that it names counts for nothing.
    """

    cloud = Cloud.GCP

    def __init__(self, http: GoogleHttp, project: str, fabric: str, *, endpoint: str = SECRETS, clock: Clock | None = None) -> None:
        self._api, self._clock = _Api(http, project, endpoint), clock
        self._name = f"pointsman-{fabric}-freeze"

    async def read(self) -> FlagState:
        """Read it; never raises: what cannot be read is UNREADABLE."""
        try:
            answer = await self._api.access(self._name)
            if _is_absent(answer):
                return FlagState.CLEAR
            if not answer.ok:
                return FlagState.UNREADABLE
            return state_of(_text(answer), self._clock.now() if self._clock else None)
        except Transient:
            return FlagState.UNREADABLE

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's signature
        """Add a version that says so, creating the secret where it is absent. Raises ``Transient``."""
        text = f"{FROZEN if frozen else CLEAR} {note[:NOTE_LIMIT]}"
        answer = await self._api.add(self._name, text)
        if answer.status == _NOT_FOUND:
            created = await self._api.create(self._name)
            if not created.ok and created.status != _CONFLICT:
                raise _unwritten(self._name, created)
            answer = await self._api.add(self._name, text)
        if not answer.ok or not table(_json(answer)).get("name"):
            raise _unwritten(self._name, answer)


_RETRYABLE = frozenset({408, 409, 429})


class _Api:
    def __init__(self, http: GoogleHttp, project: str, endpoint: str) -> None:
        self._http = http
        self._root = f"{endpoint.rstrip('/')}/v1/projects/{project}/secrets"

    async def access(self, name: str) -> Answer:
        return await self._ask("GET", f"/{name}/versions/latest:access")

    async def add(self, name: str, text: str) -> Answer:
        data = base64.b64encode(text.encode()).decode()
        return await self._ask("POST", f"/{name}:addVersion", {"payload": {"data": data}})

    async def create(self, name: str) -> Answer:
        return await self._ask("POST", "", {"replication": {"automatic": {}}}, {"secretId": name})

    async def _ask(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Answer:
        try:
            return await self._http.ask(method, self._root + path, body=body, query=query)
        except (Unreached, Unanswered) as error:
            raise Transient(f"Secret Manager did not answer: {error}") from error


def _text(answer: Answer) -> str:
    try:
        body: Any = answer.json()
        return base64.b64decode(body["payload"]["data"]).decode()
    except (Unanswered, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise Transient("Secret Manager's answer cannot be read: read it again later") from error


def _is_absent(answer: Answer) -> bool:
    """Say whether it is Secret Manager that knows no such secret or version, and not a gateway before it that knows no such page."""
    return answer.status == _NOT_FOUND and table(table(_json(answer)).get("error")).get("status") == "NOT_FOUND"


def _json(answer: Answer) -> object:
    """Read an answer; a page of something else is None."""
    try:
        found: object = answer.json()
    except Unanswered:
        return None
    return found


def _unwritten(name: str, answer: Answer) -> Transient:
    return Transient(
        f"the freeze flag {name} could not be written (status {answer.status}): "
        "grant secretVersionAdder, look for a proxy in between, or write it by hand"
    )
