"""Each clause of the fast path: the harm that is done without it, and that none is done with it.

In most of the stories the stores answer reads and agree to nothing, so that whatever was steered was steered by the fast
path: the normal one would have come to no agreement, or to another one with what the other cloud knows.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from pointsman.core.alone import row_of
from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud, Fabric, LinkName, Mode
from pointsman.core.members import index
from pointsman.core.plan import FlagState, Freeze, Plan
from pointsman.core.sightings import Cause, Health, Sighting
from pointsman.core.steering import LeverKind, Observed
from pointsman.core.values import canonical, replace
from pointsman.core.wants import route_policies
from pointsman.ports.clouds import LeverBusy, Look
from pointsman.quorum.ballots import above
from pointsman.service import fastpath
from pointsman.service.converge import converge
from pointsman.service.gather import note
from pointsman.testing.inprocess import probes
from pointsman.testing.stores import Weather
from pointsman.testing.virtual import run
from tests.core.scene import NUMBERS, TRAINING, G, fabric, flow, link
from tests.service.test_converge import World, build
from tests.service.test_fast_path import FLOWS, STEADY, agreed_to, refuse_to_agree

DOCS = Path(__file__).resolve().parents[2] / "docs"
Story = Callable[[World], Awaitable[bool]]
"""Tells what happened; True when harm was done."""

PAIR = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G), flows=(flow("checkout", 1 * G, 1, ("ix-a", "ix-b"), 20),))
NARROW = fabric(
    link("ix-a", 10 * G),
    link("ix-b", 5 * G),
    flows=(flow("checkout", 1 * G, 1, ("ix-b", "ix-a"), 20), flow("training", 6 * G, 5, ("ix-a", "ix-b"), 21)),
)
ASKING = fabric(link("ix-a", 10 * G), link("ix-b", 10 * G, mode=Mode.OBSERVE), flows=PAIR.flows)
ALONE = fabric(*PAIR.links, flows=(*PAIR.flows, flow("bulk", 8 * G, 9, ("ix-a",), 21)))
SPREAD = fabric(*STEADY.links, flows=(FLOWS[0], replace(TRAINING, prefer=(LinkName("ix-c"), LinkName("ix-b")))))
TIGHT = fabric(link("ix-a", 10 * G), link("ix-b", 5 * G), link("ix-c", 10 * G, cost=0.02), flows=FLOWS)


def about(world: World, cloud: Cloud, *links: str, lost: bool | None = None) -> tuple[Sighting, ...]:
    """Give what a cloud's prober says of these links; ``lost`` makes it say that they lose everything."""
    found = [
        one for one in probes(world.twin, cloud) if one.member.partition("/")[2].split(".")[2] in {str(NUMBERS[name]) for name in links}
    ]
    if not lost:
        return tuple(found)
    return tuple(replace(one, health=Health.DOWN, cause=Cause.PACKETS_LOST, value=1.0) for one in found)


async def fails(world: World, share: float = 1.0) -> None:
    """Let ix-a lose packets; AWS's prober has noted it."""
    world.twin.network.degrade("ix-a", share)
    await world.clock.sleep(1)
    assert await note(world.aws, about(world, Cloud.AWS, "ix-a")) == ""


async def reacts(world: World, cloud: Cloud = Cloud.GCP, claims: Sequence[Sighting] | None = None) -> None:
    """Let a cloud react as far as it may with stores that agree to nothing."""
    refuse_to_agree(world)
    with pytest.raises(Transient):
        await converge(world.house(cloud), about(world, cloud, "ix-a") if claims is None else claims)
    world.twin.catch_up()


def moved(world: World, before: dict[str, tuple[set[str], set[str]]]) -> bool:
    return any(world.links(name) != links for name, links in before.items())


def places(world: World) -> dict[str, tuple[set[str], set[str]]]:
    return {one.name: world.links(one.name) for one in world.twin.fabric.flows}


async def on_a_plan_that_only_a_minority_accepted(world: World) -> bool:
    """A person froze the plan; an order to thaw it got no further than one store, and may never come to stand."""
    freeze = Freeze(author="ann", reason="an audit", since=world.clock.now())
    frozen = await agreed_to(world, lambda plan: replace(plan, freeze=freeze))
    thawed = canonical(replace(frozen, epoch=frozen.epoch + 1, freeze=None)).decode()
    held = await world.table.gcp.read(world.gcp.plan_register)
    ballot = above([held.row.promised], "f" * 16)
    promised = await world.table.gcp.prepare(world.gcp.plan_register, ballot, held)
    await world.table.gcp.accept(world.gcp.plan_register, ballot, thawed, promised)  # type: ignore[arg-type]
    await fails(world)
    before = places(world)
    refuse_to_agree(world)
    world.table.witness.break_down()
    with pytest.raises(Transient):
        await converge(world.gcp, about(world, Cloud.GCP, "ix-a"))
    return moved(world, before)


async def on_a_plan_of_other_rules(world: World) -> bool:
    """The other cloud runs an older version, which keeps to ix-c what this one leads to ix-b: the two steer apart."""
    long_ago = world.twin.fabric.policy.hold_down
    older = await agreed_to(world, lambda plan: replace(plan, decider="the last version's", decided_at=plan.decided_at - long_ago))
    await fails(world)
    for store in world.table.stores:
        store.next("prepare", Weather(delay=1.0))
    reacting = asyncio.ensure_future(converge(world.gcp, about(world, Cloud.GCP, "ix-a")))
    await world.clock.sleep(0.5)

    def as_it_decides(plan: Plan) -> Plan:
        flows = {name: replace(one, link=LinkName("ix-c")) for name, one in plan.flows.items()}
        return replace(plan, flows=flows)

    newer = await agreed_to(world, as_it_decides)
    lever = world.gcp.levers[LeverKind.ROUTE_POLICY]
    held = [(one, (await lever.observe(one.name)).setting) for one in world.twin.fabric.links]
    await reacting
    return any(all(setting != route_policies(world.twin.fabric, plan, one) for plan in (older, newer)) for one, setting in held)


async def without_the_other_clouds_rows(world: World) -> bool:
    """AWS knows that the target is a black hole, and its rows cannot be read whole from here."""
    await fails(world, 0.3)
    world.twin.network.blackhole("ix-b")
    world.table.aws.spoil_row(Cloud.AWS)
    before = world.twin.network.loss("checkout")
    await reacts(world)
    return world.twin.network.loss("checkout") > before


async def with_a_flag_that_cannot_be_read(world: World) -> bool:
    """A person froze AWS, and Google cannot read that flag."""
    await fails(world)
    world.flags[Cloud.AWS].state = FlagState.UNREADABLE
    before = places(world)
    await reacts(world)
    return moved(world, before)


async def after_a_long_first_round_trip(world: World) -> bool:
    """A person freezes both clouds while a slow look goes on: the flags were read before it."""
    await fails(world)
    looker = world.gcp.looker

    class Slow:
        cloud = Cloud.GCP

        async def look(self, links: Sequence[str]) -> Look:
            await world.clock.sleep(5)
            return await looker.look(links)

    world.gcp = dataclasses.replace(world.gcp, looker=Slow())
    before = places(world)
    reacting = asyncio.ensure_future(reacts(world))
    await world.clock.sleep(1)
    for flag in world.flags.values():
        flag.state = FlagState.SET
    await reacting
    return moved(world, before)


async def on_two_failures_at_once(world: World) -> bool:
    """Both probers call two links dead that carry everything: it is the probers that died."""
    assert await note(world.aws, about(world, Cloud.AWS, "ix-a", "ix-b", lost=True)) == ""
    before = places(world)
    assert world.twin.network.loss("checkout") == 0
    await reacts(world, claims=about(world, Cloud.GCP, "ix-a", "ix-b", lost=True))
    return moved(world, before)


async def onto_a_link_that_people_keep_to_themselves(world: World) -> bool:
    """The only other link is in mode observe: whoever looks after it was not asked."""
    await fails(world)
    before = places(world)
    await reacts(world)
    return moved(world, before)


async def with_the_budget_spent(world: World) -> bool:
    """So much has moved within the hour that nothing more may, and what is steered beside the plan nobody counts."""
    spent = tuple(world.clock.now() - timedelta(minutes=one) for one in range(world.twin.fabric.policy.epochs_per_hour))
    await agreed_to(world, lambda plan: replace(plan, moves=spent))
    await fails(world)
    before = places(world)
    await reacts(world)
    return moved(world, before)


async def onto_a_link_that_is_too_small(world: World) -> bool:
    """Training is put where checkout was well."""
    assert world.links("checkout") == ({"ix-b"}, {"ix-b"})
    await fails(world, 0.1)
    assert world.twin.network.loss("checkout") == 0
    await reacts(world)
    return world.twin.network.loss("checkout") > 0


async def over_a_link_that_the_user_does_not_permit(world: World) -> bool:
    """Bulk may use ix-a alone: Google leaves it there, and AWS, which can only withdraw the link, would leave it to BGP."""
    assert world.links("bulk") == ({"ix-a"}, {"ix-a"})
    await fails(world, 0.1)
    assert await note(world.gcp, about(world, Cloud.GCP, "ix-a")) == ""
    await reacts(world, Cloud.AWS)
    return world.links("bulk") != ({"ix-a"}, {"ix-a"})


async def onto_a_link_that_nobody_looked_at(world: World) -> bool:
    """The target was cut a moment ago, no event has told of it yet, and the look was throttled: AWS withdraws the last way."""
    await fails(world, 0.3)
    assert await note(world.gcp, about(world, Cloud.GCP, "ix-a")) == ""
    world.twin.network.cut("ix-b")
    await world.clock.sleep(0.1)

    class Throttled:
        cloud = Cloud.AWS

        async def look(self, links: Sequence[str]) -> Look:
            del links
            raise Transient("throttled: look again later")

    world.aws = dataclasses.replace(world.aws, looker=Throttled())
    await reacts(world, Cloud.AWS)
    return not world.twin.network.reaches("aws-use1", "gcp-use4")


async def onto_a_link_that_was_seen_in_part(world: World) -> bool:
    """The target's port went dark a moment ago, which its session does not know yet, and the look at ports alone was throttled."""
    await fails(world, 0.3)
    assert await note(world.gcp, about(world, Cloud.GCP, "ix-a")) == ""
    world.twin.network.cut("ix-b")
    await world.clock.sleep(0.1)
    looker = world.aws.looker
    places = index(world.aws.current)

    class Partly:
        cloud = Cloud.AWS

        async def look(self, links: Sequence[str]) -> Look:
            told = (await looker.look(links)).claims
            said = {one.member: one.health for one in told if places[one.member].link == "ix-b"}
            assert set(said.values()) == {Health.UP}
            throttled = next(key for key, place in places.items() if place.link == "ix-b" and key not in said)
            return Look(claims=told, unseen=(throttled,))

    world.aws = dataclasses.replace(world.aws, looker=Partly())
    await reacts(world, Cloud.AWS)
    return not world.twin.network.reaches("aws-use1", "gcp-use4")


async def with_a_lever_that_could_not_be_read(world: World) -> bool:
    """The lever on ix-c is busy, so half a steer is made: training falls onto ix-b, which is too small for it."""
    await fails(world, 0.1)
    lever = world.gcp.levers[LeverKind.ROUTE_POLICY]

    class Busy:
        kind = LeverKind.ROUTE_POLICY

        async def observe(self, target: str) -> Observed:
            if target == "ix-c":
                raise LeverBusy("the router is still changing: look again later")
            return await lever.observe(target)

        apply, undo, verify = lever.apply, lever.undo, lever.verify

    world.gcp = dataclasses.replace(world.gcp, levers={LeverKind.ROUTE_POLICY: Busy()})
    before = world.twin.network.loss("checkout")
    await reacts(world)
    return world.twin.network.loss("checkout") > before


async def on_more_than_was_foreseen(world: World) -> bool:
    """AWS once kept traffic off ix-c alone, and the decision would take that over: a well link is left along with the failed one."""
    assert world.links("training") == ({"ix-c"}, {"ix-c"})
    await fails(world)
    row = row_of(Cloud.AWS, LinkName("ix-c"), (await world.plan()).epoch, world.clock.now())
    assert await note(world.aws, [row]) == ""
    await reacts(world)
    return world.links("training") != ({"ix-c"}, {"ix-c"})


STORIES: dict[str, tuple[Story, Fabric]] = {
    "a majority holds the plan that was read": (on_a_plan_that_only_a_minority_accepted, STEADY),
    "the plan is of this fabric and these rules": (on_a_plan_of_other_rules, STEADY),
    "both clouds' rows are readable": (without_the_other_clouds_rows, STEADY),
    "both freeze flags are readable and clear": (with_a_flag_that_cannot_be_read, STEADY),
    "what was read is young": (after_a_long_first_round_trip, STEADY),
    "exactly one failure domain differs": (on_two_failures_at_once, SPREAD),
    "every link concerned is steered without asking": (onto_a_link_that_people_keep_to_themselves, ASKING),
    "budget is left": (with_the_budget_spent, STEADY),
    "nothing is overloaded": (onto_a_link_that_is_too_small, NARROW),
    "every flow may go where BGP takes it": (over_a_link_that_the_user_does_not_permit, ALONE),
    "the targets are seen up": (onto_a_link_that_nobody_looked_at, PAIR),
    "the levers were read": (with_a_lever_that_could_not_be_read, TIGHT),
    "what was decided is what was foreseen": (on_more_than_was_foreseen, SPREAD),
}


def harm(clause: str) -> bool:
    tell, start = STORIES[clause]

    async def main() -> bool:
        world = build(start)
        await world.settle(1)
        await world.settle(60)
        return await tell(world)

    return run(main())


def test_a_link_of_which_a_part_was_not_seen_is_no_target() -> None:
    async def main() -> bool:
        world = build(PAIR)
        await world.settle(1)
        await world.settle(60)
        return await onto_a_link_that_was_seen_in_part(world)

    assert not run(main())


def test_every_clause_has_its_story() -> None:
    assert list(STORIES) == list(fastpath.CLAUSES)


def test_the_page_lists_every_clause_and_the_decision_counts_them() -> None:
    page, decision = (DOCS / "fastpath.md").read_text(), (DOCS / "adr" / "0018-the-fast-path.md").read_text()
    listed = [row.split(" | ")[0].removeprefix("| ") for row in page.splitlines() if row.startswith("| ")]
    assert listed == ["clause", *fastpath.CLAUSES]
    assert (len(fastpath.CLAUSES), "**Thirteen clauses, all of them**" in decision) == (13, True)


@pytest.mark.parametrize("clause", list(STORIES))
def test_without_a_clause_harm_is_done(clause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastpath, "CLAUSES", {name: one for name, one in fastpath.CLAUSES.items() if name != clause})
    assert harm(clause)


@pytest.mark.parametrize("clause", list(STORIES))
def test_with_all_clauses_none_is_done(clause: str) -> None:
    assert not harm(clause)
