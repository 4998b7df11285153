"""What a resolve says is true: of a link that came back, of one that never left, and of flows that are still elsewhere."""

from pointsman.core.fabric import FlowName
from pointsman.core.outbox import follow
from pointsman.core.plan import LinkState, Placement, Plan, Verdict
from pointsman.core.values import replace
from tests.core.days import HOUR, STEP, Days, notice
from tests.core.outages import IX_A, IX_B, OUT, healed, opened, outage
from tests.core.scene import ATLAS, CHECKOUT, START, TRAINING, G, fabric, flow, link, seconds


def last(plan: Plan) -> str:
    return follow(ATLAS, plan, IX_A, 2, opened()).timeline[-1].text


def back(plan: Plan, state: LinkState | None = None, **flows: str | None) -> Plan:
    """Give the plan with ix-a up again since a while after the outage, and flows where they are said to be."""
    up = state or LinkState(verdict=Verdict.UP, since=START + seconds(60), closing=(2,))
    placed = {
        FlowName(name): Placement(link=None if to is None else next(one.name for one in ATLAS.links if one.name == to))
        for name, to in flows.items()
    }
    return replace(plan, links=plan.links | {IX_A: up}, flows=plan.flows | placed)


def test_a_link_that_came_back_and_its_flows_with_it_says_just_that() -> None:
    assert last(back(healed(), checkout="ix-a", training="ix-a")) == "ix-a is up again, and carries checkout, training"


def test_a_flow_that_is_still_elsewhere_is_named_with_where() -> None:
    assert {IX_A, IX_B} <= {*CHECKOUT.prefer}
    text = last(back(healed(), checkout="ix-b", training=None))
    assert text == "ix-a is up again, and carries no flow; checkout is still on ix-b, training has no link"


def test_a_flow_that_prefers_another_link_to_this_one_is_not_missed() -> None:
    assert TRAINING.prefer.index(IX_A) == 0
    plan = back(healed(), checkout="ix-a", training="ix-a")
    other = replace(ATLAS, flows=(CHECKOUT, replace(TRAINING, prefer=(IX_B, IX_A))))
    elsewhere = replace(plan, flows=plan.flows | {TRAINING.name: Placement(link=IX_B)})
    assert follow(other, elsewhere, IX_A, 2, opened()).timeline[-1].text == "ix-a is up again, and carries checkout"


def test_a_link_that_failed_anew_before_its_desks_were_told_is_not_called_back() -> None:
    down = LinkState(verdict=Verdict.DOWN, since=START + seconds(300), closing=(2,), down_since_epoch=9, drain=OUT)
    assert last(back(outage(epoch=9), down)) == "this incident is over; by now ix-a is down"
    ordered = LinkState(verdict=Verdict.UP, since=START + seconds(60), closing=(2,), drain=OUT)
    assert last(back(outage(epoch=9), ordered)) == "this incident is over; by now ix-a is drained"


def test_an_incident_that_only_asked_a_person_says_that_the_link_was_up_all_along() -> None:
    lonely = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", G, 1, ("ix-a",), 20),))
    story = Days(lonely).announce(notice(2 * HOUR, 3 * HOUR))
    while story.state().down_since_epoch is None:
        story.go(STEP)
    epoch = story.state().down_since_epoch
    assert epoch is not None
    incident = follow(lonely, story.plan, IX_A, epoch, None)
    story.until(3 * HOUR + STEP)
    over = follow(lonely, story.plan, IX_A, epoch, incident)
    assert over.timeline[-1].text == "ix-a was up all along, and carries checkout"


def test_an_incident_that_was_written_down_late_claims_nothing_of_its_beginning() -> None:
    plan = back(healed(), checkout="ix-a", training="ix-a")
    assert follow(ATLAS, plan, IX_A, 2, None).timeline[-1].text == "ix-a is up, and carries checkout, training"


def test_of_many_flows_some_are_named_and_the_rest_counted() -> None:
    many = tuple(replace(CHECKOUT, name=FlowName(f"flow-{number}")) for number in range(10))
    plan = replace(back(healed()), flows={one.name: Placement(link=IX_A) for one in many})
    text = follow(replace(ATLAS, flows=many), plan, IX_A, 2, opened()).timeline[-1].text
    assert text.endswith("flow-6, flow-7 and 2 more")
