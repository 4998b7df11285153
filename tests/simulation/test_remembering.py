"""A network that remembers how probes fared in a state gives what one gives that sends each of them."""

from random import Random  # noqa: TID251 - seeded, so that every run is alike

import pytest

from pointsman.testing.blueprint import blueprint
from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.model import Network
from pointsman.testing.network.policies import Act, Action, Direction, Match, Term
from pointsman.testing.simulation.fabrics import ROUTER, Shape, Terms, fabrics
from pointsman.testing.simulation.remembering import network

TURNS = 40


def change(one: Network, dice: Random, links: list[str]) -> None:
    """Change something that packets may hang on, and let some time pass."""
    link = dice.choice(links)
    match dice.randrange(6):
        case 0:
            one.cut(link, silent=dice.random() < 0.5)
        case 1:
            one.blackhole(link, towards=(dice.choice(tuple(Side)),))
        case 2:
            one.degrade(link, dice.choice((0.1, 0.4)))
        case 3:
            avoid = (Action(act=Act.MED_SET, value=20_000), Action(act=Act.ACCEPT))
            term = Term(priority=1, matches=(Match(prefix="10.0.0.0/8", or_longer=True),), actions=avoid)
            name = f"{dice.choice(('from', 'to'))}-{link.removeprefix('ix-')}"
            direction = Direction.IMPORT if name.startswith("from") else Direction.EXPORT
            one.put_route_policy(ROUTER.name, name, direction, [term], principal="a test")
        case _:
            one.heal(link)
    one.advance(one.now + dice.choice((0.5, 7.0, 30.0)))


@pytest.mark.parametrize("shape", list(Shape))
def test_probes_fare_alike_in_all_states_that_a_network_comes_to(shape: Shape) -> None:
    fabric = fabrics(shape, Terms())[1]
    links = [link.name for link in fabric.links]
    for seed in range(3):
        remembering = network(shape, seed)
        plain = Network(blueprint(fabric), seed=seed, announcing=False, counting=False)
        for turn in range(TURNS):
            for one in (remembering, plain):
                change(one, Random(f"{seed} {turn}"), [str(name) for name in links])
            asked = [(link.name, site) for link in fabric.links for site in (link.aws_site, link.gcp_site)]
            assert [remembering.probe(*one) for one in asked] == [plain.probe(*one) for one in asked]
