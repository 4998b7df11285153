"""What can be asked of a cloud: look, steer, read the freeze flag, pass on a hint."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState
from pointsman.core.sightings import Notice, Sighting
from pointsman.core.steering import LeverKind, Observed, Setting, Verified
from pointsman.core.values import Frozen


class LeverBusy(PointsmanError):
    """The cloud is still changing this resource, or throttles us: look again later."""


class FenceLost(PointsmanError):
    """Somebody changed the setting since it was observed: observe again before writing."""


class LeverFailed(PointsmanError):
    """The cloud refused the write; the text says which right or setting is missing."""


class LeverUnsure(PointsmanError):
    """The write may or may not have been made: observe before anything else."""


class Lever(Protocol):
    """One way to steer traffic in one cloud. All writes are in place and safe to repeat under one ``token``."""

    kind: LeverKind

    async def observe(self, target: str) -> Observed:
        """Read how the lever of a link (or flow, for a pin) is set, with its fence."""

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Write ``want`` over what was observed, fenced where the API can. ``token`` is the same for a step that is sent twice."""

    async def undo(self, observed: Observed, token: str) -> None:
        """Bring the lever back to nothing steered."""

    async def verify(self, want: Setting) -> Verified:
        """Prove a write as far as this cloud's control plane can: *accepted*, *effective*; *carried* is the probe's word."""


class Look(Frozen):
    """What one look saw: a claim for each thing that was read, ``unknown`` where it could not be.

    ``unseen`` are the keys of what the cloud let nobody look at, for it throttles: no claim is made of these, so what was
    said of them before stands until it is stale, and none of them is seen up by this look.
    """

    claims: tuple[Sighting, ...] = ()
    unseen: tuple[str, ...] = ()


class Looker(Protocol):
    """Reads how the members of links stand now, from one cloud's control plane."""

    cloud: Cloud

    async def look(self, links: Sequence[str]) -> Look:
        """Look once at these links. What cannot be read gives ``unknown``; raises ``Transient`` when all of it is throttled."""


@runtime_checkable
class Announcer(Protocol):
    """Reads what maintenance one cloud announces where no event tells of it; a ``Looker`` may be one."""

    async def notices(self) -> tuple[Notice, ...]:
        """Read what is announced, or taken back, of the fabric's members. Raises ``Transient`` when throttled."""


class Flag(Protocol):
    """A freeze flag outside the table."""

    cloud: Cloud

    async def read(self) -> FlagState:
        """Read it; never raises: what cannot be read is UNREADABLE."""

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - a flag is a yes or a no
        """Set or clear it. Raises ``Transient``."""


class Clock(Protocol):
    """The one place that knows the time."""

    def now(self) -> datetime:
        """Give the own clock's time, aware, UTC."""

    def monotonic(self) -> float:
        """Give seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Queue(Protocol):
    """A queue of a cloud. A message may be lost, doubled or late."""

    async def send(self, body: bytes) -> None:
        """Send one message. Raises ``Transient``."""
