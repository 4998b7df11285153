"""A pin leads all that its prefix list holds, so none is written by a list that is not its flow's."""

import pytest

from pointsman.core.steering import LeverKind
from pointsman.ports.clouds import LeverBusy, LeverFailed
from pointsman.testing.faces.faults import FaultKind
from tests.aws.conftest import Cloud
from tests.aws.pinning import SETTLE, Pinning
from tests.twin.networks import IX_B, LIST, VPN_1


@pytest.fixture
def by_list(cloud: Cloud) -> Pinning:
    return Pinning(cloud, LeverKind.PREFIX_LIST_PIN)


OWN = "10.216.0.0/20"
AMISS = {
    "lacks": ((), "lacks 10.216.0.0/20:"),
    "drags": ((OWN, "0.0.0.0/0"), "holds 0.0.0.0/0, which are none of its"),
    "halves": (("10.216.0.0/21", "10.216.8.0/21"), "lacks 10.216.0.0/20 and holds 10.216.0.0/21, 10.216.8.0/21"),
}


@pytest.mark.parametrize(("entries", "says"), AMISS.values(), ids=AMISS)
def test_no_pin_is_written_by_a_list_that_is_not_the_flows(by_list: Pinning, entries: tuple[str, ...], says: str) -> None:
    by_list.cloud.network.set_prefix_list(LIST, entries, None)
    with pytest.raises(LeverFailed, match=f"no pin by {LIST}, which {says}.*exactly the Google prefixes of checkout"):
        by_list.apply(VPN_1)
    assert not by_list.cloud.writes


@pytest.mark.parametrize(("entries", "says"), AMISS.values(), ids=AMISS)
def test_a_pin_by_a_list_that_is_not_the_flows_is_led_nowhere_else_and_is_taken_away(
    by_list: Pinning, entries: tuple[str, ...], says: str
) -> None:
    by_list.apply(VPN_1)
    by_list.cloud.later(seconds=SETTLE)
    by_list.cloud.network.set_prefix_list(LIST, entries, None)
    with pytest.raises(LeverFailed, match=says):
        by_list.apply(IX_B)
    by_list.apply(VPN_1)
    by_list.undo()
    assert by_list.observed().setting == by_list.to(None)
    assert by_list.cloud.writes == (by_list.creating, by_list.deleting)


def test_a_list_that_was_put_right_is_pinned_by_again(by_list: Pinning) -> None:
    by_list.cloud.network.set_prefix_list(LIST, (OWN, "10.99.0.0/16"), None)
    with pytest.raises(LeverFailed, match=r"10\.99\.0\.0/16"):
        by_list.apply(VPN_1)
    by_list.cloud.network.set_prefix_list(LIST, (OWN,), None)
    by_list.apply(VPN_1)
    assert by_list.cloud.links_to_google("checkout") == {"vpn"}


def test_a_pin_is_taken_away_though_its_list_cannot_be_read(by_list: Pinning) -> None:
    by_list.apply(VPN_1)
    by_list.cloud.later(seconds=SETTLE)
    by_list.cloud.fails("GetManagedPrefixListEntries", FaultKind.DENIED, times=99)
    by_list.undo()
    by_list.apply(None)
    assert by_list.observed().setting == by_list.to(None)


def test_a_pin_waits_for_a_list_that_cannot_be_read_and_names_the_right_that_lacks(by_list: Pinning) -> None:
    by_list.cloud.fails("GetManagedPrefixListEntries", FaultKind.DENIED, times=2)
    with pytest.raises(LeverFailed, match="ec2:GetManagedPrefixListEntries"):
        by_list.apply(VPN_1)
    by_list.cloud.fails("GetManagedPrefixListEntries", FaultKind.THROTTLED, times=2)
    with pytest.raises(LeverBusy, match="ec2:GetManagedPrefixListEntries"):
        by_list.apply(VPN_1)
    assert not by_list.cloud.writes


def test_a_list_that_was_throttled_when_it_was_observed_is_read_before_the_write(by_list: Pinning) -> None:
    by_list.cloud.fails("GetManagedPrefixListEntries", FaultKind.THROTTLED)
    by_list.apply(VPN_1)
    assert by_list.cloud.links_to_google("checkout") == {"vpn"}


def test_a_list_of_more_pages_than_a_flow_can_fill_is_refused_and_never_read_to_its_end(by_list: Pinning) -> None:
    strange = tuple(f"10.{high}.{low}.0/24" for high in (98, 99) for low in range(200))
    by_list.cloud.network.set_prefix_list(LIST, (OWN, *strange), None)
    seen = by_list.observed()
    assert by_list.cloud.asked.count("GetManagedPrefixListEntries") == 2
    with pytest.raises(LeverFailed, match=f"{LIST} holds more prefixes"):
        by_list.apply(VPN_1, seen)
    assert not by_list.cloud.writes


def test_a_refusal_says_what_to_do_however_much_is_wrong(by_list: Pinning) -> None:
    by_list.cloud.network.set_prefix_list(LIST, tuple(f"2001:db8:{low:x}:ffff::/64" for low in range(4096, 4286)), None)
    with pytest.raises(LeverFailed, match=r"187 more.*pointsman audit"):
        by_list.apply(VPN_1)
