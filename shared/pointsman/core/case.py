"""The inputs of one decision, handed through its steps."""

from datetime import datetime

from pointsman.core.evidence import claims_by_link
from pointsman.core.fabric import Fabric, Link, LinkName, MemberId, Mode
from pointsman.core.plan import Plan, View
from pointsman.core.sightings import Sighting
from pointsman.core.values import Frozen


class Case(Frozen):
    """Fabric, view, agreed plan and time, with the fresh claims sorted once.

    ``approved`` are links in mode recommend that are taken to be approved of: what would be done with them is done.
    """

    fabric: Fabric
    view: View
    plan: Plan
    now: datetime
    claims: dict[LinkName, dict[MemberId | None, tuple[Sighting, ...]]]
    approved: frozenset[LinkName] = frozenset()

    @property
    def next_epoch(self) -> int:
        """The epoch of a successor, should there be one."""
        return self.plan.epoch + 1

    def steers(self, link: Link) -> bool:
        """Say whether a link is ours to steer in this decision."""
        return link.mode is Mode.AUTO or link.name in self.approved


def open_case(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Case:
    """Gather the inputs of a decision."""
    return Case(fabric=fabric, view=view, plan=plan, now=now, claims=claims_by_link(fabric, view.rows, now))
