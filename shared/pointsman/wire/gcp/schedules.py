"""Cloud Scheduler over HTTP: the headers say which job and when it was due; the body is the job's own affair.

A firing may be delivered twice: the schedule's time is its key.
Source: cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#HttpTarget.
"""

from collections.abc import Iterable

from pointsman.core.sightings import Meaning, Tick, Vantage
from pointsman.wire import times
from pointsman.wire.fields import Table
from pointsman.wire.record import Letter

_MARK = "x-cloudscheduler"
_JOB = "x-cloudscheduler-jobname"
_TIME = "x-cloudscheduler-scheduletime"


def recognises(letter: Letter) -> bool:
    """Say whether a letter came from Cloud Scheduler."""
    return _MARK in letter.context.headers


def decode(letter: Letter) -> Iterable[Meaning]:
    """Decode one firing."""
    headers = Table(values=dict(letter.context.headers), path="$headers")
    at = headers.time(_TIME)
    return (Tick(vantage=Vantage.GCP, key=f"schedule/{headers.name_or_empty(_JOB) or 'unnamed'}/{times.written(at)}", seen_at=at),)
