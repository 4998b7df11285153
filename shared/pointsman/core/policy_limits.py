"""How long a router's route policies can grow, whatever the plan: each flow is listed on every link but the one it is on.

The bytes are those of the Compute API's JSON as ``adapters.gcp.policies`` writes it; a test holds the two against each other.
"""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from pointsman.core.steering import RANKS
from pointsman.core.values import Frozen

MATCHES_PER_TERM = 100
"""Most elements in one match expression (Cloud Router limit)."""
TERM_LIMIT = 1_000
"""Most terms of all policies on one peer and direction (Cloud Router limit). A peer of ours has one policy of ours each way."""
SIZE_LIMIT = 35_000
"""Most bytes of all policies of a router (Cloud Router limit)."""
STEP = RANKS + 1
"""Distance between the priorities of two terms; in between a term's priority tells its rank."""
_TERM = len(
    '{"priority":,"actions":[{"expression":"med.set(00000)"},{"expression":"nextPolicy()"}],'
    '"match":{"expression":"destination.inAnyRange([])"}},'
)
_CLOSING = len('[{"priority":2000000000,"actions":[{"expression":"nextPolicy()"}]}]')
_ELEMENT = len("prefix('').orLonger()")
_COMMA = len(", ")


class Listed(Frozen):
    """One flow's prefixes in a policy, at the rank of their link; ``apart`` means that it may have terms of its own at any rank."""

    prefixes: tuple[str, ...]
    rank: int
    apart: bool = False


class Length(NamedTuple):
    """How long a policy can grow."""

    terms: int
    size: int


def longest(flows: Sequence[Listed]) -> Length:
    """Reckon a policy that lists all of these flows, in their order: those of one rank side by side share terms."""
    terms = size = 0
    for _, some in groupby(enumerate(flows), key=_run):
        prefixes = [prefix for _, one in some for prefix in one.prefixes]
        needed = math.ceil(len(prefixes) / MATCHES_PER_TERM)
        priorities = sum(len(str(STEP * place + STEP - 1)) for place in range(terms + 1, terms + needed + 1))
        terms += needed
        size += needed * (_TERM - _COMMA) + priorities + sum(len(prefix) + _ELEMENT + _COMMA for prefix in prefixes)
    return Length(terms=terms + 1, size=size + _CLOSING)


def _run(one: tuple[int, Listed]) -> tuple[int, int]:
    at, flow = one
    return (at if flow.apart else -1, flow.rank)


def share(prefixes: Sequence[str]) -> int:
    """Give the bytes that a policy is shorter by, at the least, without these prefixes."""
    return sum(len(prefix) + _ELEMENT for prefix in prefixes)
