"""The stores of a simulation: the shipped adapters over services in memory, and the plain store in memory beside them."""

import re
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from random import Random  # noqa: TID251 - seeded, so that every run is alike
from typing import Any, Protocol, TypeVar

from pointsman.adapters.aws.dynamodb import DynamoAnswer, DynamoStore
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.ports.clouds import Clock
from pointsman.ports.stores import Acceptor
from pointsman.testing.stores import MemoryStore

T = TypeVar("T")


class Kind(StrEnum):
    """What an acceptor is made of."""

    BALLOTS = "a store in memory that compares ballots"
    VERSIONS = "a store in memory that compares versions too"
    SQLITE = "the sqlite adapter"
    DYNAMODB = "the DynamoDB adapter"


class Kept(Protocol):
    """A service whose contents can be put back to what they were."""

    def snapshot(self) -> Any:
        """Remember what is held."""

    def roll_back(self, to: Any) -> None:
        """Hold what was held then."""


def acceptor(kind: Kind, name: str, clock: Clock, dice: Random) -> tuple[Acceptor, Kept | None]:
    """Make a store, and what rolls it back (None where the service is a file)."""
    match kind:
        case Kind.BALLOTS | Kind.VERSIONS:
            store = MemoryStore(name, clock, fenced=kind is Kind.VERSIONS)
            return store, store
        case Kind.SQLITE:
            return SqliteStore(name, Path(":memory:")), None
        case Kind.DYNAMODB:
            table = DynamoTable(clock.now, dice)
            return DynamoStore(name, "table", table.call), table


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing, to its end."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        value: T = stopped.value
        return value
    coroutine.close()
    raise RuntimeError("a store in memory waited for something")


Item = dict[str, dict[str, str]]

_TOKEN = re.compile(r"attribute_not_exists|<=|[()=<]|AND|OR|[#:]?\w+")
_SET = re.compile(r"(#?\w+)\s*=\s*(:\w+)")


class DynamoTable:
    """A table of DynamoDB: conditional UpdateItem, and GetItem that is as stale as the service allows unless it is told not to be.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
    """

    def __init__(self, now: Callable[[], datetime], dice: Random) -> None:
        self._now = now
        self._dice = dice
        self._items: dict[str, Item] = {}
        self._before: dict[str, Item] = {}

    def snapshot(self) -> dict[str, Item]:
        """Remember what is held."""
        return dict(self._items)

    def roll_back(self, to: dict[str, Item]) -> None:
        """Hold what was held then."""
        self._items, self._before = dict(to), dict(to)

    async def call(self, operation: str, parameters: Mapping[str, Any]) -> DynamoAnswer:
        """Answer one request."""
        key = parameters["Key"]["pk"]["S"]
        if operation == "GetItem":
            return self._get(key, consistent=parameters.get("ConsistentRead") is True)
        if operation != "UpdateItem":
            raise ValueError(f"this table does not know {operation}")
        return self._update(key, parameters)

    def _get(self, key: str, *, consistent: bool) -> DynamoAnswer:
        items = self._items if consistent or self._dice.random() < 0.5 else self._before
        return DynamoAnswer(status=200, body={"Item": items[key]} if key in items else {}, date=self._now())

    def _update(self, key: str, parameters: Mapping[str, Any]) -> DynamoAnswer:
        names, values = parameters["ExpressionAttributeNames"], parameters["ExpressionAttributeValues"]
        held = self._items.get(key, {})
        if not Condition(parameters["ConditionExpression"], names, values).holds(held):
            return DynamoAnswer(status=400, code="ConditionalCheckFailedException", body={"Item": held} if held else {}, date=self._now())
        new = {names.get(name, name): values[value] for name, value in _SET.findall(parameters["UpdateExpression"])}
        self._before[key], self._items[key] = held, {"pk": {"S": key}, **held, **new}
        return DynamoAnswer(status=200, body={"Attributes": self._items[key]}, date=self._now())


class Condition:
    """A condition expression: AND, OR, brackets, =, <, <= and attribute_not_exists.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
    """

    def __init__(self, text: str, names: Mapping[str, str], values: Mapping[str, Mapping[str, str]]) -> None:
        self._tokens = _TOKEN.findall(text)
        self._names = names
        self._values = values
        self._held: Item = {}

    def holds(self, held: Item) -> bool:
        """Say whether it holds for an item ({} when there is none)."""
        self._held, self._at = held, 0
        found = self._any()
        if self._at != len(self._tokens):
            raise ValueError("this table does not understand that condition")
        return found

    def _next(self) -> str:
        self._at += 1
        token: str = self._tokens[self._at - 1]
        return token

    def _is(self, token: str) -> bool:
        found: bool = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += found
        return found

    def _any(self) -> bool:
        found = self._all()
        while self._is("OR"):
            found = self._all() or found
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._is("AND"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._is("("):
            found = self._any()
            self._next()
            return found
        if self._is("attribute_not_exists"):
            _, name, _ = self._next(), self._next(), self._next()
            return self._names.get(name, name) not in self._held
        left, compared, right = self._value(self._next()), self._next(), self._value(self._next())
        if left is None or right is None:
            return False
        return left == right if compared == "=" else left < right if compared == "<" else left <= right

    def _value(self, name: str) -> str | None:
        found = self._values[name] if name.startswith(":") else self._held.get(self._names.get(name, name), {})
        return next(iter(found.values()), None)
