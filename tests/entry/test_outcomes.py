"""One table says what every error is to the platform; what is not in it is a bug and crashes."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import timedelta

import pytest

import pointsman
from pointsman.adapters.files.findings import CannotRead
from pointsman.adapters.http import Unanswered, Unreached, Unsigned
from pointsman.core.errors import ConfigError, PointsmanError, Refused, RejectedEvent, Transient
from pointsman.entry.outcomes import TABLE, Answer, Outcome, outcome_of
from pointsman.ports.clouds import LeverBusy, LeverFailed
from pointsman.ports.stores import StoreDown

CRASHES = {
    PointsmanError: "the base of all is never raised itself",
    Unreached: "adapters say it to each other and turn it into an error of their port",
    Unsigned: "adapters say it to each other and turn it into an error of their port",
    Unanswered: "adapters say it to each other and turn it into an error of their port",
}
"""Errors that are deliberately in no line of the table: one that reaches a door is a bug of an adapter."""


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(pointsman.__path__, "pointsman."):
        if not found.name.startswith("pointsman.testing") and not found.name.endswith("__main__"):
            yield found.name


def errors(base: type[PointsmanError] = PointsmanError) -> set[type[PointsmanError]]:
    return {base}.union(*(errors(kind) for kind in base.__subclasses__()))


def test_every_error_of_the_code_base_is_in_the_table_or_deliberately_a_crash() -> None:
    for name in modules():
        importlib.import_module(name)
    ours = {kind for kind in errors() if kind.__module__.startswith("pointsman.") and not kind.__module__.startswith("pointsman.testing")}
    assert len(ours) >= 18
    placed = {kind for kind in ours if issubclass(kind, tuple(line for line, _ in TABLE))}
    assert ours - placed == set(CRASHES)


def test_no_line_of_the_table_is_hidden_by_one_above_it() -> None:
    seen: list[type[PointsmanError]] = []
    for kind, _ in TABLE:
        assert not issubclass(kind, tuple(seen)), kind
        seen.append(kind)


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (RejectedEvent("is empty"), Answer.PARK),
        (Transient("later"), Answer.RETRY),
        (StoreDown("aws store is down"), Answer.RETRY),
        (LeverBusy("still changing"), Answer.RETRY),
        (LeverFailed("no right to"), Answer.STOP),
        (ConfigError("set it"), Answer.STOP),
        (Refused("frozen"), Answer.ACK),
    ],
)
def test_an_error_is_named_for_the_next_step(error: PointsmanError, answer: Answer) -> None:
    assert outcome_of(error) == Outcome(answer=answer, text=str(error))


def test_a_narrower_error_counts_as_its_kind() -> None:
    assert outcome_of(CannotRead("f.json: is a folder")).answer is Answer.STOP


def test_how_long_to_wait_is_kept() -> None:
    assert outcome_of(Transient("later", retry_after=timedelta(seconds=7))).retry_after == timedelta(seconds=7)


def test_an_error_that_is_not_in_the_table_comes_back() -> None:
    with pytest.raises(Unreached):
        outcome_of(Unreached("nothing was done"))


def test_of_several_errors_at_once_the_worst_counts() -> None:
    both = ExceptionGroup("two", [Transient("later"), ExceptionGroup("one", [ConfigError("set it"), Refused("frozen")])])
    assert outcome_of(both) == Outcome(answer=Answer.STOP, text="set it")


def test_a_bug_among_several_errors_is_a_bug() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        outcome_of(ExceptionGroup("two", [Transient("later"), KeyError("link")]))
    assert len(caught.value.exceptions) == 2
    with pytest.raises(Unreached):
        outcome_of(ExceptionGroup("two", [Transient("later"), Unreached("nothing was done")]))
