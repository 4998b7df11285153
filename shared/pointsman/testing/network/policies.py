"""Cloud Router route policies in neutral terms: what matches, and what is then done to the route."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from pointsman.testing.network.cidrs import Cidr, cidr


class Direction(StrEnum):
    """Import: what Google learns. Export: what AWS hears."""

    IMPORT = "import"
    EXPORT = "export"


class Act(StrEnum):
    """One thing that a term does."""

    ACCEPT = "accept"
    DROP = "drop"
    NEXT_POLICY = "next_policy"
    MED_SET = "med_set"
    MED_ADD = "med_add"
    PREPEND = "prepend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A prefix: exactly it, or with ``or_longer`` everything inside it too."""

    prefix: str
    or_longer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An act with its figure: ``value`` is the MED; ``as_path`` is what is prepended."""

    act: Act
    value: int = 0
    as_path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Terms run in rising ``priority``; one without ``matches`` matches every route."""

    priority: int
    actions: tuple[Action, ...]
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePolicy:
    """A named policy of one direction on one router."""

    router: str
    name: str
    direction: Direction
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What a policy may change of a route."""

    med: int
    as_path: tuple[int, ...]


def run_policies(policies: Iterable[RoutePolicy], prefix: str, attributes: Attributes) -> Attributes | None:
    """Give a route's attributes after its policies; None when it is dropped.

    Terms run in rising priority; every term that matches acts until one accepts, drops or passes to the next policy.
    A route that no policy settles is accepted (Cloud Router, BGP route policies overview; falling through is unconfirmed).
    """
    for policy in policies:
        verdict, attributes = _run(policy, cidr(prefix), attributes)
        if verdict is Act.DROP:
            return None
        if verdict is Act.ACCEPT:
            return attributes
    return attributes


def _run(policy: RoutePolicy, prefix: Cidr, attributes: Attributes) -> tuple[Act, Attributes]:
    for term in sorted(policy.terms, key=lambda term: term.priority):
        if not _matches(term, prefix):
            continue
        for action in term.actions:
            if action.act in _FINAL:
                return action.act, attributes
            attributes = _apply(action, attributes)
    return Act.NEXT_POLICY, attributes


_FINAL = frozenset((Act.ACCEPT, Act.DROP, Act.NEXT_POLICY))


def _matches(term: Term, prefix: Cidr) -> bool:
    return not term.matches or any(_match(one, prefix) for one in term.matches)


def _match(match: Match, prefix: Cidr) -> bool:
    return cidr(match.prefix).covers(prefix) if match.or_longer else cidr(match.prefix) == prefix


def _apply(action: Action, attributes: Attributes) -> Attributes:
    match action.act:
        case Act.MED_SET:
            return replace(attributes, med=action.value)
        case Act.MED_ADD:
            return replace(attributes, med=attributes.med + action.value)
        case _:
            return replace(attributes, as_path=(*action.as_path, *attributes.as_path))
