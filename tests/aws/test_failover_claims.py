"""A claim that cannot be written costs no drain: a failover test of ours stays ours, and is told as what it is."""

from datetime import timedelta

import pytest

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.failover_claims import TRIES
from pointsman.ports.clouds import LeverBusy, LeverFailed
from pointsman.testing.faces.faults import FaultKind
from tests.aws.conftest import REGION, Cloud
from tests.aws.test_failover_test import DRAINED, OPEN, Draining
from tests.twin.networks import VIF_A


@pytest.fixture
def draining(cloud: Cloud) -> Draining:
    return Draining(cloud)


def test_a_claim_that_cannot_be_written_is_told_and_the_drain_stands(draining: Draining) -> None:
    draining.cloud.fails("PutParameter", FaultKind.DENIED, times=6)
    with pytest.raises(LeverFailed, match="PutParameter"):
        draining.apply()
    draining.cloud.later(minutes=4)
    assert "ix-a" not in draining.used()


def test_a_claim_that_was_throttled_once_is_written(draining: Draining) -> None:
    draining.cloud.fails("PutParameter", FaultKind.THROTTLED)
    draining.apply()
    assert draining.observed().setting == DRAINED


def test_a_claim_that_cannot_be_understood_is_no_claim(draining: Draining, operator: Clients) -> None:
    draining.apply()
    operator.ssm(REGION).put_parameter(Name=f"/pointsman/atlas/failover-test/{VIF_A}", Value="?", Type="String", Overwrite=True)
    assert draining.observed().setting == OPEN


def test_a_drain_of_a_region_whose_parameters_are_throttled_for_seconds_is_known_for_ours_by_everybody(draining: Draining) -> None:
    draining.cloud.fails("PutParameter", FaultKind.THROTTLED, times=TRIES - 1)
    draining.apply()
    assert Draining(draining.cloud).observed().setting == DRAINED


def test_a_claim_that_is_throttled_to_the_end_is_no_refusal_and_the_test_stays_ours(draining: Draining) -> None:
    draining.cloud.fails("PutParameter", FaultKind.THROTTLED, times=1000)
    began = draining.cloud.clock.now()
    with pytest.raises(LeverBusy, match="claim"):
        draining.apply()
    assert draining.cloud.clock.now() - began < timedelta(seconds=20)
    assert draining.observed().setting == DRAINED
    draining.cloud.face.faults.clear()
    assert draining.observed().setting == DRAINED
    others = Draining(draining.cloud)
    assert others.observed().setting == DRAINED
    others.undo()
    draining.cloud.later(minutes=2)
    assert "ix-a" in draining.used()


def test_a_drain_whose_claim_is_refused_is_still_undone_by_who_started_it(draining: Draining) -> None:
    draining.cloud.fails("PutParameter", FaultKind.DENIED, times=1000)
    with pytest.raises(LeverFailed, match="PutParameter"):
        draining.apply()
    assert draining.observed().setting == DRAINED
    draining.undo()
    assert draining.observed().setting == OPEN


def test_a_throttled_claim_keeps_no_next_test_from_starting(draining: Draining) -> None:
    draining.apply()
    draining.cloud.later(minutes=29, seconds=45)
    seen = draining.observed()
    draining.cloud.fails("PutParameter", FaultKind.THROTTLED, times=1000)
    with pytest.raises(LeverBusy, match="claim"):
        draining.apply(observed=seen)
    assert draining.tests_begun() == 2
    assert draining.observed().setting == DRAINED
