"""What each acceptor is known to have promised, so that one that was rolled back is noticed."""

from pointsman.quorum.ballots import NO_BALLOT

FLOORS_LIMIT = 4096
"""How many (acceptor, register) pairs are remembered; past it the oldest is forgotten."""


class Floors:
    """Remembers the highest promise seen of every acceptor and register, for as long as the process lives."""

    def __init__(self) -> None:
        self._floors: dict[tuple[str, str], str] = {}

    def floor(self, acceptor: str, register: str) -> str:
        """Give the promise that a request sent from now on must find, or a later one."""
        return self._floors.get((acceptor, register), NO_BALLOT)

    def saw(self, acceptor: str, register: str, promised: str) -> None:
        """Note a promise that was seen."""
        key = (acceptor, register)
        if promised > self._floors.get(key, NO_BALLOT):
            self._floors.pop(key, None)
            self._floors[key] = promised
        if len(self._floors) > FLOORS_LIMIT:
            del self._floors[next(iter(self._floors))]
