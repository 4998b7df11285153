"""What was decided hangs on no order of rows: rules for which it does are found, whatever order the rows stood in."""

from collections.abc import Callable
from datetime import datetime

import pytest

from pointsman.core.decide import RULES, Declined, Rules
from pointsman.core.fabric import Fabric
from pointsman.core.journal import opened, seal
from pointsman.core.plan import Plan, View
from pointsman.core.sightings import Health
from pointsman.core.values import replace
from pointsman.testing.simulation import invariants, turned
from pointsman.testing.simulation.agreed import Record
from pointsman.testing.simulation.evidence import Evidence
from pointsman.testing.simulation.invariants import the_newest_claims_decide
from tests.simulation.tampered import Altered, seen

Deciding = Callable[[Fabric, View, Plan, datetime], Plan | Declined]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return seen(3)


def by_the_first_row(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Plan | Declined:
    """Decide as the shipped rules do, from what comes after the first row that says up."""
    first = next((place for place, row in enumerate(view.rows) if row.health is Health.UP), 0)
    return RULES.decide(fabric, replace(view, rows=view.rows[first + 1 :]), plan, now)


def by_rows_of_one_order(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Plan | Declined:
    """Decide as the shipped rules do, from the rows as their names sort, whatever order they stood in."""
    return RULES.decide(
        fabric, replace(view, rows=tuple(sorted(view.rows, key=lambda row: (row.row, row.seen_at), reverse=True))), plan, now
    )


def decided_by(evidence: Evidence, rules: Rules) -> Record:
    """Give the run as it had been if some rules had decided each of its plans from what that was decided from."""
    names, entries = dict[str, str](), dict[str, bytes]()
    for plan in Record(evidence).plans:
        entry = opened(plan.entry, evidence.entries[plan.entry])
        decided = rules.decide(evidence.fabrics[entry.plan.fabric_hash], entry.view, entry.before, entry.now)
        assert isinstance(decided, Plan)
        sealed = seal(entry.before, entry.view, entry.now, replace(decided, decider=RULES.version))
        names[plan.entry], entries[sealed.digest] = sealed.digest, sealed.packed
    return Altered(replace(evidence, entries=entries), lambda plan: replace(plan, entry=names[plan.entry]))


def found(record: Record) -> list[str]:
    return list(the_newest_claims_decide(record))


def test_what_was_decided_is_decided_again_from_the_rows_in_another_order(evidence: Evidence) -> None:
    plans = Record(evidence).plans
    rows = [opened(plan.entry, evidence.entries[plan.entry]).view.rows for plan in plans]
    assert sum(len(one) > 1 for one in rows) > turned.ENTRIES
    assert found(Record(evidence)) == []


@pytest.mark.parametrize(("decide", "wrong"), [(by_the_first_row, True), (by_rows_of_one_order, False)])
def test_rules_that_go_by_the_order_of_rows_are_found(
    evidence: Evidence, decide: Deciding, monkeypatch: pytest.MonkeyPatch, *, wrong: bool
) -> None:
    rules = Rules(RULES.version, decide)
    monkeypatch.setitem(turned.RULES, RULES.version, rules)
    assert any("is decided otherwise from the same rows" in one for one in found(decided_by(evidence, rules))) is wrong


def test_rules_that_go_by_the_order_of_what_is_seen_at_the_end_are_found(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    def named_by_the_first_row(_fabric: Fabric, view: View, plan: Plan, _now: datetime) -> Plan:
        return replace(plan, entry=view.rows[0].member)

    monkeypatch.setattr(invariants, "decide", named_by_the_first_row)
    (said,) = found(Record(evidence))
    assert "what is seen at the end is decided otherwise" in said


def test_an_entry_that_does_not_follow_from_its_rows_is_found(evidence: Evidence) -> None:
    def unchained(fabric: Fabric, view: View, plan: Plan, now: datetime) -> Plan | Declined:
        return replace(RULES.decide(fabric, view, plan, now), prev_digest="")

    assert len(found(decided_by(evidence, Rules(RULES.version, unchained)))) == turned.ENTRIES
