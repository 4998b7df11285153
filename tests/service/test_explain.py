"""Why things are as they are, from a journal in a real store."""

import asyncio
from pathlib import Path

import pytest

from pointsman.cli.telling import lines
from pointsman.core.errors import Refused
from pointsman.core.fabric import Cloud, LinkName, Mode
from pointsman.core.plan import FlagState, Plan, Verdict
from pointsman.core.sightings import Health, Vantage
from pointsman.core.values import canonical, replace
from pointsman.service.chain import newest
from pointsman.service.explain import Asked, Explanation, explain
from pointsman.service.status import Table
from pointsman.testing.inprocess import table as memory
from tests.core.scene import ATLAS, G, Story, aws_probe, fabric, flow, gcp_probe, lever, link, vpn
from tests.service.journalled import InSqlite, Soon
from tests.service.told import agree, dark_ix_a, table_over, written

IX_A = Asked(links=("ix-a",), flows=("checkout", "training"))


def told(table: Table, asked: Asked = IX_A) -> Explanation:
    return asyncio.run(explain(table, asked))


def text(table: Table, asked: Asked = IX_A) -> str:
    return "\n".join(lines(told(table, asked)))


def at(epoch: int) -> Asked:
    return replace(IX_A, epoch=epoch)


def test_a_verdict_names_the_claims_that_made_it_who_said_so_and_how_old_they_were(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    (story,) = told(table, at(2)).links
    assert (story.verdict, story.because) == (Verdict.DOWN, "both probes lose packets over this link")
    assert (story.epoch, story.decided_by, story.incident) == (2, "gcp", "atlas/ix-a@2")
    gravest = [(one.by, one.says, round(one.age, 1), one.forwarding) for one in story.evidence[:2]]
    assert gravest == [("probe-aws", "probe down (unstated)", 0.9, True), ("probe-gcp", "probe down (unstated)", 0.9, True)]
    assert [one.aside for one in story.evidence] == [""] * 4


def test_a_choice_is_told_with_each_refused_option_and_why(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    checkout, training = told(table, at(2)).flows
    assert (checkout.link, checkout.refused) == ("ix-b", {"ix-a": "drained"})
    assert training.refused == {"ix-a": "drained", "ix-b": "room for 4000000000 of 6000000000 bit/s"}
    assert training.rails == (), "what was refused is not said twice"


def test_a_place_that_an_earlier_decision_gave_is_told_by_that_one(tmp_path: Path) -> None:
    checkout, _ = told(written(tmp_path)[0], at(3)).flows
    assert (checkout.link, checkout.epoch, checkout.decided_by) == ("ix-b", 2, "gcp")


def test_a_drain_says_who_acts_and_what_the_return_waits_for(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    down, up = (told(table, at(epoch)).links[0] for epoch in (2, 3))
    assert "gcp acts first, aws takes over after 30 s" in down.drained
    assert down.fail_back == (
        "it is still believed down: it has to be seen up",
        "both ends have to show packets passing: probe-aws says probe down; probe-gcp says probe down",
    )
    assert up.fail_back == ("hold-down: 300 s left, until 2026-11-20T12:11:41Z",)


def test_now_the_rows_of_now_say_what_is_missing(tmp_path: Path) -> None:
    kept = InSqlite(tmp_path / "table.sqlite")
    table = dark_ix_a(kept, Story())
    asyncio.run(kept.store.note(Cloud.GCP, gcp_probe("ix-a", Health.UP, 3_599)))
    asyncio.run(kept.store.note(Cloud.AWS, aws_probe("ix-a", Health.DOWN, 11)))
    (story,) = told(table).links
    assert story.fail_back[1] == "both ends have to show packets passing: probe-aws has no fresh word"


def test_a_mode_that_does_not_steer_is_named_as_what_holds_a_drain_back(tmp_path: Path) -> None:
    watched = fabric(link("ix-a", 10 * G, mode=Mode.OBSERVE), link("ix-b", 10 * G), link("ix-c", 10 * G), vpn())
    (story,) = told(dark_ix_a(InSqlite(tmp_path / "table.sqlite"), Story(watched))).links
    assert (story.verdict, story.drained, story.rails) == (Verdict.DOWN, "", ("mode observe: it is decided and told, and not steered",))


def test_the_last_path_is_named_as_what_holds_a_drain_back(tmp_path: Path) -> None:
    alone = fabric(link("ix-a", 10 * G), flows=(flow("checkout", 1 * G, 1, ("ix-a",), 20),))
    asked = Asked(links=("ix-a",), flows=("checkout",))
    (story,) = told(dark_ix_a(InSqlite(tmp_path / "table.sqlite"), Story(alone)), asked).links
    assert "the last path is never left" in story.rails[0]


def test_a_freeze_is_named_as_what_holds_a_drain_back(tmp_path: Path) -> None:
    ours = Story()
    ours.flags = {Cloud.AWS: FlagState.SET, Cloud.GCP: FlagState.CLEAR}
    (story,) = told(dark_ix_a(InSqlite(tmp_path / "table.sqlite"), ours), at(2)).links
    assert story.rails == ("the freeze flag of aws is set",)


def test_a_claim_that_was_too_old_is_shown_and_said_not_to_count(tmp_path: Path) -> None:
    kept, ours = InSqlite(tmp_path / "table.sqlite"), Story()
    dark_ix_a(kept, ours)
    ours.note(*aws_probe("ix-a", Health.UP, 600), *gcp_probe("ix-a", Health.UP, 600))
    asyncio.run(agree(kept.store, ours, 601))
    (story,) = told(table_over(kept.store), at(3)).links
    assert {one.by: one.aside for one in story.evidence} == {
        "probe-aws": "",
        "probe-gcp": "",
        "aws": "too old: believed for 180 s",
        "gcp": "too old: believed for 180 s",
    }


def test_an_incident_that_is_open_is_told_as_things_are_now_and_one_that_is_over_as_it_began(tmp_path: Path) -> None:
    table, kept, _ = written(tmp_path)
    assert told(table, replace(IX_A, incident="atlas/ix-a@2")).epoch == 4
    past = Story()
    past.plan = asyncio.run(_newest(table))
    past.all_healthy(1_300).note(*lever("ix-a", Health.UP, 1_300, 4), *lever("ix-a", Health.UP, 1_300, 4, Vantage.AWS))
    over = asyncio.run(agree(kept.store, past, 1_301))
    assert over.links[LinkName("ix-a")].down_since_epoch is None
    assert told(table, replace(IX_A, incident="atlas/ix-a@2")).epoch == 2


async def _newest(table: Table) -> Plan:
    head = await newest(table)
    assert head.settled
    assert head.plan is not None
    return head.plan


def test_an_unknown_incident_is_refused_with_the_nearest_known(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    with pytest.raises(Refused, match=r"there is no incident atlas/ix-a@77; the nearest is atlas/ix-a@2"):
        told(table, replace(IX_A, incident="atlas/ix-a@77"))


def test_an_epoch_that_never_was_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="there is no epoch 99: the agreed plan is of epoch 4"):
        told(written(tmp_path)[0], at(99))


def test_an_epoch_past_the_journals_reach_is_refused_with_why(tmp_path: Path) -> None:
    table, kept, plans = written(tmp_path)
    kept.drop(plans[2].entry)
    with pytest.raises(Refused, match="does not reach epoch 1: the next older entry is in no store"):
        told(table, at(1))


def test_what_the_journal_no_longer_tells_is_named(tmp_path: Path) -> None:
    table, kept, plans = written(tmp_path)
    kept.drop(plans[2].entry)
    found = told(table)
    assert found.links[0].because == "the journal no longer reaches the decision that made this verdict"
    assert found.doubts[0].startswith("the journal does not tell why of ix-a: the next older entry is in no store")
    assert found.flows[0].because == "best permitted link with room"


def test_a_fabric_that_is_not_the_adopted_one_is_named(tmp_path: Path) -> None:
    _, kept, _ = written(tmp_path)
    assert "give the one that is adopted" in told(table_over(kept.store, fabric=replace(ATLAS, version=2))).doubts[0]


def test_a_file_without_the_link_that_carries_a_flow_is_told_and_does_not_fail(tmp_path: Path) -> None:
    _, kept, _ = written(tmp_path)
    only = fabric(link("ix-b", 10 * G), flows=(flow("checkout", 1 * G, 1, ("ix-b",), 20),))
    found = told(table_over(kept.store, fabric=only), Asked(links=("ix-b",), flows=("checkout",)))
    assert found.flows[0].rails == ("this file does not permit it on ix-a: the plan was made under another fabric",)


def test_without_an_incident_it_says_so(tmp_path: Path) -> None:
    kept, ours = InSqlite(tmp_path / "table.sqlite"), Story()
    asyncio.run(agree(kept.store, ours.all_healthy(0), 1))
    assert "no incident is open: every link is up" in text(table_over(kept.store))


def test_before_the_first_plan_it_says_so(tmp_path: Path) -> None:
    assert text(table_over(InSqlite(tmp_path / "empty.sqlite").store)) == "atlas: no plan is agreed yet: the first sweep makes one"


def test_rows_that_cannot_be_read_are_named_and_the_rest_is_told(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    dark = memory(Soon()).gcp
    dark.break_down()
    object.__setattr__(table, "stores", {**table.stores, "gcp": dark})
    found = told(table)
    assert found.links[0].verdict is Verdict.UP
    assert [doubt for doubt in found.doubts if doubt.startswith("the rows of gcp could not be read")]


def test_the_same_question_has_the_same_bytes(tmp_path: Path) -> None:
    table, *_ = written(tmp_path)
    assert canonical(told(table, at(2))) == canonical(told(table, at(2)))
