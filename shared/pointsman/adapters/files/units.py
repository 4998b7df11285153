"""Amounts as people write them: bandwidths and durations always carry their unit."""

import re
from datetime import timedelta
from decimal import Decimal

from pointsman.core.fabric import Bandwidth

BANDWIDTH_PATTERN = r"^(?=.*[1-9])[0-9]{1,6}(\.[0-9]{1,3})?(kbps|Mbps|Gbps|Tbps)$"
"""A bandwidth above zero with its unit, in decimal multiples of bits per second."""

DURATION_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h)$"
"""A duration with its unit."""

LASTING_PATTERN = r"^(?=.*[1-9])[0-9]{1,6}(\.[0-9]{1,3})?(ms|s|m|h)$"
"""A duration above zero with its unit."""

_BITS = {"kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9, "Tbps": 10**12}
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
_AMOUNT = re.compile(r"([0-9.]+)([A-Za-z]+)")


class NotAnAmount(ValueError):
    """The text is not an amount of this kind; its own text says why, ``mend`` how to write it."""

    def __init__(self, text: str, mend: str) -> None:
        super().__init__(text)
        self.mend = mend


def bandwidth(text: object) -> Bandwidth:
    """Read ``10Gbps`` as bits per second. Raises NotAnAmount."""
    amount, unit = _amount(text, BANDWIDTH_PATTERN, "Gbps", "kbps, Mbps, Gbps or Tbps")
    return Bandwidth(int(amount * _BITS[unit]))


def duration(text: object) -> timedelta:
    """Read ``90s``, zero included. Raises NotAnAmount."""
    amount, unit = _amount(text, DURATION_PATTERN, "s", "ms, s, m or h")
    return timedelta(milliseconds=float(amount * _MILLISECONDS[unit]))


def lasting(text: object) -> timedelta:
    """Read ``90s``, which must be above zero. Raises NotAnAmount."""
    _amount(text, LASTING_PATTERN, "s", "ms, s, m or h")
    return duration(text)


def spoken_bandwidth(bits: int) -> str:
    """Write a bandwidth the way a fabric does."""
    for unit, size in reversed(_BITS.items()):
        if bits and bits % size == 0:
            return f"{bits // size}{unit}"
    return f"{bits}bps"


def spoken_duration(span: timedelta) -> str:
    """Write a duration the way a fabric does."""
    milliseconds = span // timedelta(milliseconds=1)
    for unit, size in reversed(_MILLISECONDS.items()):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return "0s"


def _amount(text: object, pattern: str, unit: str, units: str) -> tuple[Decimal, str]:
    if isinstance(text, str) and re.fullmatch(pattern, text, re.ASCII):
        split = _AMOUNT.fullmatch(text)
        assert split, "every amount is a number and a unit"
        return Decimal(split[1]), split[2]
    raise _why(text, unit, units)


def _why(text: object, unit: str, units: str) -> NotAnAmount:
    if isinstance(text, bool) or not isinstance(text, int | float | str):
        return NotAnAmount("is not a number with a unit", f"write for example 10{unit}")
    written = str(text).replace(" ", "")
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", written, re.ASCII):
        return NotAnAmount("has no unit", f"write {written}{unit} if you mean that")
    if re.fullmatch(r"-.*|0+(\.0+)?[A-Za-z]*", written, re.ASCII):
        return NotAnAmount("must be above zero", f"write for example 10{unit}")
    return NotAnAmount(f"is not a number with one of the units {units}", f"write for example 10{unit}")
