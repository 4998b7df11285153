"""What is looked at when a schedule is over: the flows that a dead control plane answers for."""

from datetime import timedelta

from pointsman.core.fabric import Cloud, FlowName, LinkName
from pointsman.core.plan import Drain, DrainCause, LinkState, Pin, Plan
from pointsman.core.steering import LeverKind, PrefixListPin
from pointsman.core.values import canonical
from pointsman.ports.stores import Row
from pointsman.testing.simulation.ending import dark, is_left
from pointsman.testing.simulation.fabrics import Shape
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.schedule import schedule
from pointsman.testing.simulation.stores import FIRST
from pointsman.testing.virtual import START, run

CHECKOUT, TARGET = FlowName("checkout"), LinkName("vpn-2")


def _play() -> Play:
    tunnels = next(one for one in (schedule(seed, kinds=()) for seed in range(1_000)) if one.shape is Shape.TUNNELS)
    return Play(tunnels, watching=False, telling=False)


async def _pinned(play: Play) -> None:
    lever = play.world.levers[Cloud.AWS][LeverKind.PREFIX_LIST_PIN].inner
    want = PrefixListPin(flow=CHECKOUT, attachment=play.schedule.fabric.link(TARGET).aws.attachments[0])
    await lever.apply(want, await lever.observe(CHECKOUT), "token")


def agreed(play: Play, *pins: Pin, links: dict[LinkName, LinkState] | None = None) -> None:
    """Let two stores hold a plan."""
    fabric = play.schedule.fabric
    plan = Plan(fabric=fabric.name, fabric_hash=fabric.hash, decider="1", epoch=1, decided_at=START, pins=pins, links=links or {})
    row = Row(promised=FIRST, accepted=FIRST, value=canonical(plan).decode())
    for store in ("aws", "gcp"):
        play.world.ledger.accepted(store, f"plan/{fabric.name}", row)


def test_a_pin_that_its_lever_still_holds_is_apart_though_the_plan_has_let_it_go() -> None:
    async def judged() -> set[str]:
        play = _play()
        await _pinned(play)
        agreed(play)
        return {one.flow for one in await dark(play)}

    assert run(judged()) == {"training", "backups"}


def test_a_pin_of_the_plan_that_no_lever_holds_excuses_nothing() -> None:
    async def judged() -> set[str]:
        play = _play()
        agreed(play, Pin(flow=CHECKOUT, link=TARGET, owner="pointsman", reason="broken", expires_at=START + timedelta(hours=1)))
        return {one.flow for one in await dark(play)}

    assert run(judged()) == {"checkout", "training", "backups"}


def test_a_link_is_left_when_the_plan_keeps_off_it_and_no_flow_is_on_it() -> None:
    async def judged(*, drained: bool, cut: bool) -> bool:
        play = _play()
        flow = play.schedule.fabric.flows[0].name
        await play.world.clock.sleep(60.0)
        play.world.twin.catch_up()
        name, *_ = play.world.twin.network.path(flow).to_gcp.links
        link = play.schedule.fabric.link(name)
        drain = Drain(cause=DrainCause.OUTAGE, since=START, epoch=1, enactor=Cloud.GCP)
        agreed(play, links={link.name: LinkState(drain=drain if drained else None)})
        if cut:
            play.world.twin.network.cut(name)
            await play.world.clock.sleep(60.0)
        return is_left(play, link)

    assert run(judged(drained=True, cut=True))
    assert not run(judged(drained=True, cut=False)), "its traffic is still on it"
    assert not run(judged(drained=False, cut=True)), "it went by itself"
