"""AWS Health: outages of AWS's own, maintenance to come, redundancy lost.

The envelope's Region is where it was delivered; resources are named in ``affectedEntities`` alone, and a long list comes
in pages, each an event. The times in the detail are RFC 1123 in the samples, and RFC 3339 is read as well.
Source: docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from pointsman.core.errors import RejectedEvent
from pointsman.core.sightings import Cause, Ignored, Meaning, Notice, Vantage
from pointsman.wire import times
from pointsman.wire.aws.arns import resource_id
from pointsman.wire.fields import Table, printable, table
from pointsman.wire.record import Letter

ENTITIES_LIMIT = 1000
_TEXT_LIMIT = 300
_ARN_LIMIT = 400
SERVICES = frozenset({"DIRECTCONNECT", "VPN", "TRANSITGATEWAY", "VPC", "INTERCONNECT", "NETWORKMANAGER", "CLOUDWAN"})
"""The services whose trouble can be a link's."""


def recognises(letter: Letter) -> bool:
    """Say whether a letter is an AWS Health event."""
    return letter.body.get("source") == "aws.health"


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one page of one Health event."""
    event = letter.body
    if event.get("detail-type") != "AWS Health Event":
        return (Ignored(reason="a Health event that is not about a service"),)
    detail = event.table("detail")
    service = detail.name("service").upper()
    if service not in SERVICES:
        return (Ignored(reason=f"a Health event of {printable(service, 80)}, which carries no link"),)
    return (_notice(event, detail),)


def _notice(event: Table, detail: Table) -> Notice:
    code = detail.name("eventTypeCode")
    start = detail.time_or_none("startTime", times.any_form)
    end = detail.time_or_none("endTime", times.any_form)
    if start and end and end < start:
        detail.refuse("endTime", "is before the start")
    return Notice(
        vantage=Vantage.AWS,
        what=code,
        members=tuple(dict.fromkeys(_resources(detail))),
        seen_at=detail.time_or_none("lastUpdatedTime", times.any_form) or event.time("time"),
        start=start,
        end=end,
        text=_description(detail),
        cause=_cause(code, detail.name_or_empty("eventTypeCategory")),
        key=_key(detail),
        about=_about(detail),
        withdrawn=detail.name_or_empty("statusCode") == "closed",
    )


def _resources(detail: Table) -> Iterator[str]:
    """Give the resources that are named; an entity that names none is left out alone."""
    for entity in detail.items("affectedEntities", ENTITIES_LIMIT):
        with suppress(RejectedEvent):
            yield resource_id(table(entity).name("entityValue"))


def _cause(code: str, category: str) -> Cause:
    if "REDUNDANCY_LOSS" in code:
        return Cause.REDUNDANCY_LOST
    if category == "scheduledChange" or "MAINTENANCE" in code:
        return Cause.MAINTENANCE
    return Cause.OUTAGE if category == "issue" else Cause.UNSTATED


def _key(detail: Table) -> str:
    """Give what is equal for a repeated delivery of one page: the communication, the account and the page."""
    account = detail.name_or_empty("affectedAccount")
    return f"health/{detail.name_or_empty('communicationId')}/{account}/{detail.prose('page', 8) or '1'}"


def _about(detail: Table) -> str:
    """Give what is equal for every update of one page: the event, the account and the page; "" where the event is not named."""
    arn = detail.prose("eventArn", _ARN_LIMIT)
    return arn and f"{arn}/{detail.name_or_empty('affectedAccount')}/{detail.prose('page', 8) or '1'}"


def _description(detail: Table) -> str:
    texts = detail.tables("eventDescription", ENTITIES_LIMIT)
    english = [one for one in texts if one.prose("language", 8).startswith("en")]
    return next((one.prose("latestDescription", _TEXT_LIMIT) for one in [*english, *texts]), "")
