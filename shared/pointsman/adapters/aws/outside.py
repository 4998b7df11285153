"""What a function outside AWS needs of it besides the store: the freeze flag and a queue, by the SDK's signer alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pointsman.adapters.aws.signed import SignedJson, error_code
from pointsman.adapters.http import Unanswered, Unreached
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.flagging import state_of
from pointsman.core.plan import FlagState
from pointsman.ports.clouds import Clock

_ABSENT = "ParameterNotFound"


class SignedFlag:
    """``Flag`` over the same SSM parameter as ``SsmFlag``; it is only ever read from outside."""

    cloud = Cloud.AWS

    def __init__(self, signed: SignedJson, fabric: str, clock: Clock | None = None) -> None:
        self._signed, self._clock = signed, clock
        self._name = f"/pointsman/{fabric}/freeze"

    async def read(self) -> FlagState:
        """Read it: an absent parameter is clear, what cannot be read is unreadable."""
        try:
            answer = await self._signed.ask("GetParameter", {"Name": self._name})
            if answer.ok:
                return _state(answer.json(), self._clock.now() if self._clock else None)
        except (Unreached, Unanswered):
            return FlagState.UNREADABLE
        return FlagState.CLEAR if error_code(answer) == _ABSENT else FlagState.UNREADABLE

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own yes or no
        """Refuse: a cloud's flag is written with that cloud's own rights. Raises ``Transient``."""
        raise Transient(f"the flag {self._name} is written from AWS only: run the command with AWS credentials ({frozen=}, {note[:40]})")


def _state(body: Mapping[str, Any] | None, now: datetime | None) -> FlagState:
    value = (body or {}).get("Parameter", {}).get("Value")
    if not isinstance(value, str):
        return FlagState.UNREADABLE
    return state_of(value, now)


class SignedQueue:
    """``Queue`` over an SQS queue's URL."""

    def __init__(self, signed: SignedJson, url: str) -> None:
        self._signed = signed
        self._url = url

    async def send(self, body: bytes) -> None:
        """Send one message. Raises ``Transient``."""
        try:
            answer = await self._signed.ask("SendMessage", {"QueueUrl": self._url, "MessageBody": body.decode()})
        except (Unreached, Unanswered) as error:
            raise Transient(f"the queue took no message: {error}") from error
        if not answer.ok:
            code = error_code(answer) or answer.status
            raise Transient(f"the queue answers {code}: check that it exists and that the role may sqs:SendMessage on it")
