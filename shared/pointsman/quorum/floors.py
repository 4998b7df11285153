"""What each acceptor is known to have promised and accepted, so that one that was rolled back is noticed."""

from pointsman.quorum.rows import Row

FLOORS_LIMIT = 4096
"""How many (acceptor, register) pairs are remembered; past it the oldest is forgotten."""

FORGOT = "{0} holds less of {1} than it did: it was rolled back, take it out and copy it anew"
"""What one acceptor of several has forgotten, the others still know."""
ALL_FORGOT = "deploy the functions anew: most stores were restored or emptied, {0} too, and hold less of {1} than they did"
"""Of what most have forgotten no majority can be told by whoever remembers it. The mend comes first: it outlives every cut."""
_NOTHING = Row()


class Floors:
    """Remembers the highest promise and the highest accept seen of every acceptor and register, for as long as the process lives.

    Both, for a store may have lost an accept and kept the promise that went before it.
    """

    def __init__(self) -> None:
        self._floors: dict[tuple[str, str], Row] = {}

    def floor(self, acceptor: str, register: str) -> Row:
        """Give what the answer to a request that is sent from now on must be at or above."""
        return self._floors.get((acceptor, register), _NOTHING)

    def saw(self, acceptor: str, register: str, row: Row) -> None:
        """Note a row that was seen."""
        key = (acceptor, register)
        held = self._floors.get(key, _NOTHING)
        if row.promised <= held.promised and row.accepted <= held.accepted:
            return
        self._floors.pop(key, None)
        self._floors[key] = Row(promised=max(row.promised, held.promised), accepted=max(row.accepted, held.accepted))
        if len(self._floors) > FLOORS_LIMIT:
            del self._floors[next(iter(self._floors))]


def forgotten(floor: Row, row: Row) -> bool:
    """Say whether an acceptor that held ``floor`` has forgotten something if it answers ``row``."""
    return row.promised < floor.promised or row.accepted < floor.accepted
