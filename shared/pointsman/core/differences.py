"""In which fields two plans differ, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pointsman.core.plan import Plan

_WORDS = {
    "verdict": "verdict",
    "since": "time of its verdict",
    "onset": "onset of its trouble",
    "down_since_epoch": "open incident",
    "closing": "incidents that are over",
    "good_since": "time since when it is seen good",
    "usable": "capacity left",
    "lost": "loss of a session at both ends",
    "drain": "drain",
    "link": "link",
    "only": "drop on interconnects",
    "squeezed_by": "squeeze in bit/s",
    "mtu_short": "too small an MTU",
    "chosen": "reason's choice",
    "because": "reason",
    "refused": "refused options",
    "decided_at": "time of the decision",
    "fabric_hash": "fabric",
    "prev_digest": "plan before",
    "moves": "discretionary decisions of the last hour",
    "handover": "last decision of other rules",
}
_MISSING = "nothing"


def differences(then: Plan, now: Plan, *, apart: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """List the fields in which ``now`` differs from ``then``; those named in ``apart`` are not compared, wherever they are."""
    return tuple(_walk((), _keyed(then), _keyed(now), apart))


def _keyed(plan: Plan) -> dict[str, Any]:
    """Give a plan as plain data, what is listed in it by what it is about; marks count as one."""
    data: dict[str, Any] = _plain(plan)
    return data | {
        "reasons": {one["about"]: one for one in data["reasons"]},
        "pins": {one["flow"]: one for one in data["pins"]},
        "orders": {f"order {place}": one for place, one in enumerate(data["orders"], start=1)},
        "marks": sorted(data["marks"].items()),
    }


def _plain(value: Any) -> Any:
    """Give a value as plain data in which every field is there, also where it has its default."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else msgspec.to_builtins(value)


def _walk(path: tuple[str, ...], then: Any, now: Any, apart: frozenset[str]) -> Iterator[str]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted({*then, *now} - apart):
            yield from _walk((*path, key), then.get(key), now.get(key), apart)
    elif then != now:
        yield _said(path, then, now)


def _said(path: tuple[str, ...], then: Any, now: Any) -> str:
    if path == ("marks",):
        return "the claims that it stands on (marks) are others"
    match path:
        case (_, about, *rest) if rest:
            what = f"{about}: {', '.join(_WORDS.get(part, part) for part in rest)}"
        case (part, about):
            what = f"{about} ({part})"
        case _:
            what = _WORDS.get(path[-1], path[-1])
    return f"{what} was {_value(then)}, is {_value(now)}"


def _value(value: Any) -> str:
    if value is None:
        return _MISSING
    return value if isinstance(value, str) else msgspec.json.encode(value, order="deterministic").decode()
