"""Closed incidents on their way out: noted when they close, replaced by tombstones when no event can name them any more.

It is done when an incident closes, since only then something has grown. What a crash leaves undone the next closing does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pointsman.core.archive import Archive, closing, due, put_off, tombstone, without
from pointsman.core.errors import Refused, Transient, ValueUnreadable
from pointsman.core.incidents import Incident
from pointsman.core.journal import KEPT, packed
from pointsman.core.values import canonical, digest
from pointsman.ports.stores import StoreDown, StoreUnsure
from pointsman.quorum.outcomes import Agreed, Declined, NoMajority, Outcome, Unknown
from pointsman.quorum.reading import Reading
from pointsman.quorum.timing import agreed_time
from pointsman.service.house import House, incident_register
from pointsman.service.stored import value_in


def archive_register(fabric: str) -> str:
    """Name the register of a fabric's closed incidents."""
    return f"archive/{fabric}"


@dataclass(frozen=True, kw_only=True)
class Filed:
    """What became of closed incidents: the ``known`` ones, which the plan may forget, and those that are ``buried`` now.

    ``unread`` says which registers could not be read by this version, or take no more, and what to do.
    """

    known: tuple[str, ...] = ()
    buried: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


async def archived(house: House, closed: tuple[str, ...]) -> Filed:
    """Give the closed incidents that the plan may forget, since the archive knows them; none while that cannot be had."""
    try:
        return await archive(house, closed)
    except ValueUnreadable as error:  # the plan goes on naming them until somebody can read the archive
        return Filed(unread=(str(error),))
    except Refused as error:
        return Filed(unread=(f"{archive_register(house.current.name)} takes no more: {error}",))
    except Transient:  # the plan goes on naming them, and the next sweep tries again
        return Filed()


async def archive(house: House, closed: tuple[str, ...]) -> Filed:
    """Note the incidents that have just closed, and set up tombstones for old ones; one that cannot be read is left and put off.

    Raises ``Transient`` when it must be done again: until then the incidents are not closed.
    """
    if not closed:
        return Filed()
    reading = await house.registers.read(archive_register(house.current.name))
    now = agreed_time(reading.store_times.values(), house.registers.majority)
    if now is None:
        raise Transient("fewer than two stores tell the time, and an own clock that is wrong would bury incidents too early: tried again")
    held = await _change(house, lambda archive: closing(archive, closed, now), reading)
    done: list[str] = []
    unread: dict[str, str] = {}
    for name in due(held, now):
        try:
            done += [name] if await _buried(house, name, now) else []
        except ValueUnreadable as error:
            unread[name] = str(error)
    if done or unread:
        await _change(house, lambda archive: put_off(without(archive, tuple(done)), tuple(unread), now))
    return Filed(known=closed, buried=tuple(done), unread=tuple(unread.values()))


async def _buried(house: House, name: str, now: datetime) -> bool:
    """Keep one incident whole in the journal and leave a tombstone in its register; False when that must be tried later."""
    register = incident_register(name)
    text = _value(await house.registers.change(register, lambda _: None))
    if text is None:
        return True
    incident, entry = value_in(register, text, Incident), text.encode()
    stone = tombstone(incident, digest(entry))
    if stone == incident:
        return not incident.outbox
    try:
        await house.journal.put_entry(digest(entry), packed(entry), now + KEPT)
    except (StoreDown, StoreUnsure):
        return False
    left = canonical(stone).decode()
    return _value(await house.registers.change(register, lambda held: left if held == text else held)) == left


async def _change(house: House, step: Callable[[Archive], Archive], reading: Reading | None = None) -> Archive:
    """Take the archive one agreed step on."""
    register = archive_register(house.current.name)

    def archive_in(value: str | None) -> Archive:
        return Archive() if value is None else value_in(register, value, Archive)

    def change(value: str | None) -> str:
        return canonical(step(archive_in(value))).decode()

    return archive_in(_value(await house.registers.change(register, change, reading=reading)))


def _value(outcome: Outcome) -> str | None:
    match outcome:
        case Agreed(value=value) | Declined(value=value):
            return value
        case NoMajority(faults=faults) | Unknown(faults=faults):
            raise Transient("no majority of the stores answers", faults=faults.values())
