"""What is called effective is read from the routes of every address family that the link carries, to the end of their list."""

import pytest

from pointsman.adapters.gcp import compute
from pointsman.core.fabric import LinkName
from pointsman.core.steering import Level, PrefixStance, RoutePolicies, Stance
from pointsman.testing.network.policies import Direction
from tests.gcp.conftest import Cloud, run
from tests.gcp.test_route_policy_lever import GOOGLE_PREFIXES, keep_off, lever, steer

SIX_IN, SIX_OUT = "2001:db8:1::/48", "2001:db8:2::/48"


def keep_six_off(link: str = "ix-a") -> RoutePolicies:
    imports, exports = ((PrefixStance(prefix=prefix, stance=Stance.AVOID),) for prefix in (SIX_IN, SIX_OUT))
    return RoutePolicies(link=LinkName(link), imports=imports, exports=exports)


def announce_many(cloud: Cloud, *last: str) -> None:
    """Let Google announce a list of several pages to ix-a's peer, the prefixes of ``last`` at its end."""
    many = tuple(f"172.{16 + n // 256}.{n % 256}.0/24" for n in range(600))
    cloud.network.set_advertised("cr-aws-1", "aws-a", (*many, *last))


def unheeded(cloud: Cloud, name: str, direction: Direction) -> None:
    """Let a policy read back as written and do nothing: what the API accepts need not be in force."""
    cloud.network.put_route_policy("cr-aws-1", name, direction, ())


def test_ipv6_stances_are_proved_by_ipv6_routes(six_cloud: Cloud) -> None:
    hand = lever(six_cloud)
    run(steer(hand, keep_six_off()))
    assert six_cloud.links("training") == ({"ix-b"}, {"ix-b"})
    assert run(hand.verify(keep_six_off())).level is Level.EFFECTIVE


@pytest.mark.parametrize(
    ("name", "direction", "missing"),
    [("to-ix-a", Direction.EXPORT, f"still told {SIX_OUT}"), ("from-ix-a", Direction.IMPORT, f"sends {SIX_IN}")],
)
def test_an_ipv6_stance_that_is_accepted_and_not_in_force_is_not_effective(
    six_cloud: Cloud, name: str, direction: Direction, missing: str
) -> None:
    hand = lever(six_cloud)
    run(steer(hand, keep_six_off()))
    unheeded(six_cloud, name, direction)
    found = run(hand.verify(keep_six_off()))
    assert (found.level, missing in found.missing) == (Level.ACCEPTED, True), found


def test_a_route_beyond_the_first_page_is_looked_at(cloud: Cloud) -> None:
    announce_many(cloud, *GOOGLE_PREFIXES)
    hand = lever(cloud)
    run(steer(hand, keep_off()))
    assert run(hand.verify(keep_off())).level is Level.EFFECTIVE
    unheeded(cloud, "to-ix-a", Direction.EXPORT)
    found = run(hand.verify(keep_off()))
    assert (found.level, f"still told {GOOGLE_PREFIXES[0]}" in found.missing) == (Level.ACCEPTED, True)


def test_a_list_that_is_too_long_to_be_read_to_its_end_proves_no_effect(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "PAGE_LIMIT", 1)
    announce_many(cloud, *GOOGLE_PREFIXES)
    hand = lever(cloud)
    run(steer(hand, keep_off()))
    found = run(hand.verify(keep_off()))
    assert (found.level, "peer aws-a is told more routes than are read" in found.missing) == (Level.ACCEPTED, True)


def test_ipv6_routes_are_asked_for_only_where_a_flow_of_the_link_is_of_that_family(six_cloud: Cloud) -> None:
    for link, asked in (("vpn", {"IPV4"}), ("ix-b", {"IPV4", "IPV6"})):
        six_cloud.face.log.clear()
        run(lever(six_cloud).verify(RoutePolicies(link=LinkName(link))))
        found = [one for one in six_cloud.face.log.since() if one.operation == "routers.listBgpRoutes"]
        assert {one.query["addressFamily"] for one in found} == asked
