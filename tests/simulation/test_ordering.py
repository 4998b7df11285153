"""What must hold of orders is judged: what breaks a rule is found, and what was played breaks none."""

from datetime import timedelta

import pytest

from pointsman.core.fabric import LinkName
from pointsman.core.orders import ends, is_done, kept
from pointsman.core.plan import Drain, Freeze, Plan
from pointsman.core.sightings import Order, Verb
from pointsman.core.values import replace
from pointsman.testing.simulation.agreed import PLAN_SECONDS, Record
from pointsman.testing.simulation.evidence import Evidence
from pointsman.testing.simulation.kinds import FaultKind
from pointsman.testing.simulation.ordering import OF_ORDERS
from pointsman.testing.simulation.scenes import Scene
from pointsman.testing.simulation.schedule import schedule
from pointsman.testing.simulation.system import play
from tests.simulation.tampered import Altered, seen

ORDERED = [seed for seed in range(400) if schedule(seed).scene is Scene.ORDERS]


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """Give the first run in which a person drains a link."""
    return next(one for one in map(seen, ORDERED) if drains(Record(one)))


def drains(record: Record) -> list[tuple[Plan, LinkName, Drain]]:
    """List the plans of an ordered drain, each with its link."""
    return [(plan, name, one.drain) for plan in record.plans for name, one in plan.links.items() if one.drain and one.drain.by]


def found(rule: str, record: Record) -> list[str]:
    return list(OF_ORDERS[rule](record))


def carried_out(evidence: Evidence) -> tuple[Order, int]:
    """Give an order that was carried out, with the epoch."""
    record = Record(evidence)
    return next((one, plan.epoch) for one in evidence.given for plan in record.plans if one.verb is Verb.DRAIN and is_done(plan, one))


def test_what_was_played_breaks_no_rule(evidence: Evidence) -> None:
    assert [what for rule in OF_ORDERS for what in found(rule, Record(evidence))] == []


def test_an_order_that_nobody_gave_is_found(evidence: Evidence) -> None:
    alone = Record(replace(evidence, given=()))
    assert found("orders once", alone)
    assert found("orders alone", alone)


def test_an_order_that_is_carried_out_after_it_expired_is_found(evidence: Evidence) -> None:
    one, epoch = carried_out(evidence)
    late = Altered(evidence, lambda plan: replace(plan, decided_at=ends(one)) if plan.epoch == epoch else plan)
    assert any(f"carries out {one.key}" in what for what in found("orders once", late))


def test_an_order_that_is_carried_out_twice_is_found(evidence: Evidence) -> None:
    _, epoch = carried_out(evidence)
    twice = Altered(evidence, lambda plan: replace(plan, orders=()) if plan.epoch == epoch + 1 else plan)
    assert found("orders once", twice)


def test_a_drain_of_another_link_than_was_ordered_is_found(evidence: Evidence) -> None:
    given = tuple(replace(one, target="ix-9") for one in evidence.given)
    assert found("orders alone", Record(replace(evidence, given=given)))


def test_a_word_on_what_did_not_wait_is_found(evidence: Evidence) -> None:
    one, epoch = carried_out(evidence)
    word = replace(one, verb=Verb.APPROVE, target="0123456789abcdef")

    def told(plan: Plan) -> Plan:
        return replace(plan, orders=kept(replace(plan, orders=()), (word,), word.seen_at)) if plan.epoch == epoch else plan

    assert found("orders hash", Altered(replace(evidence, given=(word,)), told))


def test_a_return_before_the_order_ends_is_found(evidence: Evidence) -> None:
    plan, name, drain = drains(Record(evidence))[0]
    assert drain.until is not None

    def returned(one: Plan) -> Plan:
        back = replace(plan.links[name], drain=None)
        return replace(plan, epoch=one.epoch, links=plan.links | {name: back}) if one.epoch == plan.epoch + 1 else one

    assert found("orders hold", Altered(evidence, returned))


def test_a_lever_that_is_asked_while_the_plan_is_frozen_is_found(evidence: Evidence) -> None:
    freeze = Freeze(author="an operator", reason="stop", since=evidence.now)
    record = Altered(evidence, lambda plan: replace(plan, freeze=freeze))
    assert max(one.at for one in evidence.asked) > record.history[0][0] + PLAN_SECONDS
    assert found("orders freeze", record)
    assert found("orders alone", Altered(evidence, lambda plan: replace(plan, freeze=freeze if plan.epoch > 1 else None)))
    assert found("orders end", record)


def test_a_drain_that_never_ends_is_found(evidence: Evidence) -> None:
    plan, name, _ = drains(Record(evidence))[0]
    held = plan.links[name]
    assert found("orders end", Altered(evidence, lambda one: replace(one, links=one.links | {name: held})))


def test_orders_alone_are_played_and_break_nothing() -> None:
    tallies = [play(seed, kinds=(FaultKind.ORDER_GIVEN,)) for seed in range(30)]
    assert [what for one in tallies for what in one.violations] == []
    assert sum(one.faults[FaultKind.ORDER_GIVEN] for one in tallies) > len(tallies)


def test_in_the_scene_of_orders_links_are_drained_and_let_go_and_steering_is_frozen() -> None:
    records = [Record(seen(seed)) for seed in ORDERED[:20]]
    done = {one.verb for record in records for one in record.evidence.given for plan in record.plans if is_done(plan, one)}
    assert done >= {Verb.DRAIN, Verb.UNDRAIN, Verb.FREEZE}
    assert any(plan.freeze is not None and plan.freeze.until is not None for record in records for plan in record.plans)
    lasting = [drain.until - drain.since for record in records for _, _, drain in drains(record) if drain.until is not None]
    assert min(lasting) < timedelta(seconds=60), "some end within a storm"
