"""Cloud Router route policies in neutral terms: what matches, and what is then done to the route."""

from dataclasses import dataclass
from enum import StrEnum


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
