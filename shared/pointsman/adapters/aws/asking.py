"""Make one call, by the SDK in a thread or by its signer alone, and say in our words how it ended.

What botocore raises is sorted by one question: can the call have been carried out? (Its error codes: EC2 API
Reference "Error codes", and the exceptions of each service's model.)
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from pointsman.adapters.aws.signed import SignedJson, error_code
from pointsman.adapters.http import Answer, Unanswered, Unreached, Unsigned
from pointsman.adapters.threads import Turns
from pointsman.core.errors import PointsmanError
from pointsman.ports.clouds import LeverBusy, LeverFailed, LeverUnsure

T = TypeVar("T")

SERVER_FAULT = 500
"""From this HTTP status on, the service itself is at fault and a write may have been made."""
DETAIL_LIMIT = 160
"""Characters of the service's own words that an error carries."""

THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TooManyUpdates",
    }
)
DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
BUSY = frozenset({"ConflictException", "IncorrectState", "ResourceInUseException", "TooManyTagsException"})


class Throttled(LeverBusy):
    """AWS asks us to slow down."""


class Answered(LeverFailed):
    """AWS refused the call for a reason that its ``code`` names."""

    def __init__(self, text: str, *, code: str) -> None:
        super().__init__(text)
        self.code = code


async def ask(call: Callable[[], T], right: str, *, write: bool = False, turns: Turns | None = None, kind: str = "") -> T:
    """Run a call in a thread; with ``turns``, after the last of its ``kind``. ``right`` is the IAM action it needs, as the error text names it.

    Raises ``LeverBusy`` (``Throttled`` among them: not done, ask later), ``LeverFailed`` (``Answered`` among them: not
    done), or for a write ``LeverUnsure`` (it may have been done).
    """
    try:
        return await (asyncio.to_thread(call) if turns is None else turns.run(kind, call))
    except ClientError as error:
        raise answered(error, right, write=write) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise unanswered(error, right, write=write) from error


async def ask_json(signed: SignedJson, operation: str, parameters: Mapping[str, Any], *, write: bool = False) -> dict[str, Any]:
    """Call an operation of a service that speaks JSON; gives its answer as the service's API reference names it. Raises as ``ask`` does."""
    right = f"{signed.service}:{operation}"
    try:
        answer = await signed.ask(operation, parameters)
        if answer.ok:
            return _table(answer)
    except Unsigned as error:
        raise LeverFailed(f"{right} found no AWS credentials: {error}") from error
    except Unreached as error:
        raise LeverBusy(f"{right} could not reach AWS: {error}") from error
    except Unanswered as error:
        raise _no_word(f"{right} got no whole answer: {error}", write=write) from error
    raise _refused(error_code(answer), answer.status, _message(answer), right, write=write)


def _table(answer: Answer) -> dict[str, Any]:
    found = answer.json()
    if found is not None and not isinstance(found, dict):
        raise Unanswered("the answer is not what was asked for: look for a proxy in between")
    return found or {}


def _message(answer: Answer) -> str:
    try:
        found = answer.json()
    except Unanswered:
        return ""
    return str(found.get("message") or found.get("Message") or "") if isinstance(found, dict) else ""


async def together(steps: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run steps side by side and wait for all of them; raises the gravest error, an unsure write before a refused one."""
    ended = await asyncio.gather(*steps, return_exceptions=True)
    errors = sorted((one for one in ended if isinstance(one, BaseException)), key=_gravity)
    if errors:
        raise errors[0]
    return [one for one in ended if not isinstance(one, BaseException)]


def _gravity(error: BaseException) -> int:
    if not isinstance(error, PointsmanError):
        return 0
    if isinstance(error, LeverUnsure):
        return 1
    return 3 if isinstance(error, LeverBusy) else 2


def answered(error: ClientError, right: str, *, write: bool) -> PointsmanError:
    """Sort an error that the service answered with."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return _refused(code, status, str(error.response.get("Error", {}).get("Message", "")), right, write=write)


def _refused(code: str, status: int, message: str, right: str, *, write: bool) -> PointsmanError:
    """Sort an error by the service's own word, then by the status."""
    if code in THROTTLED:
        return Throttled(f"AWS throttles {right} ({code}): ask again later")
    if code in DENIED:
        return Answered(f"AWS denies {right} ({code}): allow it for the role of this function", code=code)
    if code in BUSY:
        return LeverBusy(f"{right} has to wait for a change under way ({code}): ask again later")
    if status >= SERVER_FAULT:
        return _no_word(f"AWS answered {right} with {status} {code}", write=write)
    return Answered(f"AWS refuses {right} ({code or status}): {message[:DETAIL_LIMIT]}", code=code)


def unanswered(error: Exception, right: str, *, write: bool) -> PointsmanError:
    """Sort an error that came before or instead of an answer."""
    name = type(error).__name__
    match error:
        case NoCredentialsError() | PartialCredentialsError() | CredentialRetrievalError():
            return LeverFailed(f"{right} found no AWS credentials ({name}): give the function a role")
        case EndpointConnectionError() | ConnectTimeoutError() | ProxyConnectionError():
            return LeverBusy(f"{right} could not reach AWS ({name}): check the endpoint and the network")
        case ReadTimeoutError() | HTTPClientError() | ResponseStreamingError() | SSLError() | ResponseParserError():
            return _no_word(f"{right} got no whole answer ({name})", write=write)
        case _:
            return LeverFailed(f"{right} could not be asked ({name}): {str(error)[:DETAIL_LIMIT]}")


def _no_word(text: str, *, write: bool) -> PointsmanError:
    if write:
        return LeverUnsure(f"{text}: it may have been done, observe before writing again")
    return LeverBusy(f"{text}: ask again later")
