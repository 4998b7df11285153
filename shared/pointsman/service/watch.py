"""Look, for a minute, at what sends no event: virtual interfaces, AWS Interconnect, VPN telemetry, routers, transports."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from pointsman.core.errors import Transient
from pointsman.core.modes import NoQuorum
from pointsman.core.sightings import Sighting
from pointsman.core.silence import turns
from pointsman.ports.stores import RowUnreadable, StoreDown, StoreUnsure
from pointsman.service.converge import Report, converge
from pointsman.service.deliver import agreed_plan
from pointsman.service.gather import note, worth_noting
from pointsman.service.house import House
from pointsman.service.slowness import ROWS_SECONDS

REPORTS_KEPT = 5
"""Passes that one call tells of; the latest count."""
SLOWEST = timedelta(seconds=24)
"""Longest pause between looks while the cloud throttles."""
LOOK_SECONDS = 10.0
"""How long a round waits for its look: one that hangs is given up, and the next round looks anew. No look outlives its minute."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What one call did. ``looks`` saw something, ``throttled`` were not let see all. ``without_majority`` says that no majority of the stores answered when it was last asked."""

    looks: int
    throttled: int
    changes: int
    trouble: tuple[str, ...] = ()
    reports: tuple[Report, ...] = ()
    without_majority: bool = False


@dataclass
class _Tally:
    looks: int = 0
    throttled: int = 0
    changes: int = 0
    known: dict[str, Sighting] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    without_majority: bool = False


async def watch(house: House) -> Watched:
    """Look every few seconds until the minute ends: one look in flight, one batched row write a round, slower when throttled."""
    house = await _counting(house)
    every, lasting = house.watch_every.total_seconds(), house.watch_lasting.total_seconds()
    end = house.clock.monotonic() + lasting
    pause, tally = every, _Tally(known=await _stored(house))
    while True:
        begun = house.clock.monotonic()
        throttled = not await _round(house, tally, min(LOOK_SECONDS, end - begun))
        pause = min(2 * pause, SLOWEST.total_seconds()) if throttled else every
        wait = max(0.0, begun + pause - house.clock.monotonic())
        if house.clock.monotonic() + wait >= end:
            break
        await house.clock.sleep(wait)
    return Watched(
        looks=tally.looks,
        throttled=tally.throttled,
        changes=tally.changes,
        trouble=tuple(tally.trouble[-5:]),
        reports=tuple(tally.reports),
        without_majority=tally.without_majority,
    )


async def _counting(house: House) -> House:
    """Look with the fabric that the plan names, where there is more than one; the first when that can't be read now."""
    if len(house.fabrics) == 1:
        return house
    try:
        plan = await agreed_plan(house)
    except Transient:
        return house
    return house if plan is None else house.under(plan)


async def _stored(house: House) -> dict[str, Sighting]:
    """Start from what the own store already holds, so that a new minute does not note everything anew."""
    try:
        async with asyncio.timeout(ROWS_SECONDS):
            return {row.row: row for row in (await house.rows[house.here].rows(house.here)).rows}
    except (TimeoutError, StoreDown, StoreUnsure, RowUnreadable):
        return {}


async def _round(house: House, tally: _Tally, patience: float) -> bool:
    """Look once; False when the cloud throttles any of it. What changed goes round the loop, what only repeats refreshes its row."""
    try:
        async with asyncio.timeout(patience):
            look = await house.looker.look(tuple(link.name for link in house.current.links))
    except TimeoutError:
        tally.trouble.append(f"a look was not answered within {patience:g} s: the next round looks anew")
        return True
    except Transient:
        tally.throttled += 1
        return False
    tally.looks += 1
    tally.throttled += bool(look.unseen)
    news = worth_noting(house.current, look.claims, tally.known)
    changed = tuple(one for one in news if one.row not in tally.known or tally.known[one.row].health is not one.health)
    try:
        await _carry(house, tally, news, changed)
    except Transient as error:
        tally.trouble.append(str(error))
        tally.without_majority = isinstance(error, NoQuorum)
    return not look.unseen


async def _carry(house: House, tally: _Tally, news: tuple[Sighting, ...], changed: tuple[Sighting, ...]) -> None:
    if changed:
        report = await converge(house, (*news, *turns(house.current, changed, tally.known)))
        tally.without_majority = False
        tally.changes += 1
        tally.reports = [*tally.reports, report][-REPORTS_KEPT:]
        if report.again:
            tally.trouble.append(report.again)
    elif await note(house, news):
        raise Transient("the looks could not be noted: the next round tries again")
    tally.known.update({one.row: one for one in news})
