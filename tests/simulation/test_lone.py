"""What is done alone or ahead of an agreement leaves another healthy way: runs whose notes were tampered with are found out."""

import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from pointsman.core.alone import Deed, Diary, Inputs, Phase
from pointsman.core.evidence import PROBES, cloud_of
from pointsman.core.fabric import Cloud, WithoutQuorum
from pointsman.core.members import probe_key
from pointsman.core.plan import Plan, Verdict
from pointsman.core.sightings import Health
from pointsman.core.steering import PrefixStance, RoutePolicies, Setting, Stance
from pointsman.core.values import canonical, parse, replace
from pointsman.quorum.ballots import ballot
from pointsman.testing.simulation.agreed import Record, deeds, of_no_plan
from pointsman.testing.simulation.evidence import Accepted, Evidence, Intended
from pointsman.testing.simulation.invariants import (
    alone_only_what_is_safe,
    every_write_has_a_reason,
    the_last_healthy_link_is_never_drained,
)
from tests.simulation.tampered import seen

BY_POLICIES, BY_A_TEST = 40, 76
LOOKED_THROUGH = 60
"""Runs that are looked through for one in which something is steered ahead of its agreement: many are."""


@pytest.fixture(scope="module", params=[BY_POLICIES, BY_A_TEST])
def evidence(request: pytest.FixtureRequest) -> Evidence:
    return seen(request.param)


@pytest.fixture(scope="module")
def steered() -> Evidence:
    return seen(BY_POLICIES)


def deed_of(evidence: Evidence) -> Deed:
    ((_, _, deed), *_) = deeds(Record(evidence))
    return deed


def noted(evidence: Evidence, change: Callable[[Inputs], Inputs]) -> Evidence:
    """Let every function that acted alone have noted something else."""
    names = {deed.entry for _, _, deed in deeds(Record(evidence))}
    changed = {name: zlib.compress(canonical(change(parse(zlib.decompress(evidence.entries[name]), Inputs)))) for name in names}
    return replace(evidence, entries=dict(evidence.entries) | changed)


def probed(evidence: Evidence, health: Health, *, left: bool, older: timedelta = timedelta()) -> Evidence:
    """Let the own cloud's probes have said something else, of the link that was left or of every other one."""

    def change(inputs: Inputs) -> Inputs:
        links = [link for link in evidence.fabrics[inputs.fabric_hash].links if (link.name == inputs.action.link) is left]
        keys = {probe_key(pair.source, pair.target) for link in links for pair in link.probes}
        mine = {row for row in inputs.view.rows if row.member in keys and row.vantage in PROBES and cloud_of(row.vantage) is inputs.here}
        rows = (replace(row, health=health, seen_at=row.seen_at - older) if row in mine else row for row in inputs.view.rows)
        return replace(inputs, view=replace(inputs.view, rows=tuple(rows)))

    return noted(evidence, change)


def judged(evidence: Evidence) -> list[str]:
    return list(the_last_healthy_link_is_never_drained(Record(evidence)))


def test_what_was_done_alone_left_a_healthy_way(evidence: Evidence) -> None:
    assert list(of_no_plan(Record(evidence))), "something was done that no plan wanted"
    assert judged(evidence) == []


def test_a_lever_that_is_set_alone_with_every_other_link_dead_is_found(evidence: Evidence) -> None:
    found = judged(probed(evidence, Health.DOWN, left=False))
    assert found
    assert all("may take was seen healthy from there" in one for one in found)


def test_what_was_seen_healthy_long_ago_is_no_way_out(evidence: Evidence) -> None:
    assert judged(probed(evidence, Health.UP, left=False, older=timedelta(hours=1)))


def test_a_link_that_the_plan_keeps_off_is_no_way_out(evidence: Evidence) -> None:
    def lost(plan: Plan) -> Plan:
        return replace(plan, links={name: replace(state, verdict=Verdict.DOWN) for name, state in plan.links.items()})

    assert judged(noted(evidence, lambda inputs: replace(inputs, plan=lost(inputs.plan))))


def test_a_link_that_was_not_seen_to_lose_packets_is_not_left_alone(evidence: Evidence) -> None:
    found = judged(probed(evidence, Health.UP, left=True))
    assert found
    assert all("was not seen to lose packets" in one for one in found)


def test_a_deed_of_which_no_journal_tells_is_found(evidence: Evidence) -> None:
    found = judged(replace(evidence, entries={}))
    assert found
    assert all("no journal says" in one for one in found)


def test_avoiding_a_link_for_what_nobody_saw_a_way_out_for_is_found(steered: Evidence) -> None:
    more = PrefixStance(prefix="192.0.2.0/24", stance=Stance.AVOID, rank=9)
    lone = [ask for ask, _ in of_no_plan(Record(steered))]

    def widened(setting: Setting) -> Setting:
        return replace(setting, imports=(*setting.imports, more)) if isinstance(setting, RoutePolicies) else setting

    rows = []
    for row in steered.accepted:
        if row.register.startswith("alone/"):
            told = tuple(replace(deed, setting=widened(deed.setting)) for deed in parse(row.value, Diary).deeds)
            rows.append(replace(row, value=canonical(Diary(deeds=told)).decode()))
        else:
            rows.append(row)
    asked = tuple(replace(ask, setting=widened(ask.setting)) if ask in lone else ask for ask in steered.asked)
    found = judged(replace(steered, accepted=tuple(rows), asked=asked))
    assert found
    assert all("192.0.2.0/24" in one for one in found)


def test_a_permission_is_used_only_soon_after_it_was_claimed_however_often_the_diary_is_written(steered: Evidence) -> None:
    (ask, _), *_ = of_no_plan(Record(steered))
    again = replace(steered, asked=(*steered.asked, replace(ask, at=ask.at + 60.0)))
    row = next(one for one in steered.accepted if one.register.startswith("alone/"))
    amended = replace(row, first=ask.at + 59.0, ballot=ballot(999, "0" * 16))
    told = list(every_write_has_a_reason(Record(replace(again, accepted=(*steered.accepted, amended)))))
    assert len(told) == 1


@pytest.mark.parametrize(("later", "phase", "count"), [(0.5, Phase.DONE, 1), (0.5, Phase.VOID, 0), (1.0, Phase.DONE, 0)])
def test_a_cloud_acts_alone_once_per_hold_down(steered: Evidence, later: float, phase: Phase, count: int) -> None:
    deed = deed_of(steered)
    other = replace(deed, at=deed.at + later * steered.fabric.policy.hold_down, by="another", phase=phase)
    register = f"alone/{steered.fabric.name}/{Cloud.AWS}"
    value = canonical(Diary(deeds=(deed, other))).decode()
    row = Accepted(at=None, first=1.0, register=register, ballot=ballot(1, "0" * 16), value=value)
    found = list(alone_only_what_is_safe(Record(replace(steered, accepted=(*steered.accepted, row)))))
    assert len(found) == count


def test_a_lever_that_is_set_alone_so_that_it_avoids_less_is_found(steered: Evidence) -> None:
    lone = [ask for ask, _ in of_no_plan(Record(steered))]
    more = PrefixStance(prefix="192.0.2.0/24", stance=Stance.AVOID, rank=9)

    def over(setting: Setting) -> Setting:
        assert isinstance(setting, RoutePolicies)
        return replace(setting, imports=(*setting.imports, more))

    asked = tuple(replace(ask, over=over(ask.over)) if ask in lone else ask for ask in steered.asked)
    assert list(alone_only_what_is_safe(Record(steered))) == []
    found = list(alone_only_what_is_safe(Record(replace(steered, asked=asked))))
    assert len(found) == len(lone) > 0
    assert all("asked alone for" in one for one in found)


def test_a_claim_alone_where_the_fabric_says_to_hold_is_found(steered: Evidence) -> None:
    policy = replace(steered.fabric.policy, without_quorum=WithoutQuorum.HOLD)
    found = list(alone_only_what_is_safe(Record(replace(steered, fabric=replace(steered.fabric, policy=policy)))))
    assert found
    assert all("the fabric says to hold" in one for one in found)


class Foretelling(Record):
    """A run in which what was announced beside an agreement leaves every other link lost too."""

    def foreseen(self, one: Intended) -> Iterator[tuple[Plan, Plan]]:
        """Let nothing carry in what was announced."""
        for before, after in super().foreseen(one):
            yield before, replace(after, links={name: replace(state, verdict=Verdict.DOWN) for name, state in after.links.items()})


def test_a_steer_ahead_of_its_agreement_that_leaves_the_last_healthy_link_is_found() -> None:
    evidence = next(one for one in map(seen, range(LOOKED_THROUGH)) if one.intended)
    assert judged(evidence) == []
    found = list(the_last_healthy_link_is_never_drained(Foretelling(evidence)))
    assert any("ahead of epoch" in one for one in found)
