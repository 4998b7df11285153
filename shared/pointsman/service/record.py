"""Gather one incident into a bundle: its entries, its fabrics, its register and the other cloud's word on each entry."""

import asyncio
from collections.abc import Iterable

from pointsman.core.bundles import ENTRIES_LIMIT, VERSION, Bundle, Kept, sealed
from pointsman.core.errors import PointsmanError, Refused
from pointsman.core.explaining import Named
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.journal import Countersignature, countersignature, countersignature_key
from pointsman.core.plan import LinkState, Plan
from pointsman.core.versions import DECIDER
from pointsman.ports.stores import Entries
from pointsman.service.chain import Chain, Decision, Ending, decisions
from pointsman.service.explain import register_of
from pointsman.service.journal import in_time
from pointsman.service.status import Table

BEFORE = 1
"""Decisions that are recorded from before the trouble began."""


async def record(table: Table, incident: Named, others: Iterable[Fabric] = ()) -> Bundle:
    """Gather an incident, from before its onset to its end, or to now while it is open.

    Raises ``Transient`` when no majority of the stores answers, ``Refused`` when the journal does not hold all of it, a
    fabric is missing, or it would hold a secret.
    """
    reach = _Reach(incident)
    chain = await decisions(table, reach.enough)
    found = _whole(reach, chain)
    entries = tuple(Kept(digest=one.plan.entry, entry=one.entry) for one in reversed(found))
    return sealed(
        Bundle(
            version=VERSION,
            decider=DECIDER,
            incident=incident.id,
            fabrics=_fabrics(entries, (table.fabric, *others)),
            entries=entries,
            register=await register_of(table, incident.id),
            words=await _words(table, found),
        )
    )


class _Reach:
    """Which decisions belong to an incident: told newest first."""

    def __init__(self, incident: Named) -> None:
        self.incident = incident
        self.kept: list[Decision] = []
        self.begun = False
        self._before = 0

    def enough(self, decision: Decision) -> bool:
        """Take a decision in where it belongs; True for the last one that does."""
        if self._is_open(decision.plan) or self._is_open(decision.entry.before):
            self.kept.append(decision)
            self.begun = self.begun or decision.plan.epoch == self.incident.epoch
            return False
        if decision.plan.epoch > self.incident.epoch:
            return False
        return self._earlier(decision)

    def _earlier(self, decision: Decision) -> bool:
        """Take in what led to it: decisions since its onset, and those just before."""
        self.kept.append(decision)
        if self._state(decision.plan).onset is None:
            self._before += 1
        return self._before >= BEFORE or not decision.entry.before.epoch

    def _is_open(self, plan: Plan) -> bool:
        return self._state(plan).down_since_epoch == self.incident.epoch

    def _state(self, plan: Plan) -> LinkState:
        return plan.links.get(self.incident.link, LinkState())


def _whole(reach: _Reach, chain: Chain) -> list[Decision]:
    """Give the decisions of an incident. Raises ``Refused`` when there was none, or its beginning is out of reach."""
    why = f"{chain.ended}{f' ({chain.says})' if chain.says else ''}"
    if not reach.begun and chain.ended in {Ending.ENOUGH, Ending.FIRST, Ending.NOTHING}:
        raise Refused(f"there was no incident {reach.incident.id}: 'pointsman history' tells when one was opened")
    if not reach.begun:
        raise Refused(f"the journal does not tell how {reach.incident.id} began: {why}")
    if len(reach.kept) > ENTRIES_LIMIT:
        raise Refused(f"{reach.incident.id} has {len(reach.kept)} decisions, and a bundle holds {ENTRIES_LIMIT}")
    return reach.kept


def _fabrics(entries: tuple[Kept, ...], known: tuple[Fabric, ...]) -> dict[str, Fabric]:
    """Give the fabrics that entries name, by hash. Raises ``Refused`` for one that was not given."""
    held = {fabric.hash: fabric for fabric in known}
    wanted = sorted({kept.entry.plan.fabric_hash for kept in entries})
    for name in wanted:
        if name not in held:
            raise Refused(f"decisions were made under fabric {name}: give its compiled file too, with --also")
    return {name: held[name] for name in wanted}


async def _words(table: Table, found: list[Decision]) -> tuple[Countersignature, ...]:
    """Gather what the clouds say of entries, oldest first; what cannot be read is left out."""
    asked = [(one.plan.entry, cloud) for one in reversed(found) for cloud in Cloud]
    journals = in_time(table.stores.values())
    told = [await _word(journals, name, cloud) for name, cloud in asked]
    return tuple(one for one in told if one is not None)


async def _word(journals: Iterable[Entries], name: str, cloud: Cloud) -> Countersignature | None:
    key = countersignature_key(name, cloud)
    for kept in await asyncio.gather(*(journal.entry(key) for journal in journals), return_exceptions=True):
        if isinstance(kept, bytes):
            return countersignature(name, cloud, kept)
        if isinstance(kept, BaseException) and not isinstance(kept, PointsmanError):
            raise kept
    return None
