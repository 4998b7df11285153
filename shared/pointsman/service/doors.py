"""The doors into the loop: what each function does with what its event means."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pointsman.core.errors import ConfigError
from pointsman.core.members import index, placed
from pointsman.core.sightings import Actor, Change, Meaning, Notice, Sighting, Tick
from pointsman.core.values import replace
from pointsman.service import deliver as desks
from pointsman.service import sweep as sweeping
from pointsman.service import watch as watching
from pointsman.service.converge import Report, converge, everywhere
from pointsman.service.house import House

if TYPE_CHECKING:
    from pointsman.service.probe import Probed

DELIVER = "deliver/"
"""Beginning of the key of a tick that asks for one incident's letters to be told."""


async def link_changed(house: House, meanings: Sequence[Meaning]) -> Report | None:
    """Bring the world in line after events; None when none of them concerns this fabric. Raises ``Transient``."""
    house = house.lately()
    places = {key for fabric in house.fabrics for key in index(fabric)}
    told = (placed(one, places) for one in meanings if isinstance(one, Sighting))
    claims = tuple(one for one in told if one.member in places)
    report = None
    if any(_is_hint(one) for one in meanings):
        report = await converge(house, claims, everywhere(house))
    elif claims:
        report = await converge(house, claims)
    notices = tuple(one for one in meanings if isinstance(one, Notice))
    return await _announced(house, notices, report) if notices else report


async def _announced(house: House, notices: Sequence[Notice], report: Report | None) -> Report | None:
    """Note announced maintenance and go round once more, after what may be an outage; ``report`` when it is no news."""
    from pointsman.service.windows import overtaken, told  # noqa: PLC0415 - never in a reaction

    rows, refused = await told(house, notices)
    if not rows and not refused:
        return report
    after = await converge(house, rows, everywhere(house))
    lost = await overtaken(house, rows) if rows else ""
    again = "; ".join(one for one in (report.again if report else "", after.again, lost) if one)
    return replace(after, again=again, windows=refused)


def _is_hint(one: Meaning) -> bool:
    """Say whether an event says no more than "look": a nudge of the other cloud, or a change that somebody made."""
    return isinstance(one, Tick) or (isinstance(one, Change) and one.actor is Actor.SOMEBODY)


async def watch(house: House, _: Sequence[Meaning]) -> watching.Watched:
    """Look for a minute at what sends no event."""
    return await watching.watch(house.lately())


async def sweep(house: House, _: Sequence[Meaning]) -> Report:
    """Make the world equal to the newest plan. Raises ``Transient``."""
    return await sweeping.sweep(house.lately())


async def deliver(house: House, meanings: Sequence[Meaning]) -> desks.Delivered:
    """Tell the desks of the incidents that the messages name, or of all. Raises ``Transient``."""
    named = (one.key.removeprefix(DELIVER) for one in meanings if isinstance(one, Tick) and one.key.startswith(DELIVER))
    return await desks.deliver(house, frozenset(named) or None)


async def probe(house: House, _: Sequence[Meaning]) -> "Probed":
    """Send over the links for a minute, and report what came back. Raises ``ConfigError`` where nothing can be sent or reported."""
    if house.lookout is None:
        raise ConfigError("this function was built without a prober: deploy one of this version")
    from pointsman.service import probe as probing  # noqa: PLC0415 - no reaction needs it

    return await probing.probe(house.lookout())
