"""The freeze flag of the AWS side: a parameter ``/pointsman/<fabric>/freeze`` in Parameter Store, outside the table."""

from pointsman.adapters.aws import parameters
from pointsman.adapters.aws.clients import Clients
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.flagging import CLEAR, FROZEN, state_of
from pointsman.core.plan import FlagState
from pointsman.ports.clouds import Clock

NOTE_LIMIT = 500
"""Characters of a note that are kept."""


class SsmFlag:
    """Reads and writes the flag. No parameter means clear. Without a ``clock`` an end that it names counts for nothing."""

    cloud = Cloud.AWS

    def __init__(self, clients: Clients, fabric: str, region: str, clock: Clock | None = None) -> None:
        self._clients, self._region, self._clock = clients, region, clock
        self.name = f"/pointsman/{fabric}/freeze"

    async def read(self) -> FlagState:
        """Read it; never raises: what cannot be read is UNREADABLE."""
        try:
            found = await parameters.read(self._clients, self._region, (self.name,))
        except PointsmanError:
            return FlagState.UNREADABLE
        if self.name not in found:
            return FlagState.UNREADABLE
        text = found[self.name]
        return FlagState.CLEAR if text is None else state_of(text, self._clock.now() if self._clock else None)

    async def write(self, frozen: bool, note: str) -> None:  # noqa: FBT001 - the port's own signature
        """Set or clear it. Raises ``Transient``."""
        value = f"{FROZEN if frozen else CLEAR} {_plain(note)}".strip()
        try:
            await parameters.write(self._clients, self._region, self.name, value)
        except PointsmanError as error:
            raise Transient(f"the freeze flag {self.name} is not written: {error}") from error


def _plain(note: str) -> str:
    """Take out what Parameter Store would read as a reference (``{{..}}``)."""
    return note.replace("{", "(").replace("}", ")")[:NOTE_LIMIT]
