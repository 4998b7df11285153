"""How a store's failures become the errors of ``ports.stores``: nothing done, or a write of unknown fate."""

from collections.abc import Iterator
from contextlib import contextmanager

from pointsman.adapters.http import Unanswered, Unreached
from pointsman.core.errors import PointsmanError
from pointsman.ports.stores import StoreDown, StoreUnsure

_BUSY = {429, 503}
_DENIED = {401, 403}


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


def failed(store: str, status: int, code: str, *, writing: bool) -> PointsmanError:
    """Give the error for an answer that is no success: what was wrong and what to do. ``code`` is the service's own word."""
    if status in _BUSY:
        return StoreDown(f"{store} throttles ({status} {code}): it counts as down for this round; raise its capacity if this goes on")
    if status in _DENIED:
        return StoreDown(f"{store} denies access ({status} {code}): check the credentials and this role's rights to it")
    if status // 100 == 5:  # noqa: PLR2004 - the class of server errors
        return unanswered(store, f"it failed ({status} {code})", writing=writing)
    return StoreDown(f"{store} refuses the request ({status} {code}): check that it exists, where, and its settings")
