"""The corpus under events/, swept by the tests of the wire."""

import json
from pathlib import Path
from typing import Any

from pointsman.wire import recorded
from pointsman.wire.decode import decode
from pointsman.wire.record import Record

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
TRIGGERS = ROOT / "infra"
SAMPLES = tuple(path for path in sorted(EVENTS.glob("*/*.json")) if not path.name.endswith(".expected.json"))
NEAR_MISSES = tuple(path for path in SAMPLES if path.name.endswith(".near-miss.json"))


def named(path: Path) -> str:
    """Give a sample's name as the README writes it."""
    return f"{path.parent.name}/{path.name}"


def sample(name: str) -> Any:
    """Give a sample's payload as parsed JSON."""
    return json.loads((EVENTS / name).read_text())


def decoded(path: Path) -> tuple[Record, ...]:
    """Decode one sample as it would be delivered."""
    (kept,) = recorded.deliveries(path.read_bytes())
    return decode(kept.body, kept.headers)


def meanings(payload: Any, headers: dict[str, str] | None = None) -> tuple[Any, ...]:
    """Give what a payload means, without the deliveries."""
    return tuple(record.meaning for record in decode(payload, headers))


def only(payload: Any) -> Any:
    """Give the one meaning that a payload has."""
    (found,) = meanings(payload)
    return found
