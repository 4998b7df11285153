"""Where moto does otherwise than AWS in a way that every function would feel: put right once, when moto is loaded."""

import copy
import functools
import inspect
from collections import defaultdict
from typing import Any


def correct_moto() -> None:
    """Put right what is listed here. Call it once in a process, after which moto may be loaded or not."""
    answer_receives_at_once()
    query_one_partition()


def answer_receives_at_once() -> None:
    """Make moto's SQS answer a long poll at once: a reader that waits inside would keep everybody else out."""
    from moto.sqs.models import SQSBackend  # noqa: PLC0415 - moto is loaded in the server's process only

    patient = SQSBackend.receive_message

    @functools.wraps(patient)
    def receive(self: Any, queue_name: str, count: int, _wait: int, *rest: Any, **named: Any) -> Any:
        return patient(self, queue_name, count, 0, *rest, **named)

    SQSBackend.receive_message = receive  # type: ignore[method-assign, assignment]


def query_one_partition() -> None:
    """Make moto's DynamoDB look for a Query at the one partition it names, as DynamoDB does.

    moto sorts the whole table for each: a table that grows by a journal's entries would make every reading of rows slower.
    """
    from moto.dynamodb.models.table import Table  # noqa: PLC0415

    widely = Table.query
    signature = inspect.signature(widely)

    @functools.wraps(widely)
    def query(self: Table, hash_key: Any, *rest: Any, **named: Any) -> Any:
        if signature.bind(self, hash_key, *rest, **named).arguments.get("index_name"):
            return widely(self, hash_key, *rest, **named)
        near = copy.copy(self)
        near.items = defaultdict(dict, {hash_key: self.items[hash_key]} if hash_key in self.items else {})
        return widely(near, hash_key, *rest, **named)

    Table.query = query  # type: ignore[method-assign]
