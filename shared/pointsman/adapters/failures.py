"""How a store's failures become the errors of ``ports.stores``: nothing done, or a write of unknown fate."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pointsman.adapters.http import Unanswered, Unreached
from pointsman.core.errors import PointsmanError
from pointsman.ports.stores import VALUE_LIMIT, StoreDown, StoreUnsure

TOO_LARGE = 413
"""The status of a request, or of what it would write, that is too large; DynamoDB and Firestore say so in words."""
_BUSY = 429
_SLOW_DOWN = frozenset({"SlowDown", "SlowDownRead", "SlowDownWrite", "RequestLimitExceeded", "ThrottlingException"})
"""What a 503 that throttles says; any other may come from behind a write that was made."""
_DENIED = {401, 403}

_EXPIRED = "the credentials have expired: renew them, and look why whoever renews them did not"
_UNKNOWN_KEY = "it does not know these credentials: check whose they are, and that they still exist"
_BAD_SIGNATURE = "the secret does not belong to this key, or the region is another: check both"
_NO_RIGHT = "this role has no right to it: grant it"
_ELSEWHERE = "the bucket lies in another region: name that one in the store's URL"
_NO_TABLE = "no such table in this Region: create it, or mend the table or Region in the store's URL"
_NOT_ITS_OWN = "that is no answer of such a store: look for a proxy, or a wrong endpoint"
_LARGE = (
    f"it is more than it takes at once: a store takes {VALUE_LIMIT // 1024} KiB, "
    "so look for a lower limit of it or of a proxy, and run a probe on it"
)
_SIZE = re.compile(r"size .{0,80}exceed|size exceeds|is longer than", re.IGNORECASE)
"""How DynamoDB and Firestore say that an item, a document, a field or a request is too large."""
_NO_CONDITIONS = "it knows no conditional writes: it cannot be a store"

_MENDS = {
    "AccessDenied": _NO_RIGHT,
    "AccessDeniedException": _NO_RIGHT,
    "PERMISSION_DENIED": _NO_RIGHT,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidToken": _UNKNOWN_KEY,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "UNAUTHENTICATED": "Google does not take this token: check the identity that it was made from, and this machine's clock",
    "SignatureDoesNotMatch": _BAD_SIGNATURE,
    "InvalidSignatureException": _BAD_SIGNATURE,
    "RequestTimeTooSkewed": "this machine's clock is wrong: set it",
    "EntityTooLarge": _LARGE,
    "PermanentRedirect": _ELSEWHERE,
    "TemporaryRedirect": _ELSEWHERE,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "NoSuchBucket": "no such bucket there: create it, or mend its name or endpoint in the store's URL",
    "ResourceNotFoundException": _NO_TABLE,
    "ValidationException": "check that the table's keys are the strings pk (hash) and sk (range)",
    "NOT_FOUND": "no such database in this project: create it in Native mode, or mend the project or name in the store's URL",
    "FAILED_PRECONDITION": "the database is not in Native mode, or lacks an index: create one in Native mode",
    "NotImplemented": _NO_CONDITIONS,
}
"""What to do about a service's own word. With each of these nothing was done."""


@contextmanager
def translated(store: str, *, writing: bool) -> Iterator[None]:
    """Turn what happens on the wire into StoreDown, or StoreUnsure where a write may have been made."""
    try:
        yield
    except Unreached as error:
        raise StoreDown(f"{store}: {error}") from error
    except Unanswered as error:
        raise unanswered(store, str(error), writing=writing) from error


def unanswered(store: str, why: str, *, writing: bool) -> PointsmanError:
    """Give the error for a request that may have been carried out."""
    if writing:
        return StoreUnsure(f"{store}: {why}; the write may have been made, so read before anything else")
    return StoreDown(f"{store}: {why}; it counts as down for this round")


def not_its_own(store: str, *, writing: bool) -> PointsmanError:
    """Give the error for a success that is no answer of such a store: a portal's page, or another service's word."""
    mend = "look for a proxy or gateway in between and check its endpoint; else look who overwrote what it holds"
    return unanswered(store, f"something else answers in its place: {mend}", writing=writing)


def is_too_large(says: object) -> bool:
    """Say whether a service's words for an invalid request mean that it is too large."""
    return isinstance(says, str) and _SIZE.search(says) is not None


def failed(store: str, status: int, code: str, *, writing: bool, hint: str = "") -> PointsmanError:
    """Give the error for an answer that is no success: what was wrong and what to do.

    ``code`` is the service's own word ("" when the answer has none), ``hint`` what else its answer tells.
    """
    said = f"{status} {code}".strip()
    mend = _LARGE if status == TOO_LARGE else _MENDS.get(code)
    if mend is not None:
        return StoreDown(f"{store} refuses the request ({said}): {mend}{hint}")
    if status == _BUSY or code in _SLOW_DOWN:
        return StoreDown(f"{store} throttles ({said}): it counts as down for this round; raise its capacity if this goes on")
    if status in _DENIED:
        return StoreDown(f"{store} denies access ({said}): check the credentials and this role's rights to it")
    if status // 100 == 5:  # noqa: PLR2004 - the class of server errors
        return unanswered(store, f"it failed ({said})", writing=writing)
    if not code and not hint:
        return StoreDown(f"{store} cannot be used ({said}): {_NOT_ITS_OWN}")
    return StoreDown(f"{store} refuses the request ({said}): check that it exists, where, and its settings{hint}")
