"""The stores of the simulation: what is made for it keeps the promises of the real thing, and shipped stores keep the acceptor's rule."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random  # noqa: TID251 - seeded, so that every run is alike

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.adapters.aws.dynamodb import DynamoStore
from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.ports.stores import Acceptor
from pointsman.quorum import acceptor
from pointsman.quorum.ballots import ballot
from pointsman.quorum.rows import Refusal, Row
from pointsman.testing.simulation.registers.loop import Loop
from pointsman.testing.simulation.registers.services import Condition, DynamoTable, Kind, done
from pointsman.testing.simulation.registers.services import acceptor as made
from pointsman.testing.virtual import VirtualClock

NAME = "plan/atlas"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BALLOTS = [ballot(counter, nonce * 16) for counter in (1, 2, 3) for nonce in "af"]
REQUESTS = st.lists(st.tuples(st.sampled_from(["prepare", "accept"]), st.sampled_from(BALLOTS)), max_size=8)


class Still(VirtualClock):
    def now(self) -> datetime:
        return NOW


def played(store: Acceptor, requests: list[tuple[str, str]]) -> tuple[Row, list[bool]]:
    """Send requests, each on the newest reading; give the row in the end, and what was granted."""
    rows: list[Row] = []
    granted = []

    async def story() -> None:
        for what, mine in requests:
            seen = await store.read(NAME)
            answer = await (store.prepare(NAME, mine, seen) if what == "prepare" else store.accept(NAME, mine, f"by {mine}", seen))
            granted.append(not isinstance(answer, Refusal))
        rows.append((await store.read(NAME)).row)

    loop = Loop()
    assert loop.play(story()), loop.unhandled
    return rows[0], granted


def ruled(requests: list[tuple[str, str]]) -> tuple[Row, list[bool]]:
    row, granted = Row(), []
    for what, mine in requests:
        after = acceptor.promise(row, mine) if what == "prepare" else acceptor.accept(row, mine, f"by {mine}")
        granted.append(after is not None)
        row = after or row
    return row, granted


@pytest.mark.parametrize("kind", list(Kind))
@settings(max_examples=40)
@given(requests=REQUESTS)
def test_every_store_does_what_the_acceptors_rule_says(kind: Kind, requests: list[tuple[str, str]]) -> None:
    store, _ = made(kind, "aws", Still(), Random(1))
    assert played(store, requests) == ruled(requests)


def test_a_read_of_dynamodb_that_is_not_strong_may_show_what_was_there_before() -> None:
    table = DynamoTable(lambda: NOW, Random(3))
    played(DynamoStore("aws", "table", table.call), [("prepare", BALLOTS[0]), ("prepare", BALLOTS[3])])
    asked = {"Key": {"pk": {"S": f"register#{NAME}"}, "sk": {"S": "-"}}}

    def shown(**strongly: bool) -> set[str]:
        return {done(table.call("GetItem", {**asked, **strongly})).body["Item"]["promised"]["S"] for _ in range(20)}

    assert (shown(), shown(ConsistentRead=True)) == ({BALLOTS[0], BALLOTS[3]}, {BALLOTS[3]})


CONDITIONS = {
    "attribute_not_exists(pk)": (False, True),
    "attribute_not_exists(pk) OR (#f = :f AND #p <= :b)": (True, True),
    "#f = :f AND #p < :b": (False, False),
    "#p <= :b": (True, False),
    "#f = :b OR #f = :f": (True, False),
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions_are_read_as_dynamodb_reads_them(text: str) -> None:
    condition = Condition(text, {"#f": "format", "#p": "promised"}, {":f": {"N": "1"}, ":b": {"S": "b"}})
    item = {"pk": {"S": "x"}, "format": {"N": "1"}, "promised": {"S": "b"}}
    assert (condition.holds(item), condition.holds({})) == CONDITIONS[text]


def test_a_condition_that_is_not_understood_is_an_error() -> None:
    with pytest.raises((ValueError, KeyError, IndexError)):
        Condition("size(#p) > :b", {"#p": "promised"}, {":b": {"S": "b"}}).holds({"promised": {"S": "a"}})


def test_a_table_that_is_rolled_back_holds_what_it_held() -> None:
    table = DynamoTable(lambda: NOW, Random(3))
    store = DynamoStore("aws", "table", table.call)
    before, _ = played(store, [("prepare", BALLOTS[0])])
    kept = table.snapshot()
    played(store, [("accept", BALLOTS[2])])
    table.roll_back(kept)
    assert played(store, []) == (before, [])


def test_what_waits_for_something_is_no_store_in_memory() -> None:
    async def waits() -> None:
        await Loop().create_future()

    with pytest.raises(RuntimeError, match="waited"):
        done(waits())


def test_the_sqlite_store_of_a_schedule_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store, kept = made(Kind.SQLITE, "aws", Still(), Random(1))
    assert isinstance(store, SqliteStore)
    assert kept is None
    played(store, [("accept", BALLOTS[0])])
    assert list(tmp_path.iterdir()) == []
