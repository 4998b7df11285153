import pytest

from pointsman.testing.network.alone import bgp_alone
from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.views import Broken
from tests.twin.networks import AWS, GCP, blueprint, network, preferring_a


def test_a_grey_failure_is_not_noticed_by_bgp() -> None:
    net = preferring_a()
    net.blackhole("ix-a")
    net.advance(3600)
    assert net.session("ix-a", "a1", Side.GCP).up
    assert net.path("training").to_gcp.broken == (Broken.PACKETS_LOST,)
    assert not net.reaches(AWS, GCP)
    assert net.lost_seconds()["training"] == pytest.approx(3600)


def test_half_of_a_shared_flow_is_lost_on_a_grey_link() -> None:
    net = network()
    net.blackhole("ix-a")
    assert net.loss("training") == pytest.approx(0.5)
    assert not net.reaches(AWS, GCP)


def test_a_grey_failure_may_hit_one_direction_only() -> None:
    net = preferring_a()
    net.blackhole("ix-a", towards=(Side.AWS,))
    assert net.reaches(AWS, GCP)
    assert not net.reaches(GCP, AWS)


def test_probes_see_what_bgp_does_not() -> None:
    net = network()
    net.blackhole("ix-a")
    assert net.probe("ix-a", AWS).loss == 1
    assert net.probe("ix-a", GCP).rtt is None
    assert net.probe("ix-b", AWS).loss == 0


def test_random_loss_counts_both_ways_for_a_probe_and_once_for_a_flow() -> None:
    net = preferring_a()
    net.degrade("ix-a", 0.2)
    assert net.loss("checkout") == pytest.approx(0.2)
    assert net.probe("ix-a", AWS).loss == pytest.approx(0.36)
    assert net.reaches(AWS, GCP)


def test_a_probe_without_addresses_goes_by_the_links_own_members() -> None:
    net = network()
    net.degrade("vpn", 0.1)
    assert net.probe("vpn", AWS).loss == pytest.approx(0.19)
    net.blackhole("vpn")
    assert net.probe("vpn", AWS).loss == 1


def test_healing_ends_it() -> None:
    net = network()
    net.blackhole("ix-a")
    net.degrade("ix-a", 0.5)
    net.heal("ix-a")
    assert net.loss("training") == 0


def test_bgp_alone_loses_a_grey_flow_for_as_long_as_it_lasts() -> None:
    assert bgp_alone(blueprint(ix_b=50), lambda net: net.blackhole("ix-a"), horizon=900)["checkout"] == pytest.approx(900)


def test_loss_is_a_share() -> None:
    with pytest.raises(ValueError, match="share"):
        network().degrade("ix-a", 30)


def test_the_worse_direction_counts() -> None:
    for towards in Side:
        net = preferring_a()
        net.blackhole("ix-a", towards=(towards,))
        net.advance(10)
        assert net.loss("checkout") == 1
        assert net.lost_seconds()["checkout"] == pytest.approx(10)
