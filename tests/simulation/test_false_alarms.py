"""An incident of a link that nothing was wrong with is told, unless what another lost, and nobody knew of, fell on it."""

import pytest

from pointsman.core.fabric import LinkName
from pointsman.core.plan import Plan, Verdict
from pointsman.core.values import replace
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Evidence
from pointsman.testing.simulation.rules import nobody_is_alarmed_for_a_sound_link
from tests.simulation.tampered import Altered, seen

Alarm = tuple[float, Plan, LinkName, LinkName]
"""When an incident began, by which plan, of which link, and another that its flows may be on."""


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return seen(3)


@pytest.fixture(scope="module")
def alarm(evidence: Evidence) -> Alarm:
    record = Record(evidence)
    at, plan, link = next(
        (at, plan, name) for at, plan in record.history for name, state in plan.links.items() if state.down_since_epoch == plan.epoch
    )
    others = (one for flow in record.fabric(plan).flows if link in flow.prefer for one in flow.prefer if one != link)
    return at, plan, link, next(others)


def test_what_was_wrong_with_the_link_itself_before_is_a_reason_and_afterwards_is_none(evidence: Evidence, alarm: Alarm) -> None:
    at, plan, link, _ = alarm
    assert list(nobody_is_alarmed_for_a_sound_link(Record(replace(evidence, suffered={link: at - 1})))) == []
    for suffered in ({}, {link: at + 1}):
        told = list(nobody_is_alarmed_for_a_sound_link(Record(replace(evidence, suffered=suffered))))
        assert any(f"epoch {plan.epoch} opens an incident of {link}" in one for one in told)


def test_a_failure_of_another_that_no_plan_knew_of_is_a_reason(evidence: Evidence, alarm: Alarm) -> None:
    at, plan, link, other = alarm

    def knowing(verdict: Verdict) -> Record:
        def change(one: Plan) -> Plan:
            before = one.epoch < plan.epoch
            return replace(one, links=one.links | {other: replace(one.links[other], verdict=verdict)}) if before else one

        return Altered(replace(evidence, suffered={other: at - 1}), change)

    assert list(nobody_is_alarmed_for_a_sound_link(knowing(Verdict.UP))) == []
    for verdict in (Verdict.SUSPECT, Verdict.DOWN, Verdict.UNKNOWN):
        assert any(f"of {link}" in one for one in nobody_is_alarmed_for_a_sound_link(knowing(verdict)))
