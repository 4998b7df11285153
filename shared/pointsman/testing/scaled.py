"""A fabric whose every timer runs faster by one stated factor, so that minutes pass in seconds.

The functions themselves run no faster than the machine lets them. So the factor follows from the machine: a hold-down
outlasts what happens within one in the field, and no timer runs out while a process is still starting.
"""

import math
from datetime import timedelta

from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Bfd, Damping, Fabric, Freshness, Link, Policy, Timers
from pointsman.core.values import Frozen, replace

FACTOR_MOST = 40
"""No timer is scaled down by more."""
FRESH_LEAST = timedelta(seconds=5)
"""No claim goes stale sooner."""
TAKEOVER_LEAST = timedelta(seconds=3)
"""No cloud takes over sooner."""
SWEEP = timedelta(seconds=4)
"""Time between two sweeps; it is not scaled with the rest."""
STARTS = 3
"""Starts of a cloud's functions that a hold-down outlasts, beside the take-over: those that come back find a backlog, and machines get busier."""
HOLD_MOST = timedelta(seconds=45)
"""Longest scaled hold-down that is still worth watching."""


class Scale(Frozen):
    """By how much timers run faster, and how short a take-over and a claim's life may become at least."""

    factor: float
    takeover: timedelta = TAKEOVER_LEAST
    fresh: timedelta = FRESH_LEAST


def scale_for(hold_down: timedelta, start: timedelta) -> Scale:
    """Choose a scale for a machine on which a cloud's functions take ``start`` to come up; ``hold_down`` is the declared one.

    Functions that were killed are back, and have set their levers, before the hold-down of the drain that they left
    half done is over. Loss on the link that the other cloud's coarse lever filled would rightly count as an outage of
    that link after it. Raises ConfigError where that takes HOLD_MOST or more.
    """
    takeover, fresh = max(TAKEOVER_LEAST, 2 * start), max(FRESH_LEAST, STARTS * start)
    hold = takeover + min(fresh / 2, SWEEP) + STARTS * start
    if hold > HOLD_MOST:
        took = start.total_seconds()
        raise ConfigError(
            f"this machine takes {took:.0f} s to start four functions, too long for timers that are scaled down: end other programs first"
        )
    return Scale(factor=max(1, min(FACTOR_MOST, math.floor(hold_down / hold))), takeover=takeover, fresh=fresh)


def scaled(fabric: Fabric, scale: float | Scale) -> Fabric:
    """Divide every timer of a fabric by a scale's factor, and multiply what is counted by the hour."""
    by = scale if isinstance(scale, Scale) else Scale(factor=scale)
    return replace(fabric, links=tuple(_link(link, by.factor) for link in fabric.links), policy=_policy(fabric.policy, by))


def _link(link: Link, factor: float) -> Link:
    timers = link.timers
    bfd = None if timers.bfd is None else Bfd(interval=timers.bfd.interval / factor, multiplier=timers.bfd.multiplier)
    return replace(link, timers=Timers(hold=timers.hold / factor, graceful_restart=timers.graceful_restart / factor, bfd=bfd))


def _policy(policy: Policy, by: Scale) -> Policy:
    fresh = policy.freshness
    return replace(
        policy,
        hold_down=policy.hold_down / by.factor,
        takeover_after=max(policy.takeover_after / by.factor, by.takeover),
        epochs_per_hour=int(policy.epochs_per_hour * by.factor),
        damping=_damping(policy.damping, by.factor),
        freshness=Freshness(
            event=max(fresh.event / by.factor, by.fresh),
            look=max(fresh.look / by.factor, by.fresh),
            metric=max(fresh.metric / by.factor, by.fresh),
        ),
    )


def _damping(damping: Damping, factor: float) -> Damping:
    return replace(damping, half_life=damping.half_life / factor, max=damping.max / factor)
