"""Everything that a schedule may do to the product: a closed list, by where it strikes."""

from collections.abc import Mapping
from enum import StrEnum


class FaultKind(StrEnum):
    """One kind of trouble. The value is its name on the command line."""

    MESSAGE_LOST = "message-lost"
    MESSAGE_DOUBLED = "message-doubled"
    MESSAGE_REORDERED = "message-reordered"
    MESSAGE_DELAYED = "message-delayed"
    MESSAGE_HOURS_LATE = "message-hours-late"

    CRASH = "crash"
    FREEZE_AND_THAW = "freeze-and-thaw"
    OTHER_VERSION = "other-version"

    STORE_DOWN = "store-down"
    STORE_SLOW = "store-slow"
    STORE_THROTTLED = "store-429"
    STORE_UNAVAILABLE = "store-503"
    STORE_REQUEST_LOST = "store-request-lost"
    STORE_ERROR_AFTER_SUCCESS = "store-error-after-success"
    STORE_REQUEST_DOUBLED = "store-request-doubled"
    STORE_STALLED = "store-stalled"
    STORE_LOST = "store-lost"
    STORE_ROLLED_BACK = "store-rolled-back"

    PARTITION_REQUESTS = "partition-requests"
    PARTITION_REPLIES = "partition-replies"
    DATABASE_GONE = "cloud-database-gone"
    COMPUTE_GONE = "cloud-compute-gone"
    IDENTITY_GONE = "cloud-identity-gone"

    CLOCK_SKEW = "clock-skew"
    CLOCK_YEARS_AHEAD = "clock-years-ahead"

    LEVER_APPLIED_TIMED_OUT = "lever-applied-timed-out"
    LEVER_TIMED_OUT = "lever-timed-out"
    LEVER_LATE = "lever-late"
    LEVER_STALE_READ = "lever-stale-read"
    LEVER_THROTTLED = "lever-throttled"
    LEVER_REFUSED = "lever-refused"
    LOOK_THROTTLED = "look-throttled"
    LOOK_STALE = "look-stale"
    FLAG_UNREADABLE = "flag-unreadable"
    HINT_LOST = "hint-lost"

    DESK_CREATED_TIMED_OUT = "desk-created-timed-out"
    DESK_TIMED_OUT = "desk-timed-out"
    DESK_LATE = "desk-late"
    DESK_REFUSED = "desk-refused"
    DESK_SEARCH_LAG = "desk-search-lag"
    DESK_CLOSED_BY_HUMAN = "desk-closed-by-human"

    FROZEN_BY_HAND = "frozen-by-hand"
    HAND_MADE_CHANGE = "hand-made-change"
    FABRIC_ADOPTED = "fabric-adopted"

    LINK_CUT = "link-cut"
    LINK_CUT_SILENTLY = "link-cut-silently"
    LINK_BLACKHOLE = "link-blackhole"
    LINK_ONE_WAY = "link-one-way"
    LINK_LOSSY = "link-lossy"
    LINK_FLAPS = "link-flaps"
    MEMBER_CUT = "member-cut"
    ROUTER_RESTART = "router-restart"

    WINDOW_ANNOUNCED = "window-announced"
    WINDOW_BY_HAND = "window-by-hand"
    ORDER_GIVEN = "order-given"


class Request(StrEnum):
    """What a function asks of something outside itself."""

    READ = "store.read"
    PREPARE = "store.prepare"
    ACCEPT = "store.accept"
    NOTE = "store.note"
    ROWS = "store.rows"
    PUT_ENTRY = "store.put_entry"
    ENTRY = "store.entry"
    OBSERVE = "lever.observe"
    APPLY = "lever.apply"
    VERIFY = "lever.verify"
    LOOK = "looker.look"
    NOTICES = "looker.notices"
    AUDIT = "auditor.seen"
    FLAG = "flag.read"
    HINT = "hint"
    TELL = "desk.tell"


_READS = frozenset({Request.READ, Request.ROWS, Request.ENTRY})
_WRITES = frozenset({Request.PREPARE, Request.ACCEPT, Request.NOTE, Request.PUT_ENTRY})
_STORE = _READS | _WRITES
_LEVER = frozenset({Request.OBSERVE, Request.APPLY, Request.VERIFY})

STRIKES: Mapping[FaultKind, frozenset[Request]] = {
    FaultKind.STORE_DOWN: _STORE,
    FaultKind.STORE_SLOW: _STORE,
    FaultKind.STORE_THROTTLED: _STORE,
    FaultKind.STORE_UNAVAILABLE: _STORE,
    FaultKind.STORE_REQUEST_LOST: _STORE,
    FaultKind.STORE_ERROR_AFTER_SUCCESS: _WRITES,
    FaultKind.STORE_REQUEST_DOUBLED: _WRITES,
    FaultKind.STORE_STALLED: _STORE,
    FaultKind.LEVER_APPLIED_TIMED_OUT: frozenset({Request.APPLY}),
    FaultKind.LEVER_TIMED_OUT: frozenset({Request.APPLY}),
    FaultKind.LEVER_LATE: frozenset({Request.APPLY}),
    FaultKind.LEVER_STALE_READ: frozenset({Request.OBSERVE}),
    FaultKind.LEVER_THROTTLED: _LEVER,
    FaultKind.LEVER_REFUSED: frozenset({Request.APPLY}),
    FaultKind.LOOK_THROTTLED: frozenset({Request.LOOK, Request.NOTICES, Request.AUDIT}),
    FaultKind.LOOK_STALE: frozenset({Request.LOOK}),
    FaultKind.FLAG_UNREADABLE: frozenset({Request.FLAG}),
    FaultKind.HINT_LOST: frozenset({Request.HINT}),
    FaultKind.DESK_CREATED_TIMED_OUT: frozenset({Request.TELL}),
    FaultKind.DESK_TIMED_OUT: frozenset({Request.TELL}),
    FaultKind.DESK_LATE: frozenset({Request.TELL}),
    FaultKind.DESK_REFUSED: frozenset({Request.TELL}),
    FaultKind.DESK_SEARCH_LAG: frozenset({Request.TELL}),
}
"""The kinds that strike one request, with the requests they can strike; all others strike a function or the world."""

WORLDLY = tuple(kind for kind in FaultKind if kind not in STRIKES and kind is not FaultKind.OTHER_VERSION)
"""The kinds that a schedule brings about at one step of one call."""

RARE = frozenset({FaultKind.WINDOW_ANNOUNCED, FaultKind.WINDOW_BY_HAND, FaultKind.ORDER_GIVEN})
"""Kinds of ``WORLDLY`` that are no trouble in themselves: few schedules play them, and these have dice of their own for it."""
ON_LINKS = frozenset(
    {
        FaultKind.LINK_CUT,
        FaultKind.LINK_CUT_SILENTLY,
        FaultKind.LINK_BLACKHOLE,
        FaultKind.LINK_ONE_WAY,
        FaultKind.LINK_LOSSY,
        FaultKind.LINK_FLAPS,
        FaultKind.HAND_MADE_CHANGE,
    }
)
ON_STORES = frozenset({FaultKind.STORE_LOST, FaultKind.STORE_ROLLED_BACK})
ON_PATHS = frozenset({FaultKind.PARTITION_REQUESTS, FaultKind.PARTITION_REPLIES})


def of(request: Request) -> tuple[FaultKind, ...]:
    """List the kinds that can strike a request."""
    return _OF[request]


_OF = {request: tuple(kind for kind, struck in STRIKES.items() if request in struck) for request in Request}

_STORES_ALONE = frozenset({"adopt", "agree", "announcing", "archiving", "journal", "late", "registers", "repair", "timer", "trial"})
"""Files of ``service/`` that ask for nothing but the stores."""
_WITH_DESKS = frozenset({"deliver", "doors", "sweep"})
"""Those in which a desk may be told something."""


def asked_in(file: str) -> frozenset[Request]:
    """List what a function may ask for while it stands in a file of ``service/``."""
    if file in _STORES_ALONE:
        return _STORE
    if file == "deliver":
        return _STORE | {Request.TELL}
    return frozenset(Request) if file in _WITH_DESKS else frozenset(Request) - {Request.TELL}
