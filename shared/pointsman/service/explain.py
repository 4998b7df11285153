"""Why things are as they are: the agreed plan, and for each link and flow the decision that made it so."""

import asyncio
from collections.abc import Iterator
from datetime import datetime

import msgspec

from pointsman.core.changes import changes
from pointsman.core.errors import ConfigError, Refused
from pointsman.core.explaining import (
    FlowStory,
    LinkStory,
    Scene,
    flow_story,
    link_story,
    named_epoch,
    named_incident,
    reason_for,
    verdict_changed,
)
from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkName
from pointsman.core.incidents import Incident, incident_id
from pointsman.core.journal import Entry
from pointsman.core.nearness import likely
from pointsman.core.penalties import PenaltyStory, penalty_story
from pointsman.core.plan import LinkState, Placement, Plan, Reason, Verdict, View
from pointsman.core.sightings import Sighting
from pointsman.core.silence import is_silence
from pointsman.core.values import Frozen, parse
from pointsman.ports.stores import RowUnreadable, StoreDown, StoreUnsure
from pointsman.service.chain import WALK_LIMIT, Chain, Decision, decisions, newest
from pointsman.service.house import incident_register
from pointsman.service.repair import survey
from pointsman.service.status import Table

ROWS_SECONDS = 5.0
"""How long rows are waited for."""


class Asked(Frozen):
    """What is to be explained: some links and flows, an incident ("" for none), at an epoch (None: as things are now)."""

    links: tuple[str, ...]
    flows: tuple[str, ...]
    incident: str = ""
    epoch: int | None = None


class Explanation(Frozen):
    """What was found. ``epoch`` is the plan's that is explained, ``at`` the time that it is explained for.

    ``changed`` is what that plan's own decision changed; ``penalties`` what failures count for by now; ``doubts`` what
    could not be found out.
    """

    fabric: str
    epoch: int = 0
    decided_at: datetime | None = None
    at: datetime | None = None
    changed: tuple[str, ...] = ()
    links: tuple[LinkStory, ...] = ()
    flows: tuple[FlowStory, ...] = ()
    remarks: tuple[Reason, ...] = ()
    incident: Incident | None = None
    quiet: bool = False
    penalties: tuple[PenaltyStory, ...] = ()
    doubts: tuple[str, ...] = ()


async def explain(table: Table, asked: Asked) -> Explanation:
    """Explain what was asked about.

    Raises ``Transient`` when no majority of the stores answers, ``Refused`` when there is no such epoch or incident,
    ``ConfigError`` when this version cannot read it.
    """
    incident = await register_of(table, asked.incident)
    if incident is None and is_silence(asked.incident):
        raise Refused(
            f"there is no incident {asked.incident}, or nobody has told a desk of it yet: 'pointsman status' tells what is silent"
        )
    asked = await _dated(table, asked, incident)
    sought = _Sought(asked)
    chain = await decisions(table, sought.enough, limit=WALK_LIMIT)
    if chain.head is None:
        return Explanation(fabric=table.fabric.name)
    plan = _plan_of(chain, asked)
    scene, doubts = await _scene(table, plan, chain.at, sought, asked)
    found = Explanation(
        fabric=table.fabric.name,
        epoch=plan.epoch,
        decided_at=plan.decided_at,
        at=scene.now,
        changed=_changed(sought.own),
        links=tuple(link_story(scene, scene.fabric.link(name), sought.links.get(name)) for name in asked.links),
        flows=tuple(flow_story(scene, scene.fabric.flow(name), sought.flows.get(name)) for name in asked.flows),
        remarks=tuple(reason for reason in plan.reasons if _is_of_all(scene.fabric, reason)),
        incident=incident,
        penalties=tuple(_penalties(scene.fabric, chain, asked, scene.now)),
        quiet=all(state.verdict is Verdict.UP and state.down_since_epoch is None for state in plan.links.values()),
    )
    return msgspec.structs.replace(found, doubts=(*_doubts(chain, sought, asked), *doubts, *_other_fabric(table.fabric, plan)))


class _Sought:
    """What a walk looks for: the decision asked about, and for each subject the newest one behind it."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.own: Decision | None = None
        self.links: dict[str, Entry] = {}
        self.flows: dict[str, Entry] = {}
        self._since = named_epoch(asked.incident)

    @property
    def missing(self) -> list[str]:
        """Name the subjects whose decision was not found."""
        return [
            *(name for name in self._asked.links if name not in self.links),
            *(name for name in self._asked.flows if name not in self.flows),
        ]

    def enough(self, decision: Decision) -> bool:
        epoch = decision.plan.epoch if self._asked.epoch is None else self._asked.epoch
        if decision.plan.epoch > epoch:
            return False
        self.own = self.own or decision
        entry = decision.entry
        for name in self._asked.links:
            if verdict_changed(entry, name):
                self.links.setdefault(name, entry)
        for name in self._asked.flows:
            if reason_for(entry, name) is not None or _placed_anew(entry, name):
                self.flows.setdefault(name, entry)
        return not self.missing and decision.plan.epoch <= (self._since or epoch)


def _penalties(fabric: Fabric, chain: Chain, asked: Asked, now: datetime) -> Iterator[PenaltyStory]:
    """Tell what the failures of each link count for: of an incident all of its own, else those that the walk came by."""
    since = named_epoch(asked.incident)
    plans = [plan for plan in (chain.head, *(one.plan for one in chain.decisions)) if plan is not None]
    for name in asked.links:
        link = LinkName(name)
        own = [plan for plan in plans if since is None or plan.links.get(link, LinkState()).down_since_epoch == since]
        story = penalty_story(fabric, link, own, now)
        if story is not None:
            yield story


def _placed_anew(entry: Entry, flow: str) -> bool:
    before, after = (plan.flows.get(FlowName(flow), Placement()) for plan in (entry.before, entry.plan))
    return before.link != after.link


async def _dated(table: Table, asked: Asked, incident: Incident | None) -> Asked:
    """Tell an incident that is over as it was when it began. Raises ``Refused`` when there was none of that name."""
    named = named_incident(table.fabric, asked.incident) if asked.incident else None
    head = (await newest(table)).plan if named is not None else None
    if named is None or head is None:
        return asked
    if incident is None and asked.incident not in _known(head):
        near = _nearest_of(asked.incident, _known(head))
        raise Refused(f"there is no incident {asked.incident}; {near}")
    still = head.links.get(named.link, LinkState()).down_since_epoch == named.epoch
    return asked if still or asked.epoch is not None else msgspec.structs.replace(asked, epoch=named.epoch)


def _known(plan: Plan) -> list[str]:
    """Name the incidents that a plan knows of."""
    told = ((name, epoch) for name, state in plan.links.items() for epoch in (state.down_since_epoch, *state.closing))
    return [incident_id(plan.fabric, name, epoch) for name, epoch in told if epoch is not None]


def _nearest_of(word: str, known: list[str]) -> str:
    """Suggest the incident that was probably meant, or say that none is open."""
    near = likely(word, known, 0.0)
    return f"the nearest is {near}" if near else "none is open"


def _plan_of(chain: Chain, asked: Asked) -> Plan:
    """Give the plan that was asked about. Raises ``Refused``."""
    assert chain.head is not None, "there is a plan to explain"
    if asked.epoch is None or asked.epoch == chain.head.epoch:
        return chain.head
    plans = [plan for one in chain.decisions for plan in (one.plan, one.entry.before)]
    for plan in plans:
        if plan.epoch == asked.epoch and plan.epoch:
            return plan
    if not 0 < asked.epoch <= chain.head.epoch:
        raise Refused(f"there is no epoch {asked.epoch}: the agreed plan is of epoch {chain.head.epoch}")
    raise Refused(f"the journal does not reach epoch {asked.epoch}: {chain.ended} {chain.says}".rstrip())


async def _scene(table: Table, plan: Plan, at: datetime, sought: _Sought, asked: Asked) -> tuple[Scene, tuple[str, ...]]:
    """Give what was known at a decision, or, of the newest plan, what the rows say now."""
    view = sought.own.entry.view if sought.own is not None and sought.own.plan.epoch == plan.epoch else View(here=Cloud.AWS)
    if asked.epoch is not None:
        return Scene(fabric=table.fabric, plan=plan, view=view, now=plan.decided_at), ()
    read = await asyncio.gather(*(_rows(table, cloud) for cloud in Cloud))
    rows = tuple(row for one in read if not isinstance(one, str) for row in one)
    unread = tuple(cloud for cloud, one in zip(Cloud, read, strict=True) if isinstance(one, str))
    fresh = msgspec.structs.replace(view, rows=rows, unreadable=unread)
    return Scene(fabric=table.fabric, plan=plan, view=fresh, now=at), tuple(one for one in read if isinstance(one, str))


async def _rows(table: Table, cloud: Cloud) -> tuple[Sighting, ...] | str:
    """Read a cloud's rows, or say that they cannot be."""
    try:
        async with asyncio.timeout(ROWS_SECONDS):
            return (await table.own(cloud).rows(cloud)).rows
    except (StoreDown, StoreUnsure, RowUnreadable) as error:
        return f"the rows of {cloud} could not be read: {error}"
    except TimeoutError:
        return f"the rows of {cloud} could not be read within {ROWS_SECONDS:g} s"


def _changed(own: Decision | None) -> tuple[str, ...]:
    return () if own is None else tuple(change.text for change in changes(own.entry.before, own.plan))


def _is_of_all(fabric: Fabric, reason: Reason) -> bool:
    """Say whether a reason is about neither a link nor a flow: how far a placement is proved, who adopted a fabric."""
    return reason.about not in {*(link.name for link in fabric.links), *(flow.name for flow in fabric.flows)}


async def register_of(table: Table, name: str) -> Incident | None:
    """Read an incident's register; None when there is none, or no ``name``. Raises ``ConfigError`` for a newer version's."""
    if not name:
        return None
    reading = await survey(table.registers, incident_register(name))
    try:
        return None if reading.value is None else parse(reading.value, Incident)
    except msgspec.DecodeError as error:
        raise ConfigError(f"incident {name} was written by a newer version: use that version here") from error


def _doubts(chain: Chain, sought: _Sought, asked: Asked) -> tuple[str, ...]:
    said = [] if chain.settled or asked.epoch is not None else ["the newest plan is not settled: the next sweep settles it"]
    if sought.missing:
        said.append(
            f"the journal does not tell why of {', '.join(sought.missing)}: {chain.ended}{f' ({chain.says})' if chain.says else ''}"
        )
    return tuple(said)


def _other_fabric(fabric: Fabric, plan: Plan) -> tuple[str, ...]:
    if plan.fabric_hash == fabric.hash:
        return ()
    return (f"the plan names fabric {plan.fabric_hash}, and this file is {fabric.hash}: give the one that is adopted",)
