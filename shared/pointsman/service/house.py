"""Everything a function has at hand: the fabrics of its artefact and one implementation of every port."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pointsman.core.decide import RULES, Rules
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud, Fabric
from pointsman.core.plan import Plan
from pointsman.core.sightings import Sighting
from pointsman.core.steering import LeverKind, Setting
from pointsman.ports.clouds import Clock, Flag, Lever, Looker
from pointsman.ports.desks import Desk
from pointsman.ports.stores import Journal, Rows
from pointsman.service.registers import Registers

if TYPE_CHECKING:
    from pointsman.ports.audits import Auditor
    from pointsman.service.probe import Lookout

WATCH_EVERY = timedelta(seconds=3)
"""From the start of one look to the start of the next."""
WATCH_LASTING = timedelta(seconds=55)
"""How long one call of ``watch`` goes on looking: until just before the schedule starts the next."""
NAMED_KEPT = 1
"""Fabrics that a process remembers the newest plan by."""
AUDITED_KEPT = 1
"""Hours that a process remembers having audited in."""
TOLD_KEPT = 1_000
"""Findings of audits that a process remembers having told."""
COUNTERSIGNED_KEPT = 256
"""Entries of the journal that a process remembers having dealt with."""


async def at_once() -> None:
    """Wait for nothing."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A setting that a process proved effective: from when on it is known to be in force, and whether its flows were seen carried since."""

    setting: Setting
    since: datetime
    carried: bool = False


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What a function sees and steers one fabric's links with; ``auditor`` is made when an audit is due (None: none is)."""

    looker: Looker
    levers: Mapping[LeverKind, Lever]
    auditor: "Callable[[], Auditor] | None" = None


@dataclass(frozen=True, kw_only=True)
class House:
    """One function's surroundings.

    ``fabrics`` are the current and perhaps the next; the plan names the one that counts. ``looker`` and ``levers`` are
    those of the first, ``hands`` those of each by its hash. ``rules`` decide. ``nonce`` gives 16 fresh hex digits at each call.
    ``journal`` is the own cloud's store, ``spares`` the others, for when it takes no entry; ``countersigned`` are
    entries that this process has dealt with, ``audited`` the hour in which it last audited, ``told`` findings that it
    has told; ``effective`` the levers that it proved effective, by kind and target; ``known`` the rows that the own store
    held when it was last read; ``silent`` names the stores that kept silent when they were last asked for rows, which are
    not waited for again until they answer; ``dark`` those whose rows could not be read. ``own`` are registers of the own cloud's store alone, for what may be done without a
    majority (None: nothing). ``named`` is the fabric that the last plan named which this process saw, unless that is
    the first. ``loaded`` waits until everything that speaks to other stores than the own cloud's is loaded: that is the
    machine's time, and not a store's silence. ``nudge`` wakes the other cloud's functions (fabric, epoch) and ``post``
    the own cloud's ``deliver`` (incident): both are hints that may be lost and raise ``Transient``. ``lookout`` makes
    what a prober needs, once.
    """

    fabrics: tuple[Fabric, ...]
    here: Cloud
    registers: Registers
    rows: Mapping[Cloud, Rows]
    witness: Rows | None
    journal: Journal
    looker: Looker
    levers: Mapping[LeverKind, Lever]
    flags: Mapping[Cloud, Flag]
    clock: Clock
    nonce: Callable[[], str]
    own: Registers | None = None
    nudge: Callable[[str, int], Awaitable[None]] | None = None
    post: Callable[[str], Awaitable[None]] | None = None
    spares: tuple[Journal, ...] = ()
    rules: Rules = RULES
    named: deque[str] = field(default_factory=lambda: deque(maxlen=NAMED_KEPT))
    countersigned: deque[str] = field(default_factory=lambda: deque(maxlen=COUNTERSIGNED_KEPT))
    audited: deque[int] = field(default_factory=lambda: deque(maxlen=AUDITED_KEPT))
    told: deque[str] = field(default_factory=lambda: deque(maxlen=TOLD_KEPT))
    effective: dict[tuple[LeverKind, str], Proof] = field(default_factory=dict)
    known: dict[str, Sighting] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    dark: set[str] = field(default_factory=set)
    desks: Mapping[str, Desk] = field(default_factory=dict)
    watch_every: timedelta = WATCH_EVERY
    watch_lasting: timedelta = WATCH_LASTING
    hands: Mapping[str, Hands] = field(default_factory=dict)
    loaded: Callable[[], Awaitable[None]] = at_once
    lookout: "Callable[[], Lookout] | None" = None

    @property
    def current(self) -> Fabric:
        """The fabric that counts while no plan is agreed."""
        return self.fabrics[0]

    @property
    def plan_register(self) -> str:
        """The register of the plan."""
        return f"plan/{self.current.name}"

    def fabric_of(self, plan: Plan) -> Fabric:
        """Give the fabric that a plan names. Raises ``ConfigError`` when this artefact does not carry it."""
        for fabric in self.fabrics:
            if fabric.hash == plan.fabric_hash:
                return fabric
        raise ConfigError(
            f"the agreed plan names fabric {plan.fabric_hash}, which this artefact lacks: deploy the artefact that carries it"
        )

    def under(self, plan: Plan) -> "House":
        """Give the surroundings with the fabric that a plan names in front; itself when it is. Raises ``ConfigError``."""
        counting = self.fabric_of(plan)
        return self if counting.hash == self.current.hash else self._led_by(counting)

    def lately(self) -> "House":
        """Give the surroundings with the fabric in front that the last plan named which this process saw: one pass less to find out."""
        found = (fabric for fabric in self.fabrics[1:] if fabric.hash in self.named)
        return next((self._led_by(fabric) for fabric in found), self)

    def _led_by(self, counting: Fabric) -> "House":
        self.named.append(counting.hash)
        others = tuple(fabric for fabric in self.fabrics if fabric.hash != counting.hash)
        hands = self.hands.get(counting.hash, Hands(looker=self.looker, levers=self.levers))
        return replace(self, fabrics=(counting, *others), looker=hands.looker, levers=hands.levers)


def incident_register(incident: str) -> str:
    """Name the register of an incident."""
    return f"incident/{incident}"
