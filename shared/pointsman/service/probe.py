"""Send over every link's own address pair for a minute, and report what changed at once and everything now and then.

The rows that follow are ``link_changed``'s to note: a prober reports to the queue in front of it, and needs no right to the table.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pointsman.core.errors import ConfigError, Transient
from pointsman.core.evidence import TOTAL
from pointsman.core.fabric import Cloud, Fabric, LinkName, ProbePair
from pointsman.core.probes import WINDOW, Found, Measured, blind, judged, pairs_of, spoke
from pointsman.ports.clouds import Clock
from pointsman.ports.probes import Prober

REPORT_EVERY = timedelta(seconds=60)
"""How long an unchanged finding goes untold, or a third of the time that a probe's word stays fresh where that is less."""
NEWS = 0.2
"""By how much a share of loss (0 to 1) must have changed to be told at once: what is decided depends on how much is lost."""
TROUBLE_KEPT = 5

Report = Callable[["Findings"], Awaitable[None]]
"""Passes findings on to the own cloud's reacting function. Raises ``Transient``."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What one report tells. ``blind`` means that our own eyes are shut: the shares of loss speak of no link."""

    cloud: Cloud
    at: datetime
    found: tuple[Found, ...]
    blind: bool = False


@dataclass(kw_only=True)
class Memory:
    """What a process keeps between calls: the last bursts of each pair, which links answered, what was last told, and when."""

    bursts: dict[tuple[str, str], deque[Measured]] = field(default_factory=dict)
    answering: frozenset[LinkName] | None = None
    told: Findings | None = None
    told_at: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Lookout:
    """What a prober needs: its fabric and cloud (and one ``site``, or all), how to send and to report, and from which ``lossy`` share on a pair speaks against its link."""

    fabric: Fabric
    here: Cloud
    prober: Prober
    report: Report
    clock: Clock
    every: timedelta
    lasting: timedelta
    lossy: float
    site: str | None = None
    memory: Memory = field(default_factory=Memory)

    @property
    def pairs(self) -> tuple[ProbePair, ...]:
        """The pairs to send over."""
        return pairs_of(self.fabric, self.here, self.site)


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What one call did: bursts sent and reports passed on; ``faults`` says over which pairs nothing could be said, and why."""

    bursts: int
    reports: int
    faults: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    blind: bool = False


async def probe(lookout: Lookout) -> Probed:
    """Send every few seconds until the minute ends, one burst in flight. Raises ``ConfigError`` when there is nothing to send over."""
    if not lookout.pairs:
        raise ConfigError(
            f"the fabric declares no probes that start on {lookout.here}: declare a link's 'probes', or let no prober run there"
        )
    clock, end = lookout.clock, lookout.clock.monotonic() + lookout.lasting.total_seconds()
    bursts, reports, trouble = 0, 0, deque[str](maxlen=TROUBLE_KEPT)
    while True:
        begun = clock.monotonic()
        try:
            reports += await watched(lookout)
        except Transient as error:
            trouble.append(str(error))
        bursts += 1
        wait = max(0.0, begun + lookout.every.total_seconds() - clock.monotonic())
        if clock.monotonic() + wait >= end:
            break
        await clock.sleep(wait)
    latest = [held[-1] for held in lookout.memory.bursts.values()]
    faults = tuple(burst.fault for burst in latest if burst.fault)
    shut = lookout.memory.told is not None and lookout.memory.told.blind
    return Probed(bursts=bursts, reports=reports, faults=faults, trouble=tuple(trouble), blind=shut)


async def watched(lookout: Lookout) -> bool:
    """Send one burst over every pair and report if it is news or long ago; says whether it reported. Raises ``Transient``."""
    memory, measured = lookout.memory, await lookout.prober.burst(lookout.pairs)
    for burst in measured:
        memory.bursts.setdefault((burst.source, burst.target), deque(maxlen=WINDOW)).append(burst)
    spoken = spoke(lookout.fabric, measured)
    shut = blind(spoken, memory.answering)
    if any(spoken.values()):
        memory.answering = frozenset(name for name, any_answer in spoken.items() if any_answer)
    found = tuple(one for one in (judged(tuple(held)) for held in memory.bursts.values()) if one is not None)
    return await _told(lookout, found, shut=shut) if found else False


async def _told(lookout: Lookout, found: tuple[Found, ...], *, shut: bool) -> bool:
    memory, clock = lookout.memory, lookout.clock
    patience = min(REPORT_EVERY, lookout.fabric.policy.freshness.look / 3)
    if not _is_news(lookout, found, shut=shut) and clock.monotonic() - memory.told_at < patience.total_seconds():
        return False
    findings = Findings(cloud=lookout.here, at=clock.now(), found=found, blind=shut)
    await lookout.report(findings)
    memory.told, memory.told_at = findings, clock.monotonic()
    return True


def _is_news(lookout: Lookout, found: tuple[Found, ...], *, shut: bool) -> bool:
    """Say whether what is found would be judged otherwise than what was told last: other pairs speak, or much more or less is lost.

    While our own eyes are shut no share of loss speaks of a link.
    """
    told = lookout.memory.told
    if told is None or told.blind != shut:
        return True
    before, after = _losses(told.found), _losses(found)
    return before.keys() != after.keys() or (not shut and any(_differ(before[pair], loss, lookout.lossy) for pair, loss in after.items()))


def _losses(found: tuple[Found, ...]) -> dict[tuple[str, str], float]:
    return {(one.source, one.target): one.loss for one in found}


def _differ(one: float, other: float, lossy: float) -> bool:
    return abs(one - other) >= NEWS or any((one >= share) != (other >= share) for share in (lossy, TOTAL))
