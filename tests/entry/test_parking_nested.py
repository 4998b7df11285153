"""However deep batches nest, one record that nobody can read is kept, once, and costs no other record anything."""

import base64
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from pointsman.core.errors import RejectedEvent
from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Tick
from pointsman.core.values import canonical
from pointsman.entry.aws import lambda_entry
from pointsman.entry.gcp import http_entry
from pointsman.entry.outcomes import unreadable
from pointsman.wire import recorded
from pointsman.wire.decode import decode
from pointsman.wire.envelopes import ENVELOPES_LIMIT
from pointsman.wire.messages import nudge
from tests.entry.surroundings import Heard, MemoryQueue, ending, world
from tests.entry.test_aws import Context, failed

CLOUD_EVENT = {"specversion": "1.0", "id": "1", "source": "//x", "type": "google.cloud.pubsub.topic.v1.messagePublished"}
POISONS: tuple[Any, ...] = (
    "nope",
    '{"Records": [',
    "",
    17,
    None,
    [],
    {},
    {"hello": "world"},
    {"eventSource": "aws:s3", "s3": {"bucket": {"name": "b"}}},
    {"eventSource": "aws:sqs", "attributes": {}},
    {"EventSource": "aws:sns", "Sns": "gone"},
    {"message": {"data": "!!", "messageId": "0"}, "subscription": "s"},
    {"pointsman": "probe", "cloud": "aws", "paths": []},
)
"""Texts stand for themselves, also where they are no JSON."""


class Layer(NamedTuple):
    """One kind of envelope: how it wraps items, how many envelopes that is, and whether it takes several."""

    wrap: Callable[[list[Any]], Any]
    depth: int = 1
    several: bool = False


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def coded(value: Any) -> str:
    return base64.b64encode(text(value).encode()).decode()


def notification(value: Any) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:111122223333:t", "Message": text(value)}


def queued(items: list[Any]) -> Any:
    return {"Records": [{"messageId": str(number), "eventSource": "aws:sqs", "body": text(one)} for number, one in enumerate(items)]}


LAYERS = {
    "SQS": Layer(queued, 2, several=True),
    "SNS": Layer(lambda items: {"Records": [{"EventSource": "aws:sns", "Sns": notification(one)} for one in items]}, 2, several=True),
    "batch": Layer(lambda items: {"Records": items}, several=True),
    "array": Layer(lambda items: items, several=True),
    "array of CloudEvents": Layer(lambda items: [CLOUD_EVENT | {"data": one} for one in items], 2, several=True),
    "notification": Layer(lambda items: notification(items[0])),
    "API Gateway": Layer(lambda items: {"requestContext": {}, "headers": {}, "body": text(items[0])}),
    "Pub/Sub": Layer(lambda items: {"message": {"data": coded(items[0]), "messageId": "0"}, "subscription": "s"}),
    "CloudEvent": Layer(lambda items: CLOUD_EVENT | {"data": items[0]}),
    "CloudEvent in base64": Layer(lambda items: CLOUD_EVENT | {"data_base64": coded(items[0])}),
}
SINGLE = [name for name, layer in LAYERS.items() if not layer.several]


class Nest(NamedTuple):
    """A delivery with one poison record, the keys of the good ones, and which item of the outermost batch holds the poison."""

    event: Any
    good: set[str]
    outer: str
    place: int

    @property
    def left(self) -> Any:
        """Give what is to be kept of it: of the outermost batch the item with the poison."""
        if not LAYERS[self.outer].several:
            return self.event
        if isinstance(self.event, list):
            return [self.event[self.place]]
        return self.event | {"Records": [self.event["Records"][self.place]]}


def _kinds(draw: Any) -> list[str]:
    """Choose envelopes from the outermost inwards, as deep as they are read."""
    kinds, left = [], ENVELOPES_LIMIT
    for _ in range(draw(st.integers(1, ENVELOPES_LIMIT))):
        fitting = [name for name, layer in LAYERS.items() if layer.depth <= left]
        if fitting:
            kinds.append(draw(st.sampled_from(fitting)))
            left -= LAYERS[kinds[-1]].depth
    return kinds


@st.composite
def nests(draw: Any) -> Nest:
    kinds, epochs = _kinds(draw), iter(range(1, 100))
    good: set[str] = set()
    inside, place = deepcopy(draw(st.sampled_from(POISONS))), 0
    room = ENVELOPES_LIMIT - sum(LAYERS[name].depth for name in kinds)
    for kind in reversed(kinds):
        layer = LAYERS[kind]
        before, after = ([*_beside(draw, epochs, good, room)] if layer.several else [] for _ in range(2))
        inside, place = layer.wrap([*before, inside, *after]), len(before)
        room += layer.depth
    return Nest(inside, good, kinds[0], place)


def _beside(draw: Any, epochs: Iterator[int], good: set[str], room: int) -> Iterator[Any]:
    """Give good records, some of them in an envelope of their own."""
    for _ in range(draw(st.integers(0, 2))):
        epoch = next(epochs)
        good.add(f"nudge/atlas/{epoch}")
        record = json.loads(nudge("atlas", epoch))
        yield LAYERS[draw(st.sampled_from(SINGLE))].wrap([record]) if room > 0 and draw(st.booleans()) else record


class Door:
    """A function of one cloud that can be called again and again."""

    def __init__(self, cloud: Cloud, parking: MemoryQueue | None) -> None:
        self.heard, self.parking = Heard(), parking
        entry: Any = lambda_entry if cloud is Cloud.AWS else http_entry
        self._function = entry(ending(heard=self.heard), world(cloud, parking=parking).build)

    def take(self, delivery: Any) -> Any:
        self.heard.calls.clear()
        if self.parking is not None:
            self.parking.messages.clear()
        return self._function(delivery) if isinstance(delivery, flask.Request) else self._function(delivery, Context())

    @property
    def read(self) -> set[str]:
        """Name what the use case was given; everything good is given once."""
        keys = [one.key for call in self.heard.calls for one in call if isinstance(one, Tick)]
        assert len(keys) == len(set(keys)) == sum(len(call) for call in self.heard.calls)
        return set(keys)


def request(body: bytes) -> flask.Request:
    return flask.Request(EnvironBuilder(method="POST", data=body, headers=[("Content-Type", "application/json")]).get_environ())


@pytest.mark.parametrize("parking", [None, MemoryQueue(full=True)], ids=["no parking queue", "a full one"])
def test_without_room_to_park_the_message_that_was_delivered_is_left_to_its_queue_alone(parking: MemoryQueue | None) -> None:
    door = Door(Cloud.AWS, parking)

    @given(nests())
    def law(nest: Nest) -> None:
        if nest.outer == "SQS":
            assert failed(door.take(nest.event)) == [str(nest.place)]
        else:
            with pytest.raises(RejectedEvent):
                door.take(nest.event)
        assert door.read == nest.good

    law()


def test_what_is_parked_is_the_one_item_that_could_not_be_read_as_it_came_and_it_can_be_read_again() -> None:
    parking = MemoryQueue()
    door = Door(Cloud.AWS, parking)

    @given(nests())
    def law(nest: Nest) -> None:
        before = canonical(nest.event)
        answer = door.take(nest.event)
        assert failed(answer) == [] if nest.outer == "SQS" else answer == {"outcome": "ack"}
        assert canonical(nest.event) == before
        (kept,) = parking.messages
        assert kept["event"] == nest.left
        assert door.read == nest.good
        (again,) = recorded.deliveries(json.dumps(kept).encode())
        (why,) = unreadable(decode(again.body))
        assert why.why.rpartition(": ")[2] == kept["why"][0].rpartition(": ")[2]

    law()


def test_a_request_with_nested_batches_is_parked_to_the_last_byte_or_refused() -> None:
    parked, alone = Door(Cloud.GCP, MemoryQueue()), Door(Cloud.GCP, None)

    @given(nests())
    def law(nest: Nest) -> None:
        body = json.dumps(nest.event).encode()
        assert parked.take(request(body))[1] == 204
        assert parked.parking is not None
        (kept,) = parked.parking.messages
        assert kept["event"]["body"].encode() == body
        assert alone.take(request(body))[1] == 422
        assert parked.read == alone.read == nest.good

    law()
