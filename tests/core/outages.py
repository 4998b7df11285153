"""An outage of one link, step by step: plans, desks, and letters told."""

from datetime import datetime, timedelta

from pointsman.core.fabric import Bandwidth, Cloud, DeskSettings, Fabric, LinkName
from pointsman.core.incidents import Ask, Incident, Ticket
from pointsman.core.outbox import (
    claim,
    follow,
    record,
)
from pointsman.core.plan import Drain, DrainCause, LinkState, Placement, Plan, Reason, Verdict
from pointsman.core.values import replace
from tests.core.scene import ATLAS, CHECKOUT, START, TRAINING, seconds

IX_A, IX_B, IX_C, VPN = (LinkName(name) for name in ("ix-a", "ix-b", "ix-c", "vpn"))
OUT = Drain(cause=DrainCause.OUTAGE, since=START, epoch=2, enactor=Cloud.GCP)
LATE = START + timedelta(hours=1)


def desk(name: str, min_severity: str = "warning") -> DeskSettings:
    return DeskSettings(name=name, kind="pagerduty", secret=f"secret://{name}", min_severity=min_severity)


def desks(*settings: DeskSettings) -> Fabric:
    return replace(ATLAS, desks=settings)


def outage(*also_dark: LinkName, epoch: int = 2, squeezed: int = 0) -> Plan:
    """Give the plan with ix-a down since epoch 2, and other links dark besides."""
    links = {one.name: LinkState(verdict=Verdict.UP) for one in ATLAS.links}
    links |= {name: LinkState(verdict=Verdict.SUSPECT) for name in also_dark}
    links[IX_A] = LinkState(verdict=Verdict.DOWN, down_since_epoch=2, drain=OUT)
    flows = {CHECKOUT.name: Placement(link=IX_B), TRAINING.name: Placement(link=IX_C, squeezed_by=Bandwidth(squeezed))}
    why = (Reason(about="ix-a", chosen="down", because="both probes lose packets over this link"),)
    return Plan(fabric="atlas", fabric_hash=ATLAS.hash, decider="1", epoch=epoch, decided_at=START, links=links, flows=flows, reasons=why)


def healed(epoch: int = 5) -> Plan:
    links = {one.name: LinkState(verdict=Verdict.UP) for one in ATLAS.links}
    links[IX_A] = LinkState(verdict=Verdict.UP, closing=(2,))
    return replace(outage(epoch=epoch), links=links, decided_at=START + seconds(400))


def opened(fabric: Fabric = ATLAS) -> Incident:
    return follow(fabric, outage(), IX_A, 2, None)


def asks(incident: Incident, name: str = "noc") -> list[Ask]:
    return [letter.ask for letter in incident.outbox if letter.desk == name]


def ticket(name: str = "noc") -> Ticket:
    return Ticket(desk=name, reference="Q7")


def told(incident: Incident, serial: int, now: datetime = START) -> Incident:
    teller = f"teller-{serial}"
    claimed = claim(incident, serial, teller, now)
    assert claimed.outbox[serial].claimed_by == teller
    return record(claimed, serial, ticket(claimed.outbox[serial].desk), now)
