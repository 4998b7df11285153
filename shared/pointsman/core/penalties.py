"""A link's penalty over time, as a page shows it: the failures that were charged, and what is left of them at any instant."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pointsman.core.damping import ceiling, decayed, figure_at, under_at, would_damp
from pointsman.core.fabric import Damping, Fabric, LinkName
from pointsman.core.plan import LinkState, Plan
from pointsman.core.values import Frozen

MARGIN = 20
"""A curve goes on for this part of its length after its last instant of note."""


class Charge(Frozen):
    """One failure that was charged: the penalty right after it, and the epoch that says so first."""

    at: datetime
    figure: int
    epoch: int


class PenaltyStory(Frozen):
    """What a link's failures count for. ``figure`` is of ``at``; ``damped`` what it holds back then, or would, if ``observed`` only.

    ``under_reuse_at`` is when the last charge has fallen under ``reuse``; ``half_life`` in seconds.
    """

    link: LinkName
    charges: tuple[Charge, ...]
    at: datetime
    figure: int
    damped: bool
    observed: bool
    under_reuse_at: datetime
    half_life: float
    reuse: int
    suppress_failback: int
    suppress_action: int
    ceiling: int

    @property
    def text(self) -> str:
        """Say it in one line."""
        told = {
            (True, False): f"damped until {self.under_reuse_at:%FT%TZ}",
            (True, True): f"only observed: it would have been damped until {self.under_reuse_at:%FT%TZ}",
        }.get((self.damped, self.observed), "not damped")
        count = f"{len(self.charges)} failure{'s' * (len(self.charges) > 1)} charged"
        return f"penalty of {self.link}: {self.figure} at {self.at:%FT%TZ}, {count}, half of it gone every {self.half_life:g} s; {told}"


def penalty_story(fabric: Fabric, link: LinkName, plans: Sequence[Plan], now: datetime) -> PenaltyStory | None:
    """Tell a link's penalty from the plans that carry it, in any order; None when none does."""
    damping = fabric.policy.damping
    told = sorted((plan for plan in plans if plan.links.get(link, LinkState()).penalty), key=lambda plan: plan.epoch)
    if not told:
        return None
    charges: dict[datetime, Charge] = {}
    for plan in told:
        penalty = plan.links[link].penalty
        assert penalty is not None, "only plans that carry one are told"
        charges.setdefault(penalty.at, Charge(at=penalty.at, figure=penalty.figure, epoch=plan.epoch))
    last = told[-1].links[link].penalty
    assert last is not None, "only plans that carry one are told"
    at = max(now, last.at)
    return PenaltyStory(
        link=link,
        charges=tuple(charges.values()),
        at=at,
        figure=figure_at(last, damping, at),
        damped=would_damp(LinkState(penalty=last), damping, at),
        observed=damping.observe,
        under_reuse_at=under_at(last, damping, damping.reuse),
        half_life=damping.half_life.total_seconds(),
        reuse=damping.reuse,
        suppress_failback=damping.suppress_failback,
        suppress_action=damping.suppress_action,
        ceiling=ceiling(damping),
    )


def figure_of(story: PenaltyStory, damping: Damping, at: datetime) -> int:
    """Give what a penalty was, or will be if nothing more is charged, at an instant."""
    charge = next((one for one in reversed(story.charges) if one.at <= at), None)
    return 0 if charge is None else decayed(charge.figure, at - charge.at, damping.half_life)


def curve(story: PenaltyStory, count: int) -> list[tuple[datetime, int]]:
    """Sample a penalty at as many instants (2 or more), from its first charge until a little after it is under ``reuse``."""
    damping = Damping(half_life=timedelta(seconds=story.half_life))
    start = story.charges[0].at
    span = max(story.under_reuse_at, story.charges[-1].at + timedelta(seconds=1)) - start
    step = (span + span / MARGIN) / (count - 1)
    return [(start + step * number, figure_of(story, damping, start + step * number)) for number in range(count)]


def levels(story: PenaltyStory) -> tuple[tuple[str, int], ...]:
    """Name the thresholds of a penalty, the lowest first."""
    return (("reuse", story.reuse), ("fail-back", story.suppress_failback), ("action", story.suppress_action))


def scale(story: PenaltyStory) -> int:
    """Give the highest figure drawn: no threshold far above what was ever reached."""
    highest = max(charge.figure for charge in story.charges)
    return max(level for _, level in levels(story) if level <= max(2 * highest, story.reuse)) * 9 // 8 if highest else story.reuse
