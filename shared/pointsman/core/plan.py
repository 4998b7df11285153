"""The agreed decision for a fabric, and the view it was decided from."""

from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from pointsman.core.fabric import Bandwidth, Cloud, FlowName, LinkName, MemberId
from pointsman.core.sightings import Order, Sighting
from pointsman.core.values import Frozen, parse

PLANS_KEPT = 16
"""Texts of plans that a process remembers with what they say: the agreed one is read again and again."""


class Verdict(StrEnum):
    """What we believe of a link."""

    UP = "up"
    SUSPECT = "suspect"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class DrainCause(StrEnum):
    """Why traffic is kept off a link."""

    OUTAGE = "outage"
    MAINTENANCE = "maintenance"
    ORDER = "order"


class Drain(Frozen):
    """Traffic is kept off a link by our levers. ``enactor`` is the cloud that acts first; the other takes over.

    ``until`` is when an order's hold ends by itself, ``by`` who ordered it and why.
    """

    cause: DrainCause
    since: datetime
    epoch: int
    enactor: Cloud
    until: datetime | None = None
    by: str = ""


class Maintenance(Frozen):
    """A window that is near or runs, as it was agreed on: it is believed until then, whatever becomes of its rows.

    ``away`` are the members that it takes (none: the whole link), ``by`` its rows with their marks (none: it is over, or was
    taken back, and the link has a while to be seen good). ``ask`` says why the link is not left for it and a person must
    decide ("" while nobody is asked).
    """

    start: datetime
    until: datetime
    away: tuple[MemberId, ...] = ()
    by: dict[str, int] = {}
    ask: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing of it is left but the while in which its link may be seen good."""
        return not self.by


class Penalty(Frozen):
    """What a link's failures count for (``core.damping``): ``figure`` as of ``at``; ``damped`` once it was above the threshold for fail-back."""

    figure: int
    at: datetime
    damped: bool = False


class Relief(Frozen):
    """The decision, at ``epoch`` and ``at`` a time, that took away what the plan had kept on a link beyond its capacity.

    ``loss`` is the share of packets (0 to 1) that this had cost each way, and costs until the levers are set.
    """

    epoch: int
    at: datetime
    loss: float


class LinkState(Frozen):
    """What is agreed about one link.

    ``since`` is when the verdict last changed; ``onset`` when the trouble behind a suspect, degraded or down verdict
    began; ``down_since_epoch`` names the open incident and stays until the link has returned for good; ``closing``
    are the incidents that are over and still have to be told to the desks; ``good_since`` is since when both ends
    say without a break that packets pass, which hold-down counts from; ``usable`` is the capacity that is left
    (None: all of it); ``maintenance`` is a window that is near or runs; ``steered`` is, for a link in mode recommend, the
    epoch that last had our levers set there, until they are seen as the plan asks;
    ``penalty`` is what its failures count for, ``expected`` the same with those within the window that runs (None: there
    was none); ``wavered`` when it last came back from suspect or degraded;
    ``lost`` says by member since when both ends miss its session, which the convergence budget counts from; ``relieved`` is
    the decision that last took away what the plan had kept on it beyond its capacity.
    """

    verdict: Verdict = Verdict.UNKNOWN
    since: datetime | None = None
    onset: datetime | None = None
    down_since_epoch: int | None = None
    closing: tuple[int, ...] = ()
    good_since: datetime | None = None
    usable: Bandwidth | None = None
    drain: Drain | None = None
    maintenance: Maintenance | None = None
    steered: int | None = None
    penalty: Penalty | None = None
    expected: Penalty | None = None
    wavered: datetime | None = None
    lost: dict[MemberId, datetime] = {}
    relieved: Relief | None = None


class Placement(Frozen):
    """Where a flow goes; ``link`` None is no path.

    ``only`` means that AWS may not be offered the flow's prefixes over links it would prefer by their type (agreed
    while fresh forwarding evidence shows the link passing); ``squeezed_by`` is the demand in bits per second that
    does not fit; ``mtu_short`` that the link carries smaller packets than the flow declares.
    """

    link: LinkName | None = None
    only: bool = False
    squeezed_by: Bandwidth = Bandwidth(0)
    mtu_short: bool = False


class Pin(Frozen):
    """A static override that beats BGP: always with owner, reason, expiry, and the inverse that removes it."""

    flow: FlowName
    link: LinkName
    owner: str
    reason: str
    expires_at: datetime


class Freeze(Frozen):
    """A person has stopped all steering, ``until`` then at most (None: until it is thawed)."""

    author: str
    reason: str
    since: datetime
    until: datetime | None = None


class Proposal(Frozen):
    """What would be done with links in mode recommend, and waits for a person's word on exactly this ``hash``.

    ``leave`` are links to be drained, ``back`` those to be returned to, ``flows`` every flow that would move with where
    to; ``epoch`` is the plan's that first held it. ``denied`` says who refused it and why ("" while it may be approved);
    after ``expires_at`` it is proposed anew, under another hash.
    """

    hash: str
    epoch: int
    since: datetime
    expires_at: datetime
    leave: tuple[LinkName, ...] = ()
    back: tuple[LinkName, ...] = ()
    flows: dict[FlowName, LinkName | None] = {}
    denied: str = ""


class Done(Frozen):
    """An order that was carried out, by a digest of its key and of what it orders: kept for as long as the same order could come again."""

    key: str
    until: datetime


class Silence(Frozen):
    """What should speak and doesn't: a cloud's functions, or its events (``core.silence``).

    ``since`` is when it was last heard, or what it should have told of; ``about`` the member of which it said nothing; ``epoch``
    names the open incident (None: it is over), ``closing`` those that are over and still have to be told to the desks.
    """

    since: datetime
    about: str = ""
    epoch: int | None = None
    closing: tuple[int, ...] = ()


class Reason(Frozen):
    """Why: ``about`` names a link or a flow, ``chosen`` what was decided, ``because`` says it in words, ``refused`` each other option with why."""

    about: str
    chosen: str
    because: str
    refused: dict[str, str] = {}


class Handover(Frozen):
    """The last decision by rules of another version than the plan's, and when it was made."""

    decider: str
    at: datetime


class Plan(Frozen):
    """The agreed decision for a fabric.

    ``marks`` holds, per sighting row, the newest claim it was decided from (8 hex digits of the row's key ->
    its microsecond and severity, ``core.marks``): a later decision from an older view is refused (STALE_VIEW).
    ``moves`` are the times of discretionary epochs within the last hour, which the budget counts. ``proposal`` is what
    waits for an approval, ``orders`` are those lately carried out. ``prev_digest`` is of
    the plan before; ``entry`` names the journal's entry with what it was decided from ("" until it is written down).
    ``silences`` are the incidents about what is not heard of, by the name that stands where a link's would. ``handover``
    is there while rules of another version decided lately.
    """

    fabric: str
    fabric_hash: str
    decider: str
    epoch: int = 0
    decided_at: datetime
    links: dict[LinkName, LinkState] = {}
    flows: dict[FlowName, Placement] = {}
    pins: tuple[Pin, ...] = ()
    freeze: Freeze | None = None
    marks: dict[str, int] = {}
    moves: tuple[datetime, ...] = ()
    proposal: Proposal | None = None
    orders: tuple[Done, ...] = ()
    reasons: tuple[Reason, ...] = ()
    prev_digest: str = ""
    entry: str = ""
    silences: dict[str, Silence] = {}
    handover: Handover | None = None


@lru_cache(maxsize=PLANS_KEPT)
def read_plan(text: str) -> Plan:
    """Read a plan's canonical text. Raises ``msgspec.DecodeError`` when a newer version wrote it."""
    return parse(text, Plan)


class FlagState(StrEnum):
    """What a freeze flag outside the table says."""

    CLEAR = "clear"
    SET = "set"
    UNREADABLE = "unreadable"


class View(Frozen):
    """Everything a decision is made from, besides the agreed plan, the fabric and the time.

    ``here`` is the cloud whose function looks; ``rows`` are both clouds' sightings; ``unreadable`` are the clouds
    whose rows could not be read: their claims are unknown, never down; ``unnoted`` are the keys of rows that only this
    function knows yet, or that the store holds under an earlier time, which therefore leave no mark. ``closed`` are incidents of which every desk
    has been told. ``clock_trusted`` is False when fewer than
    two stores gave the time: then no discretionary move is made. ``wide`` means that every place where rows may be was read.
    """

    here: Cloud
    rows: tuple[Sighting, ...] = ()
    unreadable: tuple[Cloud, ...] = ()
    unnoted: tuple[str, ...] = ()
    flags: dict[Cloud, FlagState] = {}
    closed: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    clock_trusted: bool = True
    wide: bool = False
