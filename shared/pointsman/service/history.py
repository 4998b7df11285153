"""The decisions of a fabric, newest first, each in the words of whoever is on call."""

from datetime import datetime, timedelta

from pointsman.core.changes import NOTHING, changes
from pointsman.core.fabric import Cloud
from pointsman.core.plan import Plan
from pointsman.core.values import Frozen
from pointsman.service.chain import WALK_LIMIT, Chain, Decision, Ending, decisions, newest
from pointsman.service.status import Table


class Told(Frozen):
    """One decision: its epoch, when and by which cloud's function it was made, and what it changed."""

    epoch: int
    at: datetime
    by: Cloud
    changed: tuple[str, ...]
    entry: str


class History(Frozen):
    """What was told. ``back_to`` is the oldest epoch that was looked at; ``ended`` and ``says`` why no further.

    ``partial`` says that the journal should reach further back, and does not.
    """

    fabric: str
    epoch: int = 0
    told: tuple[Told, ...] = ()
    back_to: int = 0
    settled: bool = True
    ended: Ending = Ending.NOTHING
    says: str = ""

    @property
    def partial(self) -> bool:
        """Whether there is a gap that should not be there."""
        return self.ended in {Ending.MISSING, Ending.DARK, Ending.SPOILED}


async def history(table: Table, *, link: str = "", since: timedelta | None = None, limit: int) -> History:
    """Tell at most ``limit`` decisions, of one link, or not older than ``since`` by the stores' time.

    Raises ``Transient`` when no majority of the stores answers, ``ConfigError`` when this version cannot read the plan.
    """
    head = await newest(table)
    oldest = None if since is None else head.at - since
    told: list[Told] = []

    def enough(decision: Decision) -> bool:
        one = _told(decision, link)
        if one is not None:
            told.append(one)
        before = decision.entry.before
        return len(told) >= limit or (oldest is not None and before.epoch > 0 and before.decided_at < oldest)

    chain = await decisions(table, enough, limit=WALK_LIMIT, head=head)
    if oldest is not None and chain.head is not None and chain.head.decided_at < oldest:
        told.clear()
    return _history(table.fabric.name, chain, tuple(told))


def _history(fabric: str, chain: Chain, told: tuple[Told, ...]) -> History:
    if chain.head is None:
        return History(fabric=fabric)
    last: Plan = chain.decisions[-1].plan if chain.decisions else chain.head
    ended, says = chain.ended, chain.says
    if ended is Ending.ENOUGH and not chain.decisions[-1].entry.before.epoch:
        ended, says = Ending.FIRST, ""
    return History(fabric=fabric, epoch=chain.head.epoch, told=told, back_to=last.epoch, settled=chain.settled, ended=ended, says=says)


def _told(decision: Decision, link: str) -> Told | None:
    """Tell one decision; None when it changed nothing about the link that was asked about."""
    plan, entry = decision.plan, decision.entry
    about = [change.text for change in changes(entry.before, plan) if not link or link in change.links]
    if link and not about:
        return None
    return Told(epoch=plan.epoch, at=plan.decided_at, by=entry.view.here, changed=tuple(about) or (NOTHING,), entry=plan.entry)
