"""A link's stances in Cloud Router's route policy language, and back.

What we write is closed under reading: ``read(write(s)) == s`` for every tuple of stances, in its order. Text that
we did not write reads as ``NOT_OURS`` among the stances, so it equals nothing that anybody can want.

The language: https://cloud.google.com/network-connectivity/docs/router/reference/bgp-route-policy-reference
"""

import json
import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Any

from pointsman.core.policy_limits import MATCHES_PER_TERM, SIZE_LIMIT, STEP, TERM_LIMIT
from pointsman.core.steering import RANKS, PrefixStance, Stance
from pointsman.ports.clouds import LeverFailed

AVOID_MED = 20_000
"""MED below every avoided route's: above any base priority (0 to 200) with any region cost (201 to 9,999) on top of it."""
RANK_MED = 3_500
"""What each rank of avoidance adds; the highest stays under 65,535 with a region cost on top of it."""
AVOIDED = frozenset(AVOID_MED + RANK_MED * rank for rank in range(1, RANKS + 1))
"""Every MED that an avoided route can have."""
LAST = 2_000_000_000
"""Priority of the closing term; Cloud Router takes less than 2**31."""
NOT_OURS = PrefixStance(prefix="0.0.0.0/32", stance=Stance.ATTRACT)
"""Stands for terms that somebody else wrote."""

_NEXT, _DROP = "nextPolicy()", "drop()"
_MATCH = re.compile(r"destination\.inAnyRange\(\[(?P<ranges>.*)\]\)")
_RANGE = re.compile(r"prefix\('(?P<prefix>[0-9a-fA-F.:]+/[0-9]{1,3})'\)\.orLonger\(\)")

Term = dict[str, Any]
"""One policy term as the Compute API's JSON has it."""


class Direction(StrEnum):
    """Which way a policy works, in the API's words."""

    IMPORT = "ROUTE_POLICY_TYPE_IMPORT"
    EXPORT = "ROUTE_POLICY_TYPE_EXPORT"


def write(stances: Sequence[PrefixStance]) -> list[Term]:
    """Give the terms that hold these stances; a prefix that no term names is left to the peer's next policy.

    Import and export policies are written alike. Raises ``LeverFailed`` above a limit.
    """
    _check(stances)
    terms = [*_terms(stances), _term(LAST, None, (_NEXT,))]
    if len(terms) > TERM_LIMIT:
        text = f"{len(terms)} route policy terms are needed and Cloud Router takes {TERM_LIMIT}: declare fewer, larger prefixes"
        raise LeverFailed(text)
    return terms


def check_size(*policies: list[Term]) -> None:
    """Refuse policies that are too long together: as far as one link's go. Of a whole router ``check`` reckons the worst. Raises ``LeverFailed``."""
    size = sum(len(json.dumps(terms, separators=(",", ":"))) for terms in policies)
    if size > SIZE_LIMIT:
        text = f"the route policies need {size} bytes and Cloud Router takes {SIZE_LIMIT}: declare fewer, larger prefixes"
        raise LeverFailed(text)


def read(terms: object) -> tuple[PrefixStance, ...]:
    """Read stances back from a policy's terms, whoever wrote them; never raises."""
    found: list[PrefixStance] = []
    try:
        for term in _by_priority(terms):
            found += _stances(term)
    except (KeyError, TypeError, ValueError, AttributeError):
        found.append(NOT_OURS)
    return tuple(dict.fromkeys(found))


def _check(stances: Sequence[PrefixStance]) -> None:
    wild = next((one for one in stances if not 1 <= one.rank <= RANKS), None)
    if wild:
        text = f"prefix {wild.prefix} has rank {wild.rank} and ranks go from 1 to {RANKS}: this is a fault of the plan"
        raise LeverFailed(text)
    prefixes = [one.prefix for one in stances]
    twice = sorted({prefix for prefix in prefixes if prefixes.count(prefix) > 1})
    if twice:
        text = f"prefix {twice[0]} is given two stances on one link: keep one"
        raise LeverFailed(text)


def _terms(stances: Sequence[PrefixStance]) -> Iterator[Term]:
    place = 0
    for (stance, rank), run in groupby(stances, key=lambda one: (one.stance, one.rank)):
        prefixes = [one.prefix for one in run]
        for start in range(0, len(prefixes), MATCHES_PER_TERM):
            place += STEP
            yield _term(place + rank, _match(prefixes[start : start + MATCHES_PER_TERM]), _actions(stance, rank))


def _match(prefixes: Sequence[str]) -> str:
    ranges = ", ".join(f"prefix('{prefix}').orLonger()" for prefix in prefixes)
    return f"destination.inAnyRange([{ranges}])"


def _actions(stance: Stance, rank: int) -> tuple[str, ...]:
    """Say what a stance does: an avoided route has a worse MED and never a longer AS path.

    AWS compares the AS path before the MED, so a prepended route would lose to a link that nobody steers (a managed
    interconnect) whatever that link's own MED.
    """
    match stance:
        case Stance.ATTRACT:
            return (_NEXT,)
        case Stance.DROP:
            return (_DROP,)
        case Stance.AVOID:
            return (f"med.set({AVOID_MED + RANK_MED * rank})", _NEXT)


def _term(priority: int, match: str | None, actions: Sequence[str]) -> Term:
    body: Term = {"priority": priority, "actions": [{"expression": action} for action in actions]}
    return body if match is None else body | {"match": {"expression": match}}


def _by_priority(terms: object) -> list[Term]:
    if not isinstance(terms, list):
        raise TypeError(terms)
    return sorted(terms, key=lambda term: int(term.get("priority", 0)))


def _stances(term: Term) -> Iterator[PrefixStance]:
    actions = tuple(_plain(action["expression"]) for action in term["actions"])
    if term.get("match") is None:
        if actions != (_NEXT,):
            yield NOT_OURS
        return
    rank = int(term["priority"]) % STEP
    stance = _stance(actions, rank)
    for prefix in _prefixes(_plain(term["match"]["expression"])):
        yield NOT_OURS if stance is None or prefix is None else PrefixStance(prefix=prefix, stance=stance, rank=rank)


def _stance(actions: tuple[str, ...], rank: int) -> Stance | None:
    for stance in Stance if rank else ():
        if actions == tuple(_plain(action) for action in _actions(stance, rank)):
            return stance
    return None


def _prefixes(match: str) -> Iterator[str | None]:
    whole = _MATCH.fullmatch(match)
    ranges = whole["ranges"].split(",") if whole else [""]
    for part in ranges:
        one = _RANGE.fullmatch(part)
        yield one["prefix"] if one else None


def _plain(text: str) -> str:
    return re.sub(r"\s", "", text).replace('"', "'")
