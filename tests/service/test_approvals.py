"""Links in mode recommend over the in-process twin: nothing moves before a person's word, and then exactly what was proposed."""

from pointsman.core.fabric import Cloud, Mode
from pointsman.core.plan import Proposal
from pointsman.core.sightings import Verb
from tests.core.scene import G, fabric, link, vpn
from tests.service.test_converge import World, story
from tests.service.test_orders import IX_A, carried_out, ordered, refused

RECOMMENDED = fabric(link("ix-a", 10 * G, mode=Mode.RECOMMEND), link("ix-b", 10 * G), link("ix-c", 10 * G, cost=0.02), vpn())


async def goes_grey(world: World) -> Proposal:
    """Let the link in mode recommend lose packets; gives what is proposed."""
    world.twin.network.blackhole("ix-a")
    await world.settle(30)
    proposal = (await world.plan()).proposal
    assert proposal is not None
    return proposal


def test_a_link_in_mode_recommend_is_left_alone_until_a_person_approves_of_exactly_what_is_proposed() -> None:
    async def tell(world: World) -> None:
        proposal = await goes_grey(world)
        assert not any("ix-a" in str(setting) for _, setting in world.twin.writes)
        assert (proposal.leave, world.links("checkout")) == ((IX_A,), ({"ix-a"}, {"ix-a"}))
        await carried_out(world, Verb.APPROVE, proposal.hash)
        plan = await world.plan()
        assert plan.links[IX_A].drain is not None
        assert {name: one.link for name, one in plan.flows.items()} | proposal.flows == {name: one.link for name, one in plan.flows.items()}
        assert world.links("checkout") == ({"ix-b"}, {"ix-b"})

    story(tell, RECOMMENDED)


def test_its_return_waits_for_an_approval_too_and_its_levers_are_set_back_and_let_go() -> None:
    async def tell(world: World) -> None:
        proposal = await goes_grey(world)
        await carried_out(world, Verb.APPROVE, proposal.hash)
        world.twin.network.heal("ix-a")
        await world.settle(700, every=30)
        plan = await world.plan()
        assert plan.links[IX_A].drain is not None
        assert plan.proposal is not None
        assert plan.proposal.back == (IX_A,)
        await carried_out(world, Verb.APPROVE, plan.proposal.hash)
        await world.settle(60)
        after = await world.plan()
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})
        assert (after.links[IX_A].drain, after.links[IX_A].steered, after.proposal) == (None, None, None)

    story(tell, RECOMMENDED)


def test_an_approval_of_what_was_proposed_before_things_changed_is_refused_and_moves_nothing() -> None:
    async def tell(world: World) -> None:
        proposal = await goes_grey(world)
        world.twin.network.blackhole("ix-b")
        for cloud in Cloud:
            await world.report(cloud)
        await refused(world, ordered(world, Verb.APPROVE, proposal.hash), "approval for another plan's hash")
        changed = (await world.plan()).proposal
        assert changed is not None
        assert changed.hash != proposal.hash
        await carried_out(world, Verb.APPROVE, changed.hash)
        assert "ix-a" not in world.links("checkout")[0]

    story(tell, RECOMMENDED)


def test_an_approval_that_comes_when_rows_say_otherwise_by_now_is_refused() -> None:
    async def tell(world: World) -> None:
        proposal = await goes_grey(world)
        world.twin.network.heal("ix-a")
        await world.clock.sleep(5)
        await world.settle(1)
        await refused(world, ordered(world, Verb.APPROVE, proposal.hash), "approval for another plan's hash: nothing waits")
        assert world.links("checkout") == ({"ix-a"}, {"ix-a"})

    story(tell, RECOMMENDED)


def test_what_was_denied_stays_so_until_it_is_proposed_anew() -> None:
    async def tell(world: World) -> None:
        proposal = await goes_grey(world)
        await carried_out(world, Verb.DENY, proposal.hash)
        await refused(world, ordered(world, Verb.APPROVE, proposal.hash), "was denied by operator: fibre works")
        await world.settle(5 * 3600, every=1200)
        anew = (await world.plan()).proposal
        assert anew is not None
        assert anew.hash != proposal.hash
        assert not anew.denied

    story(tell, RECOMMENDED)


def test_the_ticket_names_the_command_that_approves() -> None:
    async def tell(world: World) -> None:
        proposal = await goes_grey(world)
        epoch = (await world.plan()).links[IX_A].down_since_epoch
        reading = await world.aws.registers.read(f"incident/atlas/ix-a@{epoch}")
        assert f"pointsman approve FABRIC {proposal.hash} --author NAME --reason WHY" in str(reading.value)

    story(tell, RECOMMENDED)
