"""Where moto is put right: the answers stay moto's own, and what AWS would not look at is not looked at."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from pointsman.testing.aws.corrections import query_one_partition
from pointsman.testing.guard import loopback_only

ROWS, OTHERS = 5, 40


@pytest.fixture
def table() -> Iterator[Any]:
    with loopback_only(), mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b", config=Config())
        names = ("pk", "sk", "other")
        client.create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-other",
                    "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        for number in range(ROWS):
            client.put_item(TableName="t", Item={"pk": {"S": "rows"}, "sk": {"S": f"row {9 - number}"}, "other": {"S": "x"}})
        for number in range(OTHERS):
            client.put_item(TableName="t", Item={"pk": {"S": f"entry {number}"}, "sk": {"S": "-"}, "other": {"S": "x"}})
        yield client


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many items each Query sorted."""
    from moto.dynamodb.models.table import Table  # noqa: PLC0415

    monkeypatch.setattr(Table, "query", Table.query)  # put back after the test
    query_one_partition()
    counts: list[int] = []
    plain = Table.all_items

    def counting(self: Any) -> Any:
        items = plain(self)
        counts.append(len(items))
        return items

    monkeypatch.setattr(Table, "all_items", counting)
    return counts


def _query(table: Any, partition: str, **more: Any) -> Any:
    return table.query(TableName="t", KeyConditionExpression="pk = :k", ExpressionAttributeValues={":k": {"S": partition}}, **more)


def test_a_query_looks_at_its_own_partition_alone(table: Any, looked_at: list[int]) -> None:
    found = _query(table, "rows")["Items"]
    assert [one["sk"]["S"] for one in found] == sorted(f"row {9 - number}" for number in range(ROWS))
    assert looked_at == [ROWS]


def test_a_query_of_a_partition_that_is_not_there_finds_nothing(table: Any, looked_at: list[int]) -> None:
    assert _query(table, "nobody")["Items"] == []
    assert looked_at == [0]


def test_pages_of_a_partition_follow_each_other(table: Any, looked_at: list[int]) -> None:
    first = _query(table, "rows", Limit=2)
    rest = _query(table, "rows", ExclusiveStartKey=first["LastEvaluatedKey"])
    assert [len(one["Items"]) for one in (first, rest)] == [2, ROWS - 2]
    assert looked_at == [ROWS, ROWS]


@pytest.mark.usefixtures("looked_at")
def test_a_query_of_an_index_still_finds_items_of_every_partition(table: Any) -> None:
    values = {":k": {"S": "x"}}
    found = table.query(TableName="t", IndexName="by-other", KeyConditionExpression="other = :k", ExpressionAttributeValues=values)
    assert found["Count"] == ROWS + OTHERS


@pytest.mark.usefixtures("looked_at")
def test_what_is_written_after_a_query_is_found_by_the_next(table: Any) -> None:
    _query(table, "rows")
    table.put_item(TableName="t", Item={"pk": {"S": "rows"}, "sk": {"S": "row 99"}})
    assert _query(table, "rows")["Count"] == ROWS + 1
