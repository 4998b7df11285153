"""A write that the plan lint refuses is a step with its reason, and nothing is sent."""

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.values import replace
from pointsman.service.sweep import sweep
from tests.core.scene import ATLAS, CHECKOUT, GCP, fabric
from tests.service.test_converge import World, story

OVER_THE_SESSION = replace(CHECKOUT, prefixes={**CHECKOUT.prefixes, GCP: ("169.254.0.0/16",)})


def test_a_refused_write_is_a_step_that_says_why_and_costs_no_request() -> None:
    async def tell(world: World) -> None:
        before = len(world.twin.writes)
        report = await sweep(world.gcp)
        refused = [step for step in report.steps if "plan lint (control-path)" in step.trouble]
        assert {step.setting.link for step in refused} >= {LinkName("ix-b")}  # type: ignore[union-attr]
        assert not any(step.written or step.again for step in refused)
        assert len(world.twin.writes) == before == 0

    story(tell, fabric(flows=(OVER_THE_SESSION,)))


def test_the_same_writes_are_made_where_the_lint_has_nothing_against_them() -> None:
    async def tell(world: World) -> None:
        assert world.twin.writes
        assert not [step for step in (await sweep(world.house(Cloud.GCP))).steps if step.trouble]

    story(tell, fabric(flows=ATLAS.flows))
