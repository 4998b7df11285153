"""An audit of both clouds, or of the own one: read what they show, let the pure checks judge it, say each new finding once."""

import asyncio
from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from datetime import datetime

from pointsman.core.audit.audit import UNKNOWN, audit
from pointsman.core.audit.findings import Finding, Severity
from pointsman.core.audit.happened import LOOKBACK
from pointsman.core.audit.seen import Seen, Unread
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.plan import Plan
from pointsman.core.steering import LeverKind, Setting
from pointsman.core.unforced import Known
from pointsman.core.values import replace
from pointsman.ports.audits import Auditor
from pointsman.ports.clouds import Lever

NEW_LIMIT = 50
"""New findings that one audit of a sweep tells; the others wait for the next."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One cloud's end of an audit: who reads it, and the levers that are observed. ``why`` says why there is no way to it at all."""

    cloud: Cloud
    auditor: Auditor | None = None
    levers: Mapping[LeverKind, Lever] | None = None
    why: str = ""


async def audited(
    fabric: Fabric, plan: Plan | None, sides: Sequence[Side], now: datetime, known: Known = UNKNOWN
) -> tuple[tuple[Finding, ...], bool]:
    """Audit what the sides show, and say whether any of them showed anything. Never raises for a cloud that cannot be read.

    ``known`` are both clouds' rows, where somebody read them.
    """
    both = await asyncio.gather(*(look(fabric, side, now) for side in sides))
    return audit(fabric, plan, both, now, known), not all(seen.dark for seen in both)


async def look(fabric: Fabric, side: Side, now: datetime) -> Seen:
    """Read one side: what its auditor shows, and how its levers read."""
    if side.auditor is None:
        return Seen(cloud=side.cloud, unread=(Unread(what=f"all of {side.cloud}", why=side.why),))
    targets = [(lever, target) for lever in (side.levers or {}).values() for target in _targets(fabric, lever.kind)]
    levers = asyncio.gather(*(_observed(lever, target) for lever, target in targets))
    seen, read = await asyncio.gather(side.auditor.seen(now - LOOKBACK), levers)
    settings = tuple(one for one in read if not isinstance(one, Unread))
    return replace(seen, levers=settings, unread=(*seen.unread, *(one for one in read if isinstance(one, Unread))))


def _targets(fabric: Fabric, kind: LeverKind) -> Iterable[str]:
    match kind:
        case LeverKind.ROUTE_POLICY:
            return [link.name for link in fabric.links if link.has_policies]
        case LeverKind.FAILOVER_TEST:
            return [link.name for link in fabric.links if any(member.aws.virtual_interface for member in link.members)]
        case LeverKind.PEER_PRIORITY | LeverKind.PREFIX_LIST_PIN | LeverKind.STATIC_PIN:
            return ()  # their settings are among what the auditors show


async def _observed(lever: Lever, target: str) -> Setting | Unread:
    try:
        return (await lever.observe(target)).setting
    except PointsmanError as error:
        return Unread(what=f"{lever.kind} of {target}", why=str(error))


def newly(told: MutableSequence[str], found: Sequence[Finding]) -> tuple[str, ...]:
    """Say the findings that were not told before, each by its id, after a count of all; nothing where there is nothing new."""
    fresh = [one for one in found if one.id not in told][:NEW_LIMIT]
    told.extend(one.id for one in fresh)
    counted = ", ".join(f"{sum(one.severity is each for one in found)} {each}s" for each in Severity)
    return (f"audit: {counted}", *(f"{one.id} {one.severity} {one.check}: {one.text}" for one in fresh)) if fresh else ()
