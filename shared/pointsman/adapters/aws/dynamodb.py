"""A store in one DynamoDB table (pk, sk: strings), over boto3 or over the signer alone.

Condition expressions: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html.
The table has no TTL but on ``until``, which journal entries alone have, no global replica, and on-demand capacity or enough of it.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
)

from pointsman.adapters.aws.signed import SignedJson, error_code
from pointsman.adapters.failures import TOO_LARGE, failed, is_too_large, translated, unanswered
from pointsman.adapters.http import Unanswered, Unreached, http_date
from pointsman.adapters.stored import FORMAT, entry_unreadable, register_row, rows_read
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud
from pointsman.core.rows import newest, rank, winning
from pointsman.core.sightings import Sighting
from pointsman.core.values import Frozen, canonical, parse
from pointsman.ports.stores import ROWS_LIMIT, Listed, Refusal, Reply, Row, RowsRead, StoreDown

NOTES_AT_ONCE = 8
"""Claims that are written in parallel."""
NOTE_TRIES = 3
"""How often one claim is written again because what stood in its way changed."""
PAGE = 1_000
"""Items that one page of a list looks at."""
PAGES_LIMIT = 16
"""Most pages (of a megabyte) that reading one prefix may take."""

HTTP_ERRORS = 300
"""From this status on an answer is no success, and its status says enough."""

Item = object
"""A row as the service tells it: a table of columns, each a table of one value by its kind. It is read with suspicion."""


class DynamoAnswer(Frozen):
    """What DynamoDB answered: ``code`` is "" for success, else its own word."""

    status: int
    code: str = ""
    body: dict[str, Any] = msgspec.field(default_factory=dict)
    date: datetime | None = None


DynamoCall = Callable[[str, Mapping[str, Any]], Awaitable[DynamoAnswer]]
"""A transport: operation name and parameters in, answer out. Raises ``Unreached`` or ``Unanswered``."""

_WORDLESS = "Unknown"
"""Stands for the word of a failure that has none."""
_REFUSED = "ConditionalCheckFailedException"
_THROTTLED = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "ReplicatedWriteConflictException",
    "TransactionConflictException",
}
_INVALID = "ValidationException"
_DENIED = {"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"}
_NAMES = {"#p": "promised", "#f": "format"}
_ABSENT = "attribute_not_exists(pk)"
_AT_OR_ABOVE = "attribute_not_exists(pk) OR (#f = :f AND #p <= :b)"
_COLUMNS = ("promised", "accepted", "value")
_SAID = {"Item", "Items", "Attributes", "Count", "ScannedCount", "LastEvaluatedKey", "ConsumedCapacity", "ItemCollectionMetrics"}
_NOT_ITS_OWN = "DynamoDB's answer is not what was asked for, or cut short: look for a proxy in between"


class DynamoStore:
    """Keeps ``ports.stores.Store`` in a table. ``root`` sets its data apart from others' in the same table."""

    def __init__(self, name: str, table: str, call: DynamoCall, *, root: str = "") -> None:
        self.name = name
        self._table = table
        self._call = call
        self._root = root

    async def read(self, register: str) -> Reply:
        """Read a row: GetItem, strongly consistent."""
        answer = await self._ask("GetItem", self._key("register", register), writing=False, ConsistentRead=True)
        return self._reply(register, answer.body.get("Item"), answer.date)

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise a ballot; ballots are compared by the condition, so ``seen`` is not needed."""
        del seen
        return await self._write(register, "SET #f = :f, #p = :b", _NAMES, {":b": {"S": ballot}})

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value; ballots are compared by the condition, so ``seen`` is not needed."""
        del seen
        names = _NAMES | {"#a": "accepted", "#v": "value"}
        return await self._write(register, "SET #f = :f, #p = :b, #a = :b, #v = :v", names, {":b": {"S": ballot}, ":v": {"S": value}})

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims, each by its own conditional write, some of them in parallel."""
        claims = tuple(newest(sightings).values())
        for start in range(0, len(claims), NOTES_AT_ONCE):
            some = claims[start : start + NOTES_AT_ONCE]
            ends = await asyncio.gather(*(self._note(prefix, claim) for claim in some), return_exceptions=True)
            for end in ends:
                if end is not None:
                    raise end

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read all claims under a prefix with one strongly consistent Query, a page a megabyte."""
        return await self._rows(prefix)

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep a journal entry; the table's TTL on ``until`` drops it."""
        item = self._key("journal", digest)["Key"] | {"entry": {"S": base64.b64encode(entry).decode()}}
        if until is not None:
            item["until"] = {"N": str(int(until.timestamp()))}
        await self._ask("PutItem", {"Item": item}, writing=True, ConditionExpression=_ABSENT)

    async def entry(self, digest: str) -> bytes | None:
        """Give a journal entry back. Raises ``RowUnreadable`` when it is not one."""
        answer = await self._ask("GetItem", self._key("journal", digest), writing=False, ConsistentRead=True)
        item = answer.body.get("Item")
        try:
            return None if item is None else base64.b64decode(_text(item, "entry") or "!", validate=True)
        except ValueError as error:
            raise entry_unreadable(self.name, digest) from error

    async def registers(self, after: str = "") -> Listed:
        """Name rows of registers: a strongly consistent Scan of the table."""
        return await self._listed("register", after)

    async def entries(self, after: str = "") -> Listed:
        """Name journal entries: a Scan."""
        return await self._listed("journal", after)

    async def _listed(self, kind: str, after: str) -> Listed:
        start = {"ExclusiveStartKey": msgspec.json.decode(after)} if after else {}
        beginning = f"{self._root}{kind}#"
        answer = await self._ask(
            "Scan",
            start,
            writing=False,
            FilterExpression="begins_with(pk, :k)",
            ProjectionExpression="pk",
            Limit=PAGE,
            ExpressionAttributeValues={":k": {"S": beginning}},
            ConsistentRead=True,
        )
        names = tuple((_text(item, "pk") or "").removeprefix(beginning) for item in self._items(answer))
        last = answer.body.get("LastEvaluatedKey")
        return Listed(names=names, after=canonical(last).decode() if last else None)

    def _items(self, answer: DynamoAnswer) -> list[Item]:
        found = answer.body.get("Items")
        if not isinstance(found, list):
            raise unanswered(self.name, "it lists something that is no list", writing=False)
        return found

    def _key(self, kind: str, name: str, sort: str = "-") -> dict[str, Any]:
        return {"Key": {"pk": {"S": f"{self._root}{kind}#{name}"}, "sk": {"S": sort}}}

    async def _ask(self, operation: str, about: Mapping[str, Any], *, writing: bool, **parameters: Any) -> DynamoAnswer:
        return await self._asked(operation, {**about, **parameters}, writing=writing)

    async def _asked(self, operation: str, parameters: Mapping[str, Any], *, writing: bool) -> DynamoAnswer:
        """Ask once. A refused condition is an answer; all other failures are raised."""
        with translated(self.name, writing=writing):
            answer = await self._call(operation, {"TableName": self._table, **parameters})
        if not answer.code or answer.code == _REFUSED:
            return answer
        raise failed(self.name, _status(answer), "" if answer.code == _WORDLESS else answer.code, writing=writing)

    async def _write(self, register: str, update: str, names: Mapping[str, str], values: Mapping[str, Any]) -> Reply | Refusal:
        answer = await self._ask(
            "UpdateItem",
            self._key("register", register),
            writing=True,
            UpdateExpression=update,
            ConditionExpression=_AT_OR_ABOVE,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":f": {"N": str(FORMAT)}, **values},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        written, held = answer.body.get("Attributes"), answer.body.get("Item")
        if not answer.code and not written:
            raise unanswered(self.name, "it does not say what it wrote", writing=True)
        if not answer.code:
            return self._reply(register, written, answer.date)
        return Refusal(held=self._reply(register, held, answer.date) if held else await self.read(register))

    def _reply(self, register: str, item: Item, date: datetime | None) -> Reply:
        if item is None:
            return Reply(row=Row(), store_time=date)
        held = {column: _text(item, column) for column in _COLUMNS if isinstance(item, dict) and column in item}
        layout = FORMAT if _text(item, "format", "N") == str(FORMAT) else None
        return Reply(row=register_row(self.name, register, layout, held), store_time=date)

    async def _note(self, prefix: Cloud, claim: Sighting) -> None:
        """Write one claim unless one of its rank or above stands; a time ahead of the store's, ours or theirs, is brought back to it."""
        answer = await self._put_claim(prefix, claim, f"{_ABSENT} OR #r < :r", {":r": {"S": rank(claim)}})
        if not answer.code:
            await self._clamp(prefix, claim, answer.date)
            return
        for _ in range(NOTE_TRIES):
            held = _text(answer.body.get("Item"), "rank")
            won = None if held is None else winning(claim, held, answer.date)
            if won is None:
                return
            answer = await self._put_claim(prefix, won, "#r = :held", {":held": {"S": held}})
            if not answer.code:
                return
        raise StoreDown(f"{self.name}: the row of {claim.member} changed under every try; it is noted again with the next look")

    async def _clamp(self, prefix: Cloud, written: Sighting, date: datetime | None) -> None:
        """Write a claim again at the store's time when it turned out to lie ahead, unless somebody has replaced it."""
        won = winning(written, None, date)
        if won is not None and won != written:
            await self._put_claim(prefix, won, "#r = :held", {":held": {"S": rank(written)}})

    async def _put_claim(self, prefix: Cloud, claim: Sighting, condition: str, values: Mapping[str, Any]) -> DynamoAnswer:
        row = {"rank": {"S": rank(claim)}, "claim": {"S": canonical(claim).decode()}}
        parameters = {
            "Item": self._key("sightings", prefix, claim.row)["Key"] | row,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#r": "rank"},
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return await self._asked("PutItem", parameters, writing=True)

    async def _rows(self, prefix: Cloud) -> RowsRead:
        items: list[Item] = []
        start: dict[str, Any] = {}
        query = {
            "KeyConditionExpression": "pk = :k",
            "ProjectionExpression": "#c",
            "ExpressionAttributeNames": {"#c": "claim"},
            "ExpressionAttributeValues": {":k": self._key("sightings", prefix)["Key"]["pk"]},
            "ConsistentRead": True,
        }
        for _ in range(PAGES_LIMIT):
            answer = await self._asked("Query", {**query, **start}, writing=False)
            items += self._items(answer)
            start = {"ExclusiveStartKey": answer.body.get("LastEvaluatedKey")}
            if not start["ExclusiveStartKey"] or len(items) > ROWS_LIMIT:
                return rows_read(self.name, _claims(items), answer.date)
        raise StoreDown(f"{self.name} holds more sighting rows than {PAGES_LIMIT} pages: remove those of members that are gone")


def over_boto3(client: Any) -> DynamoCall:
    """Make a transport of a boto3 DynamoDB client, whose retries must be off. Raises ``ConfigError``."""
    if (client.meta.config.retries or {}).get("total_max_attempts") != 1:
        raise ConfigError('the DynamoDB client retries by itself: build it with Config(retries={"total_max_attempts": 1})')
    operations = {
        "GetItem": client.get_item,
        "PutItem": client.put_item,
        "UpdateItem": client.update_item,
        "Query": client.query,
        "Scan": client.scan,
    }
    for operation in operations:
        client.meta.events.register(f"before-parse.dynamodb.{operation}", _whole)

    def sent(operation: str, parameters: Mapping[str, Any]) -> DynamoAnswer:
        try:
            return _of_boto3(operations[operation](**parameters), "")
        except ClientError as error:
            return _of_boto3(error.response, error.response["Error"].get("Code", _WORDLESS))
        except (EndpointConnectionError, ConnectTimeoutError, NoCredentialsError) as error:
            raise Unreached(f"DynamoDB cannot be reached ({type(error).__name__}): check the Region, the network and the role") from error
        except (ReadTimeoutError, ConnectionClosedError, HTTPClientError) as error:
            raise Unanswered(f"DynamoDB gave no whole answer ({type(error).__name__})") from error
        except BotoCoreError as error:
            raise Unreached(f"the request to DynamoDB could not be made ({type(error).__name__}): check Region and credentials") from error

    async def call(operation: str, parameters: Mapping[str, Any]) -> DynamoAnswer:
        return await asyncio.to_thread(sent, operation, parameters)

    return call


def over_signer(signed: SignedJson) -> DynamoCall:
    """Make a transport of a signed caller (service ``dynamodb``, target ``DynamoDB_20120810``)."""

    async def call(operation: str, parameters: Mapping[str, Any]) -> DynamoAnswer:
        answer = await signed.ask(operation, parameters)
        if answer.ok:
            return DynamoAnswer(status=answer.status, body=_table(answer.body), date=answer.date)
        code = error_code(answer)
        return DynamoAnswer(status=answer.status, code=code or _WORDLESS, body=answer.json() if code else {}, date=answer.date)

    return call


def _status(answer: DynamoAnswer) -> int:
    """Give the status that other services would answer with."""
    if answer.code in _THROTTLED:
        return 429
    if answer.code in _DENIED:
        return 403
    told = answer.body.get("Error", answer.body)
    says = (told.get("message") or told.get("Message")) if isinstance(told, dict) else None
    return TOO_LARGE if answer.code == _INVALID and is_too_large(says) else answer.status


def _whole(response_dict: Mapping[str, Any], **_: Any) -> None:
    """Stop an answer that is cut short or no table: the SDK would read it as an empty one, and a row as absent."""
    if response_dict["status_code"] < HTTP_ERRORS:
        _table(response_dict["body"])


def _table(body: bytes) -> dict[str, Any]:
    """Read an answer. One that says something, and nothing that DynamoDB says, is somebody else's, and no table without that row."""
    try:
        found = parse(body, dict[str, Any])
    except msgspec.DecodeError as error:
        raise Unanswered(_NOT_ITS_OWN) from error
    if found and not found.keys() & _SAID:
        raise Unanswered(_NOT_ITS_OWN)
    return found


def _of_boto3(response: Mapping[str, Any], code: str) -> DynamoAnswer:
    seen = response.get("ResponseMetadata", {})
    date = http_date(seen.get("HTTPHeaders", {}).get("date", ""))
    return DynamoAnswer(status=seen.get("HTTPStatusCode", 0), code=code, body=dict(response), date=date)


def _claims(items: Iterable[Item]) -> Iterable[str | None]:
    return (_text(item, "claim") for item in items)


def _text(item: Item, name: str, kind: str = "S") -> str | None:
    value = item.get(name) if isinstance(item, dict) else None
    found = value.get(kind) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None
