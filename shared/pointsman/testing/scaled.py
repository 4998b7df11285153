"""A fabric whose every timer runs faster by one stated factor, so that minutes pass in seconds."""

from datetime import timedelta

from pointsman.core.fabric import Bfd, Fabric, Freshness, Link, Policy, Timers
from pointsman.core.values import replace

FRESH_LEAST = timedelta(seconds=5)
"""No claim goes stale sooner: the functions themselves run no faster than they do."""
TAKEOVER_LEAST = timedelta(seconds=4)
"""No cloud takes over sooner, for the same reason."""


def scaled(fabric: Fabric, factor: float) -> Fabric:
    """Divide every timer of a fabric by ``factor``, and multiply what is counted by the hour."""
    return replace(fabric, links=tuple(_link(link, factor) for link in fabric.links), policy=_policy(fabric.policy, factor))


def _link(link: Link, factor: float) -> Link:
    timers = link.timers
    bfd = None if timers.bfd is None else Bfd(interval=timers.bfd.interval / factor, multiplier=timers.bfd.multiplier)
    return replace(link, timers=Timers(hold=timers.hold / factor, graceful_restart=timers.graceful_restart / factor, bfd=bfd))


def _policy(policy: Policy, factor: float) -> Policy:
    fresh = policy.freshness
    return replace(
        policy,
        hold_down=policy.hold_down / factor,
        takeover_after=max(policy.takeover_after / factor, TAKEOVER_LEAST),
        epochs_per_hour=int(policy.epochs_per_hour * factor),
        freshness=Freshness(
            event=max(fresh.event / factor, FRESH_LEAST),
            look=max(fresh.look / factor, FRESH_LEAST),
            metric=max(fresh.metric / factor, FRESH_LEAST),
        ),
    )
