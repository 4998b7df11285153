"""Hours that go by minute by minute, with every link reporting, and what is announced for them."""

from collections.abc import Iterable
from datetime import datetime

from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.plan import DrainCause, LinkState, Plan
from pointsman.core.sightings import Cause, Health, Notice, Sighting, Vantage
from pointsman.core.values import replace
from pointsman.core.windows import (
    from_notice,
    placed,
)
from tests.core.scene import (
    START,
    G,
    Story,
    aws_bgp,
    aws_probe,
    fabric,
    flow,
    gcp_bgp,
    gcp_probe,
    ipsec_up,
    lever,
    link,
    seconds,
    vpn,
)

FLOWS = (flow("checkout", 1 * G, 1, ("ix-a", "ix-b"), 20), flow("training", 6 * G, 5, ("ix-a", "ix-b"), 21))
IX_A, IX_B, VPN = LinkName("ix-a"), LinkName("ix-b"), LinkName("vpn")
HOUR = 3600.0
ROOMY = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())
LEAD = ROOMY.policy.maintenance.lead.total_seconds()
HOLD = ROOMY.policy.hold_down.total_seconds()
STEP = 60.0


def at(instant: float | None) -> datetime | None:
    return None if instant is None else START + seconds(instant)


def notice(start: float | None, end: float | None, *, members: tuple[str, ...] = ("dxvif-1",), seen: float = 0, **more: object) -> Notice:
    plain = Notice(
        vantage=Vantage.AWS,
        what="AWS_DIRECTCONNECT_MAINTENANCE_SCHEDULED",
        members=members,
        seen_at=START + seconds(seen),
        start=at(start),
        end=at(end),
        cause=Cause.MAINTENANCE,
        about=f"event of {' '.join(members)}",
    )
    return replace(plain, **more)


def rows_for(held: Iterable[Sighting], *notices: Notice, now: float = 0, start: Fabric = ROOMY) -> tuple[Sighting, ...]:
    made = [row for one in notices if (row := from_notice((start,), one)) is not None]
    return placed(made, held, START + seconds(now))[0]


class Days(Story):
    """A story that goes on by the minute, with every link reporting unless it is away."""

    def __init__(self, start: Fabric = ROOMY) -> None:
        super().__init__(start)
        self.now = 0.0
        self.away: set[str] = set()
        self.ill: set[str] = set()
        self.history: list[Plan] = []
        self.go(HOLD + STEP)

    def announce(self, *notices: Notice) -> "Days":
        self.note(*rows_for(self.rows.values(), *notices, now=self.now, start=self.fabric))
        return self

    def report(self) -> None:
        for one in self.fabric.links:
            health = Health.DOWN if one.name in self.away else Health.UP
            self.note(*aws_bgp(one.name, health, self.now), *gcp_bgp(one.name, health, self.now))
            if one.probes:
                self.note(*aws_probe(one.name, health, self.now), *gcp_probe(one.name, health, self.now))
            elif health is Health.UP:
                self.note(*ipsec_up(self.now))
            if one.name in self.ill:
                self.note(*gcp_bgp(one.name, Health.DEGRADED, self.now))
            drain = self.plan.links.get(one.name, LinkState()).drain
            self.note(*lever(one.name, Health.DRAINING if drain else Health.UP, self.now, self.plan.epoch))

    def step(self) -> Plan:
        self.report()
        before = self.plan
        plan = self.decided(self.now)
        if plan != before:
            self.history.append(plan)
        return plan

    def go(self, span: float, every: float = STEP) -> Plan:
        """Let time pass, deciding every minute; the last decision is at its end."""
        end = self.now + span
        self.step()
        while self.now < end:
            self.now = min(end, self.now + every)
            self.step()
        return self.plan

    def until(self, instant: float) -> Plan:
        return self.go(instant - self.now)

    def state(self, name: LinkName = IX_A) -> LinkState:
        return self.plan.links[name]

    @property
    def cause(self) -> DrainCause | None:
        drain = self.state().drain
        return None if drain is None else drain.cause
