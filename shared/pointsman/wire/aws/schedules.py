"""EventBridge rules and schedules that fired without a body of their own."""

from collections.abc import Iterable

from pointsman.core.sightings import Meaning, Tick, Vantage
from pointsman.wire import times
from pointsman.wire.aws.arns import resource_id
from pointsman.wire.record import Letter


def recognises(letter: Letter) -> bool:
    """Say whether a letter is the event of a schedule."""
    return letter.body.get("source") in ("aws.events", "aws.scheduler") and letter.body.get("detail-type") == "Scheduled Event"


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one firing; its key is the rule and the time it was due."""
    event = letter.body
    at = event.time("time")
    rule = next((resource_id(arn) for arn in event.names("resources")), "unnamed")
    return (Tick(vantage=Vantage.AWS, key=f"schedule/{rule}/{times.written(at)}", seen_at=at),)
