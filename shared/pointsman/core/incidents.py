"""One outage: its timeline, its tickets and what is still to be told to the desks."""

from datetime import datetime
from enum import StrEnum

from pointsman.core.fabric import LinkName
from pointsman.core.values import Frozen


class Severity(StrEnum):
    """How bad, in rising order: drift; redundancy lost with headroom; N-1 broken or capacity short; no path left."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class Phase(StrEnum):
    """Where an incident is."""

    OPEN = "open"
    RESOLVED = "resolved"


class Ask(StrEnum):
    """What a desk is asked to do."""

    OPEN = "open"
    UPDATE = "update"
    RESOLVE = "resolve"
    DEDUPLICATE = "deduplicate"
    """Search for this incident's tickets and close all but the oldest: nothing to do for a desk that honours a key."""


class Letter(Frozen):
    """One message of the outbox: to a desk, in order.

    ``claimed_by`` and ``claimed_until`` are the lease of the function that is telling it now, ``attempts`` how often it was claimed,
    ``not_before`` when it may first be told. ``unsent`` says why it never will be ("" for every other letter).
    ``mode`` is the honest mode in words, with what it survives and what not: whoever tells the letter adds it, as it stands then,
    and no register keeps it.
    """

    serial: int
    desk: str
    ask: Ask
    severity: Severity
    summary: str
    attempts: int = 0
    not_before: datetime | None = None
    claimed_by: str = ""
    claimed_until: datetime | None = None
    done: bool = False
    unsent: str = ""
    mode: str = ""


class Ticket(Frozen):
    """A ticket as the desk knows it. ``reference`` is the desk's own number or our deduplication key."""

    desk: str
    reference: str
    phase: Phase = Phase.OPEN


class Moment(Frozen):
    """One line of the timeline."""

    at: datetime
    epoch: int
    text: str


class Incident(Frozen):
    """One outage of one link. ``id`` is ``fabric/link@down_since_epoch``; any sweep can recreate it from the plan.

    Where something is silent instead (``core.silence``), ``link`` is its name.
    ``by_hand`` are the desks that the fabric no longer names and that may hold an open ticket, which a person has to close.
    """

    id: str
    fabric: str
    link: LinkName
    epoch: int
    opened_at: datetime
    severity: Severity
    phase: Phase = Phase.OPEN
    resolved_at: datetime | None = None
    timeline: tuple[Moment, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    outbox: tuple[Letter, ...] = ()
    by_hand: tuple[str, ...] = ()


def phase_after(incident: Incident, letter: Letter) -> Phase:
    """Say in which phase a desk's ticket is once a letter was told."""
    match letter.ask:
        case Ask.OPEN | Ask.UPDATE:
            return Phase.OPEN
        case Ask.RESOLVE:
            return Phase.RESOLVED
        case Ask.DEDUPLICATE:
            return next((ticket.phase for ticket in incident.tickets if ticket.desk == letter.desk), Phase.OPEN)


def incident_id(fabric: str, link: str, epoch: int) -> str:
    """Name an incident; the same outage has the same name in both clouds and after any crash."""
    return f"{fabric}/{link}@{epoch}"
