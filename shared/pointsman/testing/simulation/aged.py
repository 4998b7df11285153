"""What there is without a schedule having played it: incidents that closed long ago, looks that are to be noted again, two quiet hours."""

from datetime import datetime, timedelta

from pointsman.core.adopting import heartbeats
from pointsman.core.archive import KEPT, Archive, Closed
from pointsman.core.fabric import Cloud, Fabric, LinkName
from pointsman.core.incidents import Ask, Incident, Letter, Moment, Phase, Severity, Ticket, incident_id
from pointsman.core.values import canonical, replace
from pointsman.service.archiving import archive_register
from pointsman.service.house import incident_register
from pointsman.testing.inprocess import TwinLooker, probes
from pointsman.testing.simulation.world import World

LINK = LinkName("ix-0")
"""A link that the fabric had once."""
INCIDENTS = 2
AGO = KEPT + timedelta(days=1)
OLD = 0.6
"""Age of looks from before, as a share of their freshness."""


def age(world: World) -> None:
    """Let every store hold what was agreed about incidents that are over since before the archive's time."""
    fabric = world.schedule.fabric
    at = world.clock.now() - AGO
    incidents = [_incident(fabric, epoch, at) for epoch in range(1, INCIDENTS + 1)]
    held = Archive(closed=tuple(Closed(incident=one.id, at=at) for one in incidents))
    values = {archive_register(fabric.name): canonical(held)} | {incident_register(one.id): canonical(one) for one in incidents}
    for register, value in values.items():
        for store in world.stores.values():
            store.hold(register, value.decode())


async def seen_before(world: World) -> None:
    """Let each cloud's store hold a look at every session that is over half its freshness old."""
    fabric = world.schedule.fabric
    before = world.clock.now() - fabric.policy.freshness.look * OLD
    for cloud in Cloud:
        seen = (await TwinLooker(world.twin, cloud).look([link.name for link in fabric.links])).claims
        world.stores[cloud.value].remember(cloud, [replace(one, seen_at=before) for one in seen])


def kept_up(world: World) -> None:
    """Let each cloud's store hold what it would if its functions had gone on sweeping until now: young heartbeats and probes."""
    now = world.clock.now()
    for cloud in Cloud:
        beats = heartbeats(cloud, world.artefact(world.carried[cloud]), now)
        for store in (world.stores[cloud.value], world.stores["witness"]):
            if not store.lost:
                store.remember(cloud, (*beats, *probes(world.twin, cloud)))


def _incident(fabric: Fabric, epoch: int, at: datetime) -> Incident:
    """Make an incident that was opened, told, resolved and told again."""
    text = f"{LINK} was down"
    letters = tuple(
        Letter(serial=serial, desk="noc", ask=ask, severity=Severity.WARNING, summary=text, attempts=1, done=True)
        for serial, ask in enumerate((Ask.OPEN, Ask.RESOLVE))
    )
    return Incident(
        id=incident_id(fabric.name, LINK, epoch),
        fabric=fabric.name,
        link=LINK,
        epoch=epoch,
        opened_at=at,
        resolved_at=at,
        severity=Severity.WARNING,
        phase=Phase.RESOLVED,
        timeline=(Moment(at=at, epoch=epoch, text=text), Moment(at=at, epoch=epoch + 1, text=f"{LINK} is up")),
        tickets=(Ticket(desk="noc", reference=f"A{epoch}", phase=Phase.RESOLVED),),
        outbox=letters,
    )
