"""What a link's failures count for over time: told from the journal, drawn for a terminal and as a file."""

import asyncio
import xml.etree.ElementTree as ET
from pathlib import Path

from pointsman.cli.penalty import chart
from pointsman.cli.telling import lines
from pointsman.console.penalty import drawing
from pointsman.core.damping import decayed
from pointsman.core.fabric import Fabric, LinkName
from pointsman.core.penalties import PenaltyStory, curve, penalty_story
from pointsman.core.sightings import Health
from pointsman.service.explain import Asked, Explanation, explain
from pointsman.service.status import Table
from tests.core.scene import ATLAS, Story, aws_probe, gcp_probe
from tests.service.journalled import InSqlite
from tests.service.test_flap_storm import observing
from tests.service.told import agree, table_over

IX_A = LinkName("ix-a")


def flapped(tmp_path: Path, times: int, fabric: Fabric = ATLAS) -> tuple[Table, Story]:
    """Let ix-a fail as often, and agree on each step of it."""
    kept, story = InSqlite(tmp_path / "table.sqlite"), Story(fabric)

    async def tell() -> None:
        story.all_healthy(0)
        await agree(kept.store, story, 1)
        for number in range(times):
            at = 10.0 + 20 * number
            story.note(*aws_probe("ix-a", Health.DOWN, at), *gcp_probe("ix-a", Health.DOWN, at))
            await agree(kept.store, story, at)
            story.all_healthy(at + 10)
            if number < times - 1:
                await agree(kept.store, story, at + 10)

    asyncio.run(tell())
    return table_over(kept.store, fabric=fabric), story


def explained(table: Table, incident: str = "atlas/ix-a@2") -> Explanation:
    return asyncio.run(explain(table, Asked(links=("ix-a",), flows=("checkout",), incident=incident)))


def penalty_in(found: Explanation) -> PenaltyStory:
    assert len(found.penalties) == 1
    return found.penalties[0]


def test_an_incident_tells_every_failure_that_was_charged_to_its_link(tmp_path: Path) -> None:
    table, _ = flapped(tmp_path, 4)
    penalty = penalty_in(explained(table))
    left = [decayed(before.figure, after.at - before.at, ATLAS.policy.damping.half_life) for before, after in pairs(penalty)]
    assert [charge.figure for charge in penalty.charges] == [1000, *(figure + 1000 for figure in left)]
    assert [charge.epoch for charge in penalty.charges] == [2, 4, 6, 8]
    assert (penalty.reuse, penalty.ceiling, penalty.observed) == (750, 12_000, False)


def pairs(story: PenaltyStory) -> list[tuple]:  # type: ignore[type-arg]
    return list(zip(story.charges, story.charges[1:], strict=False))


def test_the_page_shows_the_penalty_with_its_thresholds_and_when_it_is_under_reuse(tmp_path: Path) -> None:
    table, _ = flapped(tmp_path, 4)
    page = "\n".join(lines(explained(table)))
    penalty = penalty_in(explained(table))
    assert "penalty of ix-a:" in page
    assert "4 failures charged" in page
    assert f"{penalty.under_reuse_at:%FT%TZ}" in page
    assert "reuse 750 |" in page
    assert "fail-back 3000 |" in page
    assert max(len(line) for line in chart(penalty)) <= 80


def test_a_curve_rises_at_each_failure_and_falls_under_reuse_in_the_end(tmp_path: Path) -> None:
    table, _ = flapped(tmp_path, 3)
    samples = curve(penalty_in(explained(table)), 500)
    assert samples[0][1] == 1000
    assert max(figure for _, figure in samples) > 2900
    assert samples[-1][1] < 750 <= samples[-60][1]


def test_the_drawing_is_svg_with_a_curve_and_a_mark_for_each_failure(tmp_path: Path) -> None:
    table, _ = flapped(tmp_path, 4)
    root = ET.fromstring(drawing("atlas", explained(table).penalties))
    kinds = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert (kinds.count("polyline"), kinds.count("circle")) == (1, 4)


def test_with_observe_the_page_says_what_would_have_been_damped(tmp_path: Path) -> None:
    table, story = flapped(tmp_path, 4, observing(ATLAS))
    found = explained(table)
    penalty = penalty_in(found)
    told = penalty_story(story.fabric, IX_A, [story.plan], penalty.charges[-1].at)
    assert told is not None
    assert "only observed: it would have been damped until" in told.text
    assert any("would be damped, and is only observed" in reason.because for reason in story.plan.reasons)


def test_a_drained_link_says_that_its_return_waits_for_the_penalty(tmp_path: Path) -> None:
    table, story = flapped(tmp_path, 4)
    early = asyncio.run(explain(table, Asked(links=("ix-a",), flows=(), epoch=story.plan.epoch)))
    assert any(text.startswith("damped: penalty") for text in early.links[0].fail_back)


def test_a_link_that_never_failed_has_no_penalty_to_show(tmp_path: Path) -> None:
    table, _ = flapped(tmp_path, 0)
    assert asyncio.run(explain(table, Asked(links=("ix-a",), flows=()))).penalties == ()
