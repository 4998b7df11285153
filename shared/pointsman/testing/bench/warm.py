"""Warm reactions: from the event handed to a function to the route write that its cloud's API receives."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from pointsman.core.fabric import Cloud
from pointsman.core.plan import Plan
from pointsman.testing.bench.bed import LINK, Bed, alarm
from pointsman.testing.faces.timing import monotonic
from pointsman.testing.lambda_runtime import LambdaFunction
from pointsman.testing.processes import ProcessError

WARMING = 8
"""Events before the first that counts: both execution environments on AWS have had some of them by then."""
AGREED_EVERY = 4
"""Rounds of which one is also played where nothing was foreseen: the write waits for its agreement."""
ANOTHER = 1e-6
"""Share of packets by which each loss differs from the one before: what is put back behind a process's back is news to it all the same."""
WRITES_BETWEEN = 4
"""Conditional writes that are timed after each event."""


@dataclass(frozen=True, kw_only=True)
class Warm:
    """Seconds per event, by cloud; the plain handler's; and those of one conditional write to moto's DynamoDB.

    ``ours`` are those to the failure of one link among well ones, which is foreseen; ``agreed`` those to one that is not, whose
    write waits until its plan is agreed.
    """

    ours: dict[Cloud, list[float]]
    baseline: list[float]
    write: list[float]
    agreed: dict[Cloud, list[float]] = field(default_factory=dict)


class Reactions:
    """Plays one fault after another on a bed, everything put back in between. What is ``foreseen`` takes the fast path, as long as its budget lasts."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self._steady = steady(bed)
        self._table = bed.client("dynamodb", bed.dynamodb.url)
        self._version = 0
        self._faults = itertools.count(1)
        self.writes: list[float] = []

    def reset(self, *, foreseen: bool) -> None:
        """Put levers, rows and plan back; the drain of the last event is over everywhere."""
        bed = self._bed
        bed.stop_test()
        for cloud in Cloud:
            bed.note(cloud, 0.0)
        bed.set_plan(self._steady, spent=not foreseen)
        bed.settle(Cloud.GCP)
        bed.forget_requests()

    def arm(self, cloud: Cloud, *, foreseen: bool) -> None:
        """Get a fault ready for a cloud: the other one's prober has found it already."""
        self.reset(foreseen=foreseen)
        self._bed.note(cloud.other, 1.0, (LINK,))
        self._time_writes()

    def react(self, cloud: Cloud, *, foreseen: bool) -> float:
        """Hand the second prober's report to a cloud's function; gives the seconds to its write. Raises ProcessError when none came."""
        self.arm(cloud, foreseen=foreseen)
        event = self._bed.probe(cloud, 1.0 - next(self._faults) * ANOTHER, (LINK,))
        handed = monotonic()
        self._bed.hand(cloud, event)
        return first(self._bed.received(cloud, handed), cloud) - handed

    def plain(self, function: LambdaFunction) -> float:
        """Hand an alarm to the plain handler; gives the seconds to its write. Raises ProcessError when none came."""
        self._bed.stop_test()
        self._bed.forget_requests()
        event = alarm()
        handed = monotonic()
        invocation = function.invoke(event)
        if not invocation.ok:
            raise ProcessError(f"the plain handler failed: {invocation.payload}")
        return first(self._bed.received(Cloud.AWS, handed), Cloud.AWS) - handed

    def _time_writes(self) -> None:
        for _ in range(WRITES_BETWEEN):
            self._version += 1
            begun = monotonic()
            self._table.update_item(
                TableName="pointsman-atlas",
                Key={"pk": {"S": "bench"}, "sk": {"S": "-"}},
                UpdateExpression="SET #v = :v",
                ConditionExpression="attribute_not_exists(pk) OR #v < :v",
                ExpressionAttributeNames={"#v": "version"},
                ExpressionAttributeValues={":v": {"N": str(self._version)}},
            )
            self.writes.append(monotonic() - begun)


def first(received: list[float], cloud: Cloud) -> float:
    """Give the first of the writes received. Raises ProcessError when there is none."""
    if not received:
        raise ProcessError(f"{cloud}'s API received no write: the function did not react")
    return received[0]


def steady(bed: Bed) -> Plan:
    """Bring everything up and agree on the first plan: every flow on the link that it prefers. Raises ProcessError."""
    for cloud in Cloud:
        bed.note(cloud, 0.0)
    for cloud in (*Cloud, *Cloud):
        bed.settle(cloud)
    plan = bed.plan()
    away = [name for name, placed in plan.flows.items() if placed.link != LINK]
    if away or plan.links[LINK].drain is not None:
        raise ProcessError(f"the bench cannot begin: {', '.join(away) or LINK} is not where it should be")
    return plan


def warm(reactions: Reactions, plain: LambdaFunction, count: int, tell: Callable[[str], None]) -> Warm:
    """Measure ``count`` events per cloud and for the plain handler, in turns, so that all meet the same machine."""
    for _ in range(WARMING):
        _round(reactions, plain)
    reactions.writes.clear()
    rounds, agreed = [], []
    for done in range(count):
        rounds.append(_round(reactions, plain))
        if not done % AGREED_EVERY:
            agreed.append({cloud: reactions.react(cloud, foreseen=False) for cloud in Cloud})
        if not (done + 1) % 50:
            tell(f"warm: {done + 1} of {count} events on each cloud")
    ours = {cloud: [one[cloud.value] for one in rounds] for cloud in Cloud}
    after = {cloud: [one[cloud] for one in agreed] for cloud in Cloud}
    return Warm(ours=ours, baseline=[one["plain"] for one in rounds], write=list(reactions.writes), agreed=after)


def _round(reactions: Reactions, plain: LambdaFunction) -> dict[str, float]:
    found = {cloud.value: reactions.react(cloud, foreseen=True) for cloud in Cloud}
    return {**found, "plain": reactions.plain(plain)}
