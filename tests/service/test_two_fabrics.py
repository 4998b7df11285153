"""Two fabrics in one set of stores share their rows: each is told of the other."""

from datetime import timedelta

import pytest

from pointsman.core.adopting import SHARED_FOR, name_row, others
from pointsman.core.fabric import Cloud
from pointsman.core.values import replace
from pointsman.service.status import status
from pointsman.service.sweep import sweep
from tests.service.test_converge import World, story
from tests.service.test_status import one_of, table, well


async def share(world: World, cloud: Cloud, age: timedelta = timedelta(0)) -> None:
    """Let functions of another fabric have swept with these stores."""
    other = replace(world.gcp.current, name="borea")
    await getattr(world.table, cloud.value).note(cloud, [name_row(cloud, other, world.clock.now() - age)])


@pytest.mark.parametrize("cloud", Cloud)
def test_status_and_the_sweeps_of_both_clouds_name_the_other_fabric_and_what_to_do(cloud: Cloud) -> None:
    async def tell(world: World) -> None:
        await well(world)
        await share(world, cloud, timedelta(hours=3))
        told = "borea keeps its rows in these stores too"
        assert "stores of its own" in one_of(await status(table(world)), told)
        for house in (world.aws, world.gcp):
            assert [text for text in (await sweep(house)).doubts if told in text]

    story(tell)


def test_a_fabric_that_has_gone_is_forgotten_in_a_day_and_one_alone_is_told_nothing() -> None:
    async def tell(world: World) -> None:
        await well(world)
        assert (await status(table(world))).todo == ()
        await share(world, Cloud.AWS, SHARED_FOR + timedelta(minutes=1))
        assert (await status(table(world))).todo == ()
        assert (await sweep(world.aws)).doubts == ()

    story(tell)


def test_each_cloud_signs_its_rows_with_the_fabrics_name() -> None:
    async def tell(world: World) -> None:
        await well(world)
        for cloud in Cloud:
            rows = (await getattr(world.table, cloud.value).rows(cloud)).rows
            assert others(rows, (replace(world.gcp.current, name="borea"),), world.clock.now()) == ("atlas",)
            assert others(rows, (world.gcp.current,), world.clock.now()) == ()

    story(tell)
