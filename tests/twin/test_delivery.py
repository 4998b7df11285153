import pytest

from pointsman.testing.happenings.delivery import Delivery
from pointsman.testing.happenings.events import Event, Form
from pointsman.testing.network.blueprint import Side

EVENTS = [Event(key=f"{place}.0", side=Side.AWS, at=float(place), form=Form.EVENTBRIDGE, payload={"n": place}) for place in range(1000)]


def test_a_perfect_network_delivers_each_event_once_at_once_in_order() -> None:
    arrivals = Delivery().arrivals(EVENTS)
    assert [one.event for one in arrivals] == EVENTS
    assert [one.at for one in arrivals] == [event.at for event in EVENTS]


def test_a_share_is_lost() -> None:
    assert 650 < len(Delivery(loss=0.3).arrivals(EVENTS)) < 750


def test_a_share_comes_twice() -> None:
    arrivals = Delivery(doubling=0.3).arrivals(EVENTS)
    assert 1250 < len(arrivals) < 1350
    assert {one.copy for one in arrivals} == {0, 1}


def test_every_event_is_late_within_its_bounds() -> None:
    late = [one.at - one.event.at for one in Delivery(delay=(5, 90)).arrivals(EVENTS)]
    assert 5 <= min(late) < max(late) <= 90


def test_held_back_events_are_overtaken_but_not_lost() -> None:
    arrivals = Delivery(reordering=0.2).arrivals(EVENTS)
    order = [one.event.at for one in arrivals]
    assert sorted(order) == [event.at for event in EVENTS] != order
    assert [one.at for one in arrivals] == sorted(one.at for one in arrivals)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_seed_decides_the_fate_of_each_event_whatever_comes_with_it(seed: int) -> None:
    rough, again = (Delivery(seed=seed, loss=0.3, doubling=0.3, delay=(0, 10), reordering=0.3) for _ in range(2))
    assert rough.arrivals(EVENTS) == again.arrivals(EVENTS)
    alone = [arrival for event in EVENTS for arrival in rough.arrivals([event])]
    assert sorted(alone, key=lambda one: one.at) == rough.arrivals(EVENTS)
    assert rough.arrivals(EVENTS) != Delivery(seed=9, loss=0.3, doubling=0.3, delay=(0, 10), reordering=0.3).arrivals(EVENTS)
