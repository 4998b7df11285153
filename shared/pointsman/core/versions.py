"""Two versions of the rules side by side, as a roll-out leaves them: the newer have the say in what no outage forces.

Rules that want flows in different places would else undo each other's moves with every event, on links that are sound.
"""

from datetime import datetime, timedelta

from pointsman.core.plan import Handover, Plan

DECIDER = "18"
"""Version of the deciding rules; the plan names it, and it changes with every change of what is decided."""
NEWER_LEAD = timedelta(days=1)
"""How long after a decision of newer rules earlier ones move nothing at discretion: by then the roll-out is over, or was taken back."""


def number(decider: str) -> int:
    """Give a version of the rules as a number; 0 for what is none."""
    return int(decider) if decider.isdecimal() and decider.isascii() else 0


def handover(plan: Plan, now: datetime) -> Handover | None:
    """Give the last decision of other rules behind a plan, or the plan itself when it is theirs; None when it is long ago."""
    last = plan.handover if plan.decider == DECIDER or not plan.epoch else Handover(decider=plan.decider, at=plan.decided_at)
    return last if last is not None and now - last.at < NEWER_LEAD else None


def yielding(plan: Plan, hold_down: timedelta, now: datetime) -> str:
    """Say why these rules leave at rest what other rules decided lately; "" when they need not.

    Newer rules wait for a hold-down, so that no flow goes to and fro faster; earlier ones leave it to the newer.
    """
    last = handover(plan, now)
    if last is None:
        return ""
    until = last.at + (NEWER_LEAD if number(last.decider) > number(DECIDER) else hold_down)
    return (
        f"rules {last.decider} decided at {last.at:%FT%TZ}, and these are {DECIDER}: until {until:%FT%TZ} nothing moves at discretion"
        if now < until
        else ""
    )
