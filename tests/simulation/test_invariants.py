"""What the invariants excuse and what they don't, on plans written by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from pointsman.core.fabric import Cloud, Fabric, FlowName, LinkName
from pointsman.core.plan import Drain, DrainCause, LinkState, Placement, Plan, Verdict
from pointsman.core.values import replace
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Called, Evidence
from pointsman.testing.simulation.fabrics import Shape, Terms, fabrics
from pointsman.testing.simulation.invariants import (
    EVENT_REQUESTS,
    LETTER_REQUESTS,
    REQUESTS_LIMITS,
    opposite_moves_wait_a_hold_down,
    store_operations_are_bounded,
)
from tests.simulation.tampered import seen


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return seen(3)


START = datetime(2026, 1, 1, tzinfo=UTC)
IX_1, IX_2, VPN = LinkName("ix-1"), LinkName("ix-2"), LinkName("vpn")
TRAINING = FlowName("training")
FABRIC = fabrics(Shape.TIGHT, Terms())[0]


class Agreed(Record):
    """Plans of one fabric, without the run that they come from."""

    def __init__(self, *plans: Plan) -> None:
        self.plans = plans

    def fabric(self, plan: Plan) -> Fabric:
        """Give the one fabric."""
        assert plan.fabric_hash == FABRIC.hash
        return FABRIC


UP = LinkState(verdict=Verdict.UP)


def left(at: float, verdict: Verdict = Verdict.DOWN, cause: DrainCause = DrainCause.OUTAGE) -> LinkState:
    since = START + timedelta(seconds=at)
    return LinkState(verdict=verdict, drain=Drain(cause=cause, since=since, epoch=1, enactor=Cloud.GCP))


def plan(epoch: int, at: float, on: LinkName, ix_1: LinkState, ix_2: LinkState) -> Plan:
    return Plan(
        fabric=FABRIC.name,
        fabric_hash=FABRIC.hash,
        decider="1",
        epoch=epoch,
        decided_at=START + timedelta(seconds=at),
        links={IX_1: ix_1, IX_2: ix_2, VPN: UP},
        flows={TRAINING: Placement(link=on)},
    )


def found(*plans: Plan) -> list[str]:
    return list(opposite_moves_wait_a_hold_down(Agreed(*plans)))


def test_a_flow_whose_links_were_all_left_goes_back_to_the_first_that_is_good() -> None:
    both_left = (plan(1, 0, IX_1, UP, UP), plan(2, 9, IX_2, left(9), UP), plan(3, 14, IX_2, left(9), left(14)))
    assert found(*both_left, plan(4, 30, IX_1, UP, left(14, Verdict.UP))) == []


def test_a_flow_that_has_another_open_link_waits_for_the_hold_down() -> None:
    before = (plan(1, 0, IX_1, UP, UP), plan(2, 9, IX_2, left(9), UP))
    drain, flow = found(*before, plan(3, 30, IX_1, UP, UP))
    assert "ends the drain of ix-1 0:00:21" in drain
    assert "puts training back on ix-1" in flow
    assert found(*before, plan(3, 40, IX_1, UP, UP)) == []


def test_a_flow_that_left_for_a_persons_drain_comes_back_when_a_rescue_ends_it() -> None:
    lost, both = LinkState(verdict=Verdict.SUSPECT), (UP, UP)
    for cause, count in ((DrainCause.ORDER, 0), (DrainCause.OUTAGE, 1)):
        away = plan(2, 9, IX_2, left(9, Verdict.UP, cause), UP)
        rescued = plan(3, 12, IX_2, UP, lost)
        assert (
            len(found(plan(1, 0, IX_1, *both), away, replace(rescued, links=rescued.links | {VPN: lost}), plan(4, 16, IX_1, *both)))
            == count
        )


@pytest.mark.parametrize("letters", [0, 3])
@pytest.mark.parametrize(("door", "base"), [("report", EVENT_REQUESTS), *REQUESTS_LIMITS.items()])
def test_a_call_that_asks_more_of_the_stores_than_its_kind_may_is_found(evidence: Evidence, door: str, base: int, letters: int) -> None:
    limit = base + LETTER_REQUESTS * letters

    def judged(requests: int) -> list[str]:
        call = Called(at=1.0, seconds=1.0, door=door, reads=requests - 1, writes=1, letters=letters)
        return list(store_operations_are_bounded(Record(replace(evidence, calls=(call,)))))

    assert judged(limit) == []
    assert len(judged(limit + 1)) == 1
