"""The freeze flag of the AWS side: a parameter ``/pointsman/<fabric>/freeze`` in Parameter Store, outside the table."""

from pointsman.adapters.aws import parameters
from pointsman.adapters.aws.clients import Clients
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState

CLEAR = "clear"
"""A value that begins with this word is clear; any other value freezes, so that a hand-made parameter does too."""
FROZEN = "frozen"
NOTE_LIMIT = 500
"""Characters of a note that are kept."""


class SsmFlag:
    """Reads and writes the flag. No parameter means clear."""

    cloud = Cloud.AWS

    def __init__(self, clients: Clients, fabric: str, region: str) -> None:
        self._clients, self._region = clients, region
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
        return FlagState.CLEAR if text is None or text.lstrip().startswith(CLEAR) else FlagState.SET

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
