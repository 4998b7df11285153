"""What ``check`` reckons of a router's route policies, held against what the lever writes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.gcp.policies import write
from pointsman.core.fabric import Fabric, FlowName, LinkName
from pointsman.core.plan import DrainCause, LinkState, Placement, Plan, Verdict
from pointsman.core.policy_limits import SIZE_LIMIT, TERM_LIMIT, Length, Listed, longest
from pointsman.core.steering import PrefixStance, Stance
from pointsman.core.values import replace
from pointsman.core.wants import route_policies
from tests.core.outages import OUT
from tests.core.scene import START
from tests.fabric.written import ATLAS as WRITTEN
from tests.fabric.written import checked, edited

RANKED = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 3)), min_size=0, max_size=40)


def written(stances: list[PrefixStance]) -> Length:
    terms = write(stances)
    return Length(terms=len(terms), size=len(json.dumps(terms, separators=(",", ":"))))


@given(RANKED)
def test_a_policy_of_every_flow_is_reckoned_to_the_byte(ranked: list[tuple[int, int]]) -> None:
    flows = [Listed(prefixes=tuple(f"10.{at}.{one}.0/24" for one in range(count)), rank=rank) for at, (rank, count) in enumerate(ranked)]
    stances = [PrefixStance(prefix=prefix, stance=Stance.AVOID, rank=one.rank) for one in flows for prefix in one.prefixes]
    assert longest(flows) == written(stances)


def test_a_long_run_takes_as_many_terms_as_it_needs() -> None:
    flows = [Listed(prefixes=tuple(f"10.{at}.{one}.0/24" for one in range(100)), rank=3) for at in range(15)]
    stances = [PrefixStance(prefix=prefix, stance=Stance.AVOID, rank=3) for one in flows for prefix in one.prefixes]
    assert longest(flows) == written(stances)
    assert longest(flows).terms == 16


@given(st.lists(st.tuples(st.sampled_from(list(Stance)), st.integers(1, 9), st.booleans()), min_size=1, max_size=30))
def test_no_placement_makes_a_policy_longer_than_was_reckoned(choices: list[tuple[Stance, int, bool]]) -> None:
    flows = [Listed(prefixes=(f"10.{at}.0.0/16", f"10.{at}.0.0/17"), rank=1, apart=True) for at in range(len(choices))]
    listed = ((one, stance, rank) for one, (stance, rank, here) in zip(flows, choices, strict=True) if not here)
    found = written([PrefixStance(prefix=prefix, stance=stance, rank=rank) for one, stance, rank in listed for prefix in one.prefixes])
    most = longest(flows)
    assert (found.terms <= most.terms, found.size <= most.size) == (True, True)


def many(flows: int, prefixes: int) -> str:
    """Give the reference fabric with its flows replaced by so many of so many prefixes each."""
    names = "\n".join(
        f"  f{at:03}:\n    prefixes: {{aws-use1: [{', '.join(f'10.{at}.{one}.0/24' for one in range(prefixes))}],"
        f" gcp-use4: [{', '.join(f'172.16.{at}.{one}/32' for one in range(prefixes))}]}}\n"
        f"    demand: 1Mbps\n    priority: 1\n    prefer: [ix-a, ix-b, vpn]"
        for at in range(flows)
    )
    head, _, rest = WRITTEN.partition("\nflows:")
    return f"{head}\nflows:\n{names}\n\npolicy:{rest.partition(chr(10) + 'policy:')[2]}"


def test_six_flows_of_a_hundred_prefixes_are_refused_with_the_numbers_and_what_to_do() -> None:
    (found,) = checked(many(6, 100)).findings
    assert found.path == "sites.gcp-use4.router"
    assert "the route policies of ix-a, ix-b, vpn may come to" in found.text
    assert found.text.endswith(f"bytes on this router, and Cloud Router takes {SIZE_LIMIT:,}")
    assert found.mend.startswith("declare fewer, larger prefixes")


def test_what_is_only_watched_is_not_reckoned() -> None:
    assert checked(edited(("  mode: auto", "  mode: observe"), of=many(6, 100))).findings == ()


def test_flows_that_fit_are_taken() -> None:
    assert checked(many(6, 10)).findings == ()


def test_a_policy_of_too_many_terms_is_told_at_each_link() -> None:
    found = checked(many(250, 1)).findings
    assert [one.path for one in found] == ["sites.gcp-use4.router"]
    assert longest([Listed(prefixes=("10.0.0.0/8",), rank=1, apart=True)] * 1_000).terms == TERM_LIMIT + 1


def placed(start: Fabric, at: dict[str, str], left: str) -> Plan:
    links = {one.name: LinkState(verdict=Verdict.UP) for one in start.links}
    if left:
        links[LinkName(left)] = LinkState(verdict=Verdict.DOWN, drain=replace(OUT, cause=DrainCause.OUTAGE))
    flows = {FlowName(name): Placement(link=LinkName(link), only=link == "vpn") for name, link in at.items()}
    return Plan(fabric="atlas", fabric_hash=start.hash, decider="1", epoch=2, decided_at=START, links=links, flows=flows)


@pytest.mark.parametrize("left", ["", "ix-a", "ix-b", "vpn"])
@pytest.mark.parametrize("home", ["ix-a", "ix-b", "vpn"])
def test_what_the_levers_want_of_a_router_is_never_more_than_check_reckoned(left: str, home: str) -> None:
    report = checked(many(6, 5))
    assert report.fabric is not None
    plan = placed(report.fabric, {one.name: home if number % 2 else "ix-a" for number, one in enumerate(report.fabric.flows)}, left)
    wanted = [route_policies(report.fabric, plan, link) for link in report.fabric.links]
    size = sum(written(list(stances)).size for one in wanted for stances in (one.imports, one.exports))
    assert 0 < size <= SIZE_LIMIT
