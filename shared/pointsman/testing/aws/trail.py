"""CloudTrail's event history: the calls that changed something, newest first, as LookupEvents gives them.

Source: CloudTrail API Reference, LookupEvents; its events come minutes late there, here at once.
"""

import json
from collections.abc import Mapping
from typing import Any

from pointsman.testing.aws.protocols import Refused
from pointsman.testing.aws.world import Operation, Params, World, page
from pointsman.testing.happenings.rendering import Renderer
from pointsman.testing.network.blueprint import Side
from pointsman.testing.network.happenings import Happening, Kind

PAGE_LIMIT = 50
"""Most events on a page, and as many as come where the caller does not say."""
ATTRIBUTES_LIMIT = 1
"""Attributes that one lookup may name."""


def lookup_events(world: World, params: Params) -> Mapping[str, Any]:
    """Look management events up by time and one attribute (EventSource, EventName, ReadOnly or Username here); calls that only read are not kept."""
    attributes = params.get("LookupAttributes") or ()
    if len(attributes) > ATTRIBUTES_LIMIT or int(params.get("MaxResults") or PAGE_LIMIT) > PAGE_LIMIT:
        raise Refused("InvalidLookupAttributesException", "one lookup attribute and 50 results at most")
    start, end = float(params.get("StartTime") or 0), float(params.get("EndTime") or "inf")
    calls = [one for one in world.network.happenings if one.side is Side.AWS and one.kind is Kind.API_CALL]
    render = Renderer(world.network.blueprint, world.time.moment(0))
    found = [_event(world, render, one) for one in reversed(calls) if start <= world.time.moment(one.at).timestamp() <= end]
    chosen = [one for one in found if all(one.get(each["AttributeKey"]) == each["AttributeValue"] for each in attributes)]
    sized = dict(params) | {"MaxResults": params.get("MaxResults") or PAGE_LIMIT}
    shown, token = page(chosen, sized, size="MaxResults", token="NextToken")  # noqa: S106 - a page token's name
    return {"Events": shown, "NextToken": token}


def _event(world: World, render: Renderer, one: Happening) -> dict[str, Any]:
    record = render.render(one)[0].payload["detail"]
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "EventSource": record["eventSource"],
        "EventTime": world.time.moment(one.at),
        "ReadOnly": "false",
        "Username": record["userIdentity"]["arn"].rpartition("/")[2],
        "Resources": [],
        "CloudTrailEvent": json.dumps(record),
    }


OPERATIONS: Mapping[str, Operation] = {"LookupEvents": lookup_events}
