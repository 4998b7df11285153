"""Whether flows go on their links at all: no set of links may be offered more by flows that have no other than it carries.

For flows that may part this is all there is to ask (Hall's theorem, max-flow min-cut). Whole flows need more: a link
counts for no more than some of its flows fill of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import gcd

from pointsman.core.solving_task import Task

CELLS = 1 << 12
"""Parts that a room is counted in where demands have no unit in common that is as coarse; a fill is then told a little too high."""


class Fits:
    """What fits in one component: all sets of its links in one integer, a field of bits for each."""

    def __init__(self, task: Task) -> None:
        self._demand = task.demand
        self._unit = gcd(*task.demand) or 1
        self._width = (2 * (sum(task.demand) + sum(task.usable) + sum(task.start))).bit_length() + 2
        self._fills: dict[tuple[int, int], int] = {}
        self._fields: dict[int, tuple[list[int], list[int]]] = {}

    def hold(self, ways: Mapping[int, Sequence[int]], room: Sequence[int], spare: int) -> bool:
        """Say whether flows may fit together; ``ways`` are the links that each may take, ``spare`` may be too much in all.

        False is proved; True is not. Without a spare no link may be exceeded.
        """
        takers: dict[int, int] = {}
        for flow, links in ways.items():
            for link in links:
                takers[link] = takers.get(link, 0) | 1 << flow
        place = {link: 1 << index for index, link in enumerate(takers)}
        needs: dict[int, int] = {}
        for flow, links in ways.items():
            some = sum(map(place.__getitem__, links))
            needs[some] = needs.get(some, 0) + self._demand[flow]
        rooms = [max(0, room[link]) if spare else self.fill(room[link], flows) for link, flows in takers.items()]
        return self._covers(needs, rooms, spare)

    def fill(self, room: int, flows: int) -> int:
        """Give the most that some of these flows (a set of bits) fill of a room without exceeding it, or a little more."""
        found = self._fills.get((room, flows))
        if found is None:
            found = self._fills[room, flows] = self._filled(room, sorted(self._sizes(room, flows)))
        return found

    def _sizes(self, room: int, flows: int) -> Iterable[int]:
        while flows:
            lowest = flows & -flows
            flows ^= lowest
            size = self._demand[lowest.bit_length() - 1]
            if size <= room:
                yield size

    def _filled(self, room: int, sizes: Sequence[int]) -> int:
        if sum(sizes) <= max(0, room):
            return sum(sizes)
        exact = room // self._unit <= CELLS
        unit = self._unit if exact else room // CELLS
        sums = 1
        for size in sizes:
            sums |= sums << size // unit
        top = (sums & ((2 << room // unit) - 1)).bit_length() - 1
        return top * unit if exact else min(room, (top + _count(room, sizes)) * unit)

    def _covers(self, needs: Mapping[int, int], rooms: Sequence[int], spare: int) -> bool:
        """Compare for every set of links what only it may take with its rooms, all sets at once: no field may borrow from the next."""
        width, bits = self._width, len(rooms)
        lower, ones = self._of(bits)
        need = sum(demand << width * links for links, demand in needs.items())
        room = 0
        for bit in range(bits):
            need += (need & lower[bit]) << (width << bit)
            room |= (room + ones[bit] * rooms[bit]) << (width << bit)
        free = ones[bits] << (width - 1)
        return (room + free + ones[bits] * spare - need) & free == free

    def _of(self, bits: int) -> tuple[list[int], list[int]]:
        """Give for each link the fields of the sets without it, and for each number of links a one in every field."""
        found = self._fields.get(bits)
        if found is None:
            ones, lower = [1], []
            for bit in range(bits):
                ones.append(ones[-1] | ones[-1] << (self._width << bit))
                mask = (1 << (self._width << bit)) - 1
                for higher in range(bit + 1, bits):
                    mask |= mask << (self._width << higher)
                lower.append(mask)
            found = self._fields[bits] = lower, ones
        return found


def _count(room: int, sizes: Iterable[int]) -> int:
    """Count how many flows fit at most, the smallest first."""
    count = 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        count += 1
    return count
