"""What registers hold, read back with suspicion: one value that cannot be understood stops nothing but itself.

A newer version may have written it, whose functions the other cloud runs already. It is never overwritten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from pointsman.core.errors import ValueUnreadable
from pointsman.core.plan import Plan, read_plan
from pointsman.core.values import parse

T = TypeVar("T")

FAULT_LIMIT = 100
"""Characters of what is wrong with a value that are told: what to do about it comes after."""


def value_in(register: str, text: str, kind: type[T]) -> T:
    """Read the value of a register. Raises ``ValueUnreadable``, also within a change, which then leaves it as it is."""
    with _read_from(register):
        return parse(text, kind)


def plan_in(register: str, text: str) -> Plan:
    """Read the plan of a register; the newest are remembered. Raises ``ValueUnreadable``."""
    with _read_from(register):
        return read_plan(text)


@contextmanager
def _read_from(register: str) -> Iterator[None]:
    try:
        yield
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        fault = str(error)[:FAULT_LIMIT]
        raise ValueUnreadable(
            f"{register} cannot be read by this version ({fault}): deploy the newer version that wrote it; its value is left as it is"
        ) from error
