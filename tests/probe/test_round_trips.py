"""How long packets took goes along with what a probe claims, is shown in its evidence, and decides nothing."""

import asyncio
from pathlib import Path

from pointsman.cli.telling import lines
from pointsman.core.fabric import Cloud
from pointsman.core.marks import mark_of
from pointsman.core.sightings import Sighting
from pointsman.core.values import replace
from pointsman.service.explain import Asked, explain
from pointsman.service.gather import worth_noting
from pointsman.wire import messages
from tests.core.scene import ATLAS, START, Story, seconds
from tests.service.journalled import InSqlite
from tests.service.told import agree, table_over
from tests.wire.samples import meanings


def claimed(rtt: float | None, *, loss: float = 0.0, at: float = 10) -> Sighting:
    path = messages.Path(source="10.250.1.1", target="10.251.1.1", loss=loss, rtt=rtt)
    (found,) = meanings(messages.probed(Cloud.AWS, [path], START + seconds(at)))
    assert isinstance(found, Sighting)
    return found


def test_a_round_trip_time_is_told_beside_the_loss_in_what_a_link_is_explained_by(tmp_path: Path) -> None:
    kept, story = InSqlite(tmp_path / "table.sqlite"), Story()
    story.all_healthy(1).note(claimed(0.0123))
    asyncio.run(agree(kept.store, story, 11))
    told = "\n".join(lines(asyncio.run(explain(table_over(kept.store), Asked(links=("ix-a",), flows=())))))
    assert "probe up (packets-flow, 0, round trip 12.3 ms)" in told


def test_it_names_no_other_row_and_makes_no_other_mark_or_decision() -> None:
    timed, untimed = claimed(0.0123, loss=1.0), claimed(None, loss=1.0)
    assert (timed.text, untimed.text) == ("round trip 12.3 ms", "")
    assert (timed.row, mark_of(timed)) == (untimed.row, mark_of(untimed))
    plans = [Story().all_healthy(1).note(one).decided(11) for one in (timed, untimed)]
    assert plans[0] == plans[1]


def test_another_round_trip_time_alone_is_no_reason_to_write_a_row_anew() -> None:
    before, after = claimed(0.0123), claimed(0.0456, at=20)
    assert worth_noting(ATLAS, [after], {before.row: before}) == ()
    assert worth_noting(ATLAS, [replace(after, value=0.04)], {before.row: before}) != ()
