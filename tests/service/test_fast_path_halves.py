"""Each half of a clause of the fast path closes it by itself, also where something behind it would stop the steer too.

Another fabric than the plan's is left before anything is decided, and neither deciding nor writing goes past a freeze, so
that dropping these halves does no harm by itself: they are the first of two locks, and a lock that is not tried rusts.
"""

import dataclasses

import pytest

from pointsman.core.decide import decide
from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState, Freeze, Plan
from pointsman.core.values import replace
from pointsman.service.converge import scope_of
from pointsman.service.fastpath import FRESH_SECONDS, Ground, refusal
from pointsman.service.gather import gather
from pointsman.testing.virtual import START, run
from tests.service.test_converge import build
from tests.service.test_fast_path import STEADY
from tests.service.test_fast_path_clauses import about, fails

MAJORITY = "a majority holds the plan that was read"
SAME = "the plan is of this fabric and these rules"
ROWS = "both clouds' rows are readable"
FLAGS = "both freeze flags are readable and clear"
YOUNG = "what was read is young"
FREEZE = Freeze(author="ann", reason="an audit", since=START)


@pytest.fixture(scope="module")
def open_ground() -> Ground:
    """Give what Google's attempt stands on as ix-a has failed and everything is known: the fast path is open."""

    async def main() -> Ground:
        world = build(STEADY)
        await world.settle(1)
        await world.settle(60)
        await fails(world)
        claims = about(world, Cloud.GCP, "ix-a")
        scope = scope_of(world.gcp, claims)
        gathered = await gather(world.gcp, claims, scope)
        held = await world.plan()
        decided = decide(world.gcp.current, gathered.view, held, gathered.now)
        assert isinstance(decided, Plan)
        return Ground(world.gcp, gathered, held, decided, 0.0, scope.levers)

    return run(main())


def test_the_ground_that_is_varied_here_is_open(open_ground: Ground) -> None:
    assert refusal(open_ground) == ""
    assert open_ground.settings != ()


@pytest.mark.parametrize(
    ("parts", "clause"),
    [
        ({"decider": "the last version's"}, SAME),
        ({"fabric_hash": "another"}, SAME),
        ({"freeze": FREEZE}, FLAGS),
        ({"epoch": 0}, MAJORITY),
    ],
)
def test_a_plan_of_other_rules_of_another_fabric_frozen_or_never_agreed_closes_it(
    open_ground: Ground, parts: dict[str, object], clause: str
) -> None:
    assert refusal(dataclasses.replace(open_ground, plan=replace(open_ground.plan, **parts))) == clause


@pytest.mark.parametrize("cloud", list(Cloud))
@pytest.mark.parametrize("state", [FlagState.SET, FlagState.UNREADABLE])
def test_either_clouds_flag_closes_it_when_it_is_set_and_when_it_cannot_be_read(
    open_ground: Ground, cloud: Cloud, state: FlagState
) -> None:
    view = open_ground.gathered.view
    frozen = replace(open_ground.gathered, view=replace(view, flags={**view.flags, cloud: state}))
    assert refusal(dataclasses.replace(open_ground, gathered=frozen)) == FLAGS
    missing = replace(open_ground.gathered, view=replace(view, flags={one: held for one, held in view.flags.items() if one is not cloud}))
    assert refusal(dataclasses.replace(open_ground, gathered=missing)) == FLAGS


def test_rows_that_cannot_be_read_or_noted_and_a_reading_that_is_old_close_it(open_ground: Ground) -> None:
    gathered = open_ground.gathered
    for changed, clause in (
        (replace(gathered, view=replace(gathered.view, unreadable=(Cloud.AWS,))), ROWS),
        (replace(gathered, view=replace(gathered.view, unreadable=(Cloud.GCP,))), ROWS),
        (replace(gathered, unrecorded="the store took nothing"), ROWS),
    ):
        assert refusal(dataclasses.replace(open_ground, gathered=changed)) == clause
    assert refusal(dataclasses.replace(open_ground, age=FRESH_SECONDS)) == ""
    assert refusal(dataclasses.replace(open_ground, age=FRESH_SECONDS + 0.1)) == YOUNG
