"""What registers hold, read back with suspicion: one value that cannot be understood stops nothing but itself.

A newer version may have written it, whose functions the other cloud runs already. It is never overwritten.
"""

from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from pointsman.core.errors import ValueUnreadable
from pointsman.core.plan import Plan, read_plan
from pointsman.core.values import parse

T = TypeVar("T")

VALUES_KEPT = 16
"""Values that are remembered: one change reads what it is made of again and again."""
FAULT_LIMIT = 100
"""Characters of what is wrong with a value that are told: what to do about it comes after."""


def value_in(register: str, text: str, kind: type[T]) -> T:
    """Read the value of a register; the newest are remembered. Raises ``ValueUnreadable``, also within a change, which then leaves it as it is."""
    try:
        found: T = _parsed(text, kind)  # type: ignore[arg-type]
    except msgspec.DecodeError as error:
        raise _unreadable(register, error) from error
    return found


def plan_in(register: str, text: str) -> Plan:
    """Read the plan of a register; the newest are remembered. Raises ``ValueUnreadable``."""
    try:
        return read_plan(text)
    except msgspec.DecodeError as error:
        raise _unreadable(register, error) from error


@lru_cache(maxsize=VALUES_KEPT)
def _parsed(text: str, kind: Any) -> Any:
    return parse(text, kind)


def _unreadable(register: str, error: Exception) -> ValueUnreadable:
    fault = str(error)[:FAULT_LIMIT]
    return ValueUnreadable(
        f"{register} cannot be read by this version ({fault}): deploy the newer version that wrote it; its value is left as it is"
    )
