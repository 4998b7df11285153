"""What Google would announce of the twin's interconnects, as notices about the fabric's attachments."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pointsman.core.fabric import Fabric
from pointsman.core.members import vlan_key
from pointsman.core.sightings import Cause, Notice, Vantage
from pointsman.testing.network.model import Network

_HALF = timedelta(seconds=0.5)


def outages(fabric: Fabric, network: Network, now: datetime) -> Iterator[Notice]:
    """Give a notice for every window that a link of the network is to be away; the network's time is ``now``."""

    def at(instant: float) -> datetime:
        return (now + timedelta(seconds=instant - network.now) + _HALF).replace(microsecond=0)

    for link in fabric.links:
        site = fabric.gcp_site(link)
        for start, end in network.maintenance(link.name) if link.gcp.vlan_attachment else ():
            yield Notice(
                vantage=Vantage.GCP,
                what="OUTAGE",
                members=(vlan_key(link.gcp.vlan_attachment or "", site.project, site.region),),
                seen_at=now,
                start=at(start),
                end=at(end),
                cause=Cause.MAINTENANCE,
                key=f"outage/{link.name} {start:g}",
            )
