"""What passes between the envelopes, the decoders and their caller."""

from collections.abc import Mapping
from datetime import datetime

from pointsman.core.sightings import Meaning, Rejected, Vantage
from pointsman.core.values import Frozen
from pointsman.wire.fields import Table


class Record(Frozen):
    """What one record means. ``delivery`` names it to a queue that takes partial failures (SQS), else None.

    ``number`` says which item of the outermost batch it was in, from 0; None where no batch was delivered.
    """

    meaning: Meaning | Rejected
    delivery: str | None = None
    number: int | None = None


class Context(Frozen):
    """What the envelopes said: where, when and how a payload arrived.

    ``vantage`` is the cloud that delivered it, None when nothing says; ``arrived_at`` what the innermost envelope that tells
    times tells, None where that cannot be read: what is sent again in a new envelope is no newer for it. ``delivery`` and
    ``number`` are those of the outermost batch, for every record inside it; ``headers`` are lower-cased; ``depth`` counts
    the envelopes opened so far.
    """

    path: str = "$"
    vantage: Vantage | None = None
    arrived_at: datetime | None = None
    delivery: str | None = None
    number: int | None = None
    headers: Mapping[str, str] = {}
    depth: int = 0


class Letter(Frozen):
    """One JSON object out of its envelopes."""

    body: Table
    context: Context
