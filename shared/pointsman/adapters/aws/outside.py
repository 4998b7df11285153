"""What a function outside AWS needs of it besides the store: the freeze flag and a queue, by the SDK's signer alone."""

import msgspec

from pointsman.adapters.aws.signed import SignedJson, error_code
from pointsman.adapters.http import Unanswered, Unreached
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.flagging import state_of
from pointsman.core.plan import FlagState
from pointsman.ports.clouds import Clock


class _Parameter(msgspec.Struct, frozen=True, rename="pascal"):
    name: str
    value: str


class _Parameters(msgspec.Struct, frozen=True, rename="pascal"):
    """What GetParameters answers: what there is, and the names of what there is not."""

    parameters: tuple[_Parameter, ...] = ()
    invalid_parameters: tuple[str, ...] = ()


class SignedFlag:
    """``Flag`` over the same SSM parameter as ``SsmFlag``; it is only ever read from outside."""

    cloud = Cloud.AWS

    def __init__(self, signed: SignedJson, fabric: str, clock: Clock | None = None) -> None:
        self._signed, self._clock = signed, clock
        self._name = f"/pointsman/{fabric}/freeze"

    async def read(self) -> FlagState:
        """Read it: an absent parameter is clear, what cannot be read is unreadable."""
        try:
            answer = await self._signed.ask("GetParameters", {"Names": [self._name]})
            return self._state(msgspec.json.decode(answer.body, type=_Parameters)) if answer.ok else FlagState.UNREADABLE
        except (Unreached, Unanswered, msgspec.DecodeError, UnicodeDecodeError):
            return FlagState.UNREADABLE

    def _state(self, found: _Parameters) -> FlagState:
        if self._name in found.invalid_parameters:
            return FlagState.CLEAR
        texts = [one.value for one in found.parameters if one.name == self._name]
        return state_of(texts[0], self._clock.now() if self._clock else None) if texts else FlagState.UNREADABLE

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own yes or no
        """Refuse: a cloud's flag is written with that cloud's own rights. Raises ``Transient``."""
        raise Transient(f"the flag {self._name} is written from AWS only: run the command with AWS credentials ({frozen=}, {note[:40]})")


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
