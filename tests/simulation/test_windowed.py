"""What must hold of announced maintenance is judged: what breaks a rule is found, and what was played breaks none."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from pointsman.core.fabric import Bandwidth, LinkName
from pointsman.core.plan import LinkState, Placement, Plan, Verdict
from pointsman.core.values import replace
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Evidence, Foretold
from pointsman.testing.simulation.kinds import RARE, FaultKind
from pointsman.testing.simulation.scenes import Scene
from pointsman.testing.simulation.schedule import Schedule, schedule
from pointsman.testing.simulation.system import play
from pointsman.testing.simulation.windowed import OF_WINDOWS, drained_for_it
from tests.simulation.tampered import Altered, seen

WINDOWED = [seed for seed in range(400) if schedule(seed).scene is Scene.WINDOW]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """Give the first run in which a link is left for a window."""
    return next(one for one in map(seen, WINDOWED) if left(Record(one)))


def left(record: Record) -> list[tuple[Plan, LinkName]]:
    """List the plans that leave a link for its window."""
    return [
        (plan, name)
        for plan in record.plans
        for name, one in plan.links.items()
        if drained_for_it(one) and one.drain and one.drain.epoch == plan.epoch
    ]


def found(rule: str, record: Record) -> list[str]:
    return list(OF_WINDOWS[rule](record))


def of(plan: Plan, name: LinkName, change: Callable[[LinkState], LinkState]) -> Plan:
    return replace(plan, links=plan.links | {name: change(plan.links[name])})


def test_what_was_played_breaks_no_rule(evidence: Evidence) -> None:
    assert [what for rule in OF_WINDOWS for what in found(rule, Record(evidence))] == []


def test_a_window_that_nobody_announced_is_found(evidence: Evidence) -> None:
    assert found("windows announced", Record(replace(evidence, works=())))


def test_a_window_that_is_believed_longer_than_it_was_announced_is_found(evidence: Evidence) -> None:
    works = tuple(replace(one, end=one.end - timedelta(seconds=1)) for one in evidence.works)
    assert found("windows announced", Record(replace(evidence, works=works)))


def test_a_window_of_another_link_explains_nothing(evidence: Evidence) -> None:
    works = tuple(Foretold(link="ix-9", start=one.start, end=one.end) for one in evidence.works)
    assert found("windows announced", Record(replace(evidence, works=works)))


def test_a_link_that_is_left_for_a_window_that_is_over_is_found(evidence: Evidence) -> None:
    plan, name = left(Record(evidence))[0]
    window = plan.links[name].maintenance
    assert window is not None

    def late(one: Plan) -> Plan:
        return replace(one, decided_at=window.until) if one.epoch == plan.epoch else one

    assert found("windows announced", Altered(evidence, late))


def test_a_window_that_takes_a_flow_its_last_path_is_found(evidence: Evidence) -> None:
    _, name = left(Record(evidence))[0]

    def others_were_never_up(one: Plan) -> Plan:
        links = {other: state if other == name else replace(state, verdict=Verdict.DOWN) for other, state in one.links.items()}
        return replace(one, links=links)

    assert found("windows last path", Altered(evidence, others_were_never_up))


def test_a_window_that_squeezes_a_flow_is_found(evidence: Evidence) -> None:
    plan, _ = left(Record(evidence))[0]

    def squeezed(one: Plan) -> Plan:
        flows = {flow: Placement(link=placed.link, squeezed_by=Bandwidth(1)) for flow, placed in one.flows.items()}
        return replace(one, flows=flows) if one.epoch == plan.epoch else one

    assert found("windows last path", Altered(evidence, squeezed))


def test_a_return_within_the_window_is_found(evidence: Evidence) -> None:
    plan, name = left(Record(evidence))[0]

    def returned(one: Plan) -> Plan:
        back = replace(plan.links[name], drain=None)
        return replace(plan, epoch=one.epoch, links=plan.links | {name: back}) if one.epoch == plan.epoch + 1 else one

    assert found("windows hold", Altered(evidence, returned))


def test_a_window_that_never_ends_is_found(evidence: Evidence) -> None:
    plan, name = left(Record(evidence))[0]
    assert found("windows end", Altered(evidence, lambda one: of(one, name, lambda _: plan.links[name])))


def test_windows_alone_are_played_and_break_nothing() -> None:
    tallies = [play(seed, kinds=(FaultKind.WINDOW_ANNOUNCED, FaultKind.WINDOW_BY_HAND)) for seed in range(30)]
    assert [what for one in tallies for what in one.violations] == []
    assert all(sum(one.faults[kind] for one in tallies) for kind in (FaultKind.WINDOW_ANNOUNCED, FaultKind.WINDOW_BY_HAND))


def test_what_comes_rarely_comes_in_few_schedules_and_leaves_the_others_as_they_are() -> None:
    others = tuple(kind for kind in FaultKind if kind not in RARE)
    plain = [seed for seed in range(1000) if not _rare(schedule(seed))]
    assert len(plain) > 600
    assert all(replace(schedule(seed), kinds=others) == schedule(seed, others) for seed in plain[:100])


def _rare(one: Schedule) -> bool:
    return bool(RARE & ({mishap.kind for mishap in one.mishaps} | {cue.kind for cue in one.cues}))
