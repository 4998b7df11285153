"""What a schedule leaves behind for the invariants to judge."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.incidents import Ask
from pointsman.core.plan import FlagState, Plan, View
from pointsman.core.sightings import Order, Sighting, Vantage
from pointsman.core.steering import Setting
from pointsman.core.values import Frozen


class Accepted(Frozen):
    """A value that some store accepted, and when a majority had (seconds of virtual time; None: never under this ballot)."""

    at: float | None
    first: float
    register: str
    ballot: str
    value: str


class Ended(StrEnum):
    """How a function was told that its operation on a register ended."""

    READ = "read"
    AGREED = "agreed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Operation(Frozen):
    """One operation of a function on a register.

    ``ballot`` is that of the value it was answered with; ``own`` are the nonces of the ballots it spent.
    """

    register: str
    began: float
    ended: float
    how: Ended
    ballot: str = ""
    own: tuple[str, ...] = ()


class Asked(Frozen):
    """A setting that a function asked its lever for, over what it had observed; ``blind`` are the flags it could not read.

    ``frozen`` is for how many seconds its call had been frozen until then.
    """

    at: float
    cloud: Cloud
    setting: Setting
    over: Setting
    blind: tuple[Cloud, ...] = ()
    frozen: float = 0.0


class Landed(Frozen):
    """A setting that took effect on a lever; ``late``: long after whoever asked for it had been told that it is not sure.

    ``frozen`` is for how many seconds the call that asked for it had been frozen until then.
    """

    at: float
    cloud: Cloud
    setting: Setting
    late: bool = False
    frozen: float = 0.0


class Intended(Frozen):
    """A row by which a cloud says that it steers beside an agreement: when it was sent, whether or not it ever came to stand."""

    at: float
    row: Sighting


class Spoken(Frozen):
    """When somebody first spoke against a link: from which vantage, and whether by a live look."""

    at: float
    link: str
    vantage: Vantage
    look: bool


class Stopped(Frozen):
    """A time in which a cloud's flag was set or unreadable."""

    flag: Cloud
    state: FlagState
    since: float
    until: float | None = None


class Foretold(Frozen):
    """One version of maintenance that somebody announced: which link it takes, or members of, and from when until when."""

    link: str
    start: datetime
    end: datetime


class Told(Frozen):
    """What a desk did. ``by_hand``: a person did it there; ``overdue``: no search shows it before the lease under which it was asked for ends."""

    at: float
    incident: str
    ask: Ask
    ticket: str
    by_hand: bool = False
    overdue: bool = False


class Way(Frozen):
    """The links that a flow takes each way at the end, and the worse direction's share of lost packets."""

    links: tuple[str, ...]
    loss: float


class Called(Frozen):
    """One call of a function: how long it took, the time apart that it was frozen, what it asked of stores, and how many letters it told."""

    at: float
    seconds: float
    door: str
    reads: int
    writes: int
    letters: int = 0


class Overwritten(Frozen):
    """A sighting row in which an older claim replaced a newer one."""

    at: float
    store: str
    held: Sighting
    by: Sighting


class Restored(Frozen):
    """A reply that a function counted though it had seen the store promise more than it says."""

    at: float
    store: str
    register: str
    promised: str
    seen: str


class Drill(Frozen):
    """A link that was cut at the end, with one store and one cloud's functions gone: how soon it was agreed to leave it, and no flow was on it."""

    link: str
    store: str
    cloud: Cloud
    seconds: float


class Dark(Frozen):
    """A stretch without any function alive: whether a flow's packets found their way, and whether BGP alone had led them."""

    since: float
    until: float
    flow: str
    carried: bool
    alone: bool


class Evidence(Frozen):
    """What one run left behind, after everything was healed and some hold-downs had passed.

    ``fabrics`` are those that the functions carried, by hash; ``healed`` is when the last fault ended, ``settled`` when
    nothing was left to do (None: never within the budget); ``plans`` is what each cloud reads at the end, ``view`` with
    ``now`` what it sees; ``wants`` pairs each setting that the newest plan asks for with what its lever reads; ``held``
    is the accepted ballot by register and store at the end, ``lost`` the store that is gone for good, ``misled`` how many
    stores' clocks were wrong at once at most; ``duplicate`` counts the register reads and writes that a repeated report made;
    ``intended`` lists what was steered beside an agreement; ``woke`` is when functions started again after all had been dead (None: never);
    ``suffered`` says when something was first wrong with each link that anything was wrong with;
    ``works`` is all maintenance that was announced, in every version, ``given`` every order of a person as often as it came;
    ``livelocked`` lists calls of the quiet end that gave up because of other proposers; ``escaped`` lists errors that no
    entry expects, ``entries`` the journal by digest, ``unlooked`` calls that wrote a lever and ended well without a look at the plan after it.
    """

    fabric: Fabric
    fabrics: dict[str, Fabric]
    healed: float
    settled: float | None
    accepted: tuple[Accepted, ...]
    operations: tuple[Operation, ...]
    asked: tuple[Asked, ...]
    landed: tuple[Landed, ...]
    spoken: tuple[Spoken, ...]
    stopped: tuple[Stopped, ...]
    plans: dict[Cloud, Plan | None]
    view: View
    now: datetime
    wants: tuple[tuple[Setting, Setting], ...]
    ways: Mapping[str, Way]
    book: tuple[Told, ...]
    held: dict[str, dict[str, str]]
    lost: str
    misled: int
    calls: tuple[Called, ...]
    duplicate: tuple[int, int]
    overwritten: tuple[Overwritten, ...]
    restored: tuple[Restored, ...]
    livelocked: tuple[str, ...]
    drills: tuple[Drill, ...]
    dark: tuple[Dark, ...]
    escaped: tuple[str, ...]
    unlooked: tuple[str, ...] = ()
    entries: Mapping[str, bytes] = {}
    intended: tuple[Intended, ...] = ()
    woke: float | None = None
    works: tuple[Foretold, ...] = ()
    given: tuple[Order, ...] = ()
    suffered: Mapping[str, float] = {}
