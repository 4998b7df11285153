"""Closed incidents on their way out: noted when they close, replaced by tombstones when no event can name them any more.

It is done when an incident closes, since only then something has grown. What a crash leaves undone the next closing does.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from pointsman.core.archive import Archive, closing, due, tombstone, without
from pointsman.core.errors import Transient
from pointsman.core.incidents import Incident
from pointsman.core.journal import KEPT
from pointsman.core.values import canonical, digest, parse
from pointsman.ports.stores import StoreDown, StoreUnsure
from pointsman.quorum.outcomes import Agreed, Declined, NoMajority, Outcome, Unknown
from pointsman.quorum.reading import Reading
from pointsman.quorum.timing import agreed_time
from pointsman.service.house import House, incident_register

T = TypeVar("T")


def archive_register(fabric: str) -> str:
    """Name the register of a fabric's closed incidents."""
    return f"archive/{fabric}"


async def archived(house: House, closed: tuple[str, ...]) -> tuple[str, ...]:
    """Give the closed incidents that the plan may forget, since the archive knows them; none while that cannot be had."""
    try:
        await archive(house, closed)
    except Transient:  # the plan goes on naming them, and the next sweep tries again
        return ()
    return closed


async def archive(house: House, closed: tuple[str, ...]) -> tuple[str, ...]:
    """Note the incidents that have just closed, and set up tombstones for old ones; gives those.

    Raises ``Transient`` when it must be done again: until then the incidents are not closed.
    """
    if not closed:
        return ()
    reading = await house.registers.read(archive_register(house.current.name))
    now = agreed_time(reading.store_times.values(), house.registers.majority)
    if now is None:
        raise Transient("fewer than two stores tell the time, and an own clock that is wrong would bury incidents too early: tried again")
    held = _held(await _change(house, lambda value: closing(_held(value), closed, now), reading))
    done = [name for name in due(held, now) if await _buried(house, name, now)]
    if done:
        await _change(house, lambda value: without(_held(value), tuple(done)))
    return tuple(done)


async def _buried(house: House, name: str, now: datetime) -> bool:
    """Keep one incident whole in the journal and leave a tombstone in its register; False when that must be tried later."""
    register = incident_register(name)
    text = _value(await house.registers.change(register, lambda _: None))
    if text is None:
        return True
    incident, entry = _read(text, Incident), text.encode()
    stone = tombstone(incident, digest(entry))
    if stone == incident:
        return not incident.outbox
    try:
        await house.journal.put_entry(digest(entry), entry, now + KEPT)
    except (StoreDown, StoreUnsure):
        return False
    left = canonical(stone).decode()
    return _value(await house.registers.change(register, lambda held: left if held == text else held)) == left


async def _change(house: House, step: Callable[[str | None], Archive], reading: Reading | None = None) -> str | None:
    """Take the archive one agreed step on."""

    def change(value: str | None) -> str:
        return canonical(step(value)).decode()

    return _value(await house.registers.change(archive_register(house.current.name), change, reading=reading))


def _held(value: str | None) -> Archive:
    return Archive() if value is None else _read(value, Archive)


def _value(outcome: Outcome) -> str | None:
    match outcome:
        case Agreed(value=value) | Declined(value=value):
            return value
        case NoMajority(faults=faults) | Unknown(faults=faults):
            raise Transient("no majority of the stores answers: " + "; ".join(faults.values()))


def _read(text: str, kind: type[T]) -> T:
    try:
        return parse(text, kind)
    except msgspec.DecodeError as error:
        raise Transient("the archive of incidents was written by a newer version: deploy that version here") from error
