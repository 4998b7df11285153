"""What bursts say together, and when our own eyes are shut."""

import pytest

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.probes import WINDOW, Measured, answered_at, blind, judged, pairs_of, percentile, spoke
from pointsman.wire.messages import LOSSY
from tests.core.scene import ATLAS

A, B = LinkName("ix-a"), LinkName("ix-b")


def burst(lost: int, sent: int = 20, *, number: int = 1, fault: str = "") -> Measured:
    times = () if fault else tuple(0.01 * (place + 1) for place in range(sent - lost))
    return Measured(source=f"10.250.{number}.1", target=f"10.251.{number}.1", sent=0 if fault else sent, times=times, fault=fault)


def test_a_link_that_is_cut_is_told_by_the_first_burst() -> None:
    found = judged([burst(20)])
    assert found is not None
    assert (found.loss, found.median, found.worst) == (1.0, None, None)


def test_one_packet_lost_at_random_never_speaks_against_a_link() -> None:
    assert judged([burst(1)]) is None
    found = judged([burst(0), burst(1), burst(0)])
    assert found is not None
    assert found.loss < LOSSY


@pytest.mark.parametrize("lost", range(21))
def test_a_share_at_the_limit_does(lost: int) -> None:
    found = judged([burst(lost)] * WINDOW)
    assert found is not None
    assert (found.loss >= LOSSY) == (lost >= 1)


def test_a_link_that_is_back_is_told_once_the_loss_has_left_the_window() -> None:
    losses = [found.loss for count in range(1, 4) if (found := judged([burst(20)] + [burst(0)] * count))]
    assert losses == [0.5, 1 / 3, 0.0]


def test_a_burst_that_could_not_be_sent_says_nothing_and_is_no_loss() -> None:
    assert judged([burst(20), burst(0, fault="no such address")]) is None
    found = judged([burst(0, fault="no such address"), burst(0)])
    assert found is not None
    assert found.loss == 0.0


def test_nothing_is_said_of_no_burst() -> None:
    assert judged([]) is None


def test_round_trip_times_are_given_by_nearest_rank() -> None:
    times = [number / 100 for number in range(1, 101)]
    assert (percentile(times, 50), percentile(times, 95), percentile(times, 100), percentile([0.2], 50)) == (0.5, 0.95, 1.0, 0.2)
    assert percentile([], 50) is None


def test_pairs_are_sent_over_from_their_own_cloud_and_answered_in_the_other() -> None:
    assert {pair.source for pair in pairs_of(ATLAS, Cloud.AWS)} == {"10.250.1.1", "10.250.2.1", "10.250.5.1"}
    assert answered_at(ATLAS, Cloud.GCP) == pairs_of(ATLAS, Cloud.AWS)
    assert answered_at(ATLAS, Cloud.GCP, "gcp-use4") == pairs_of(ATLAS, Cloud.AWS, "aws-use1")
    assert (pairs_of(ATLAS, Cloud.AWS, "gcp-use4"), answered_at(ATLAS, Cloud.GCP, "elsewhere")) == ((), ())


def test_links_that_fall_silent_with_each_other_shut_our_eyes() -> None:
    assert blind({A: False, B: False}, frozenset({A, B}))
    assert blind({A: False, B: False}, None), "none ever answered, so none proves anything"


def test_a_link_that_falls_silent_by_itself_is_lost() -> None:
    assert not blind({A: False, B: True}, frozenset({A, B}))
    assert not blind({A: False, B: False}, frozenset({B})), "the other was lost before"
    assert not blind({A: False}, frozenset({A}))
    assert not blind({}, None)


def test_a_link_speaks_by_any_of_its_pairs_and_not_where_nothing_could_be_sent() -> None:
    assert spoke(ATLAS, [burst(20, number=1), burst(3, number=2), burst(0, number=5, fault="no such address")]) == {A: False, B: True}
