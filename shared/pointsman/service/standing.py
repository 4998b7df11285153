"""The honest mode that a ticket tells: as it stands when it is told, by the reading of the plan that it is told by."""

from pointsman.core.domains import addresses_of, store_set
from pointsman.core.fabric import Fabric
from pointsman.core.modes import standing
from pointsman.quorum.reading import Reading
from pointsman.service.house import House
from pointsman.service.late import Mark


class Standing:
    """The mode for one round of letters: worked out when the first is told, and asked of no store.

    ``reading`` is a reading of the plan that began at ``since``, ``fabric`` the one that the plan names.
    """

    def __init__(self, house: House, fabric: Fabric, reading: Reading, since: Mark) -> None:
        self._house = house
        self._fabric = fabric
        self._reading = reading
        self._since = since
        self._said = ""

    async def text(self) -> str:
        """Say it in one line; stores that did not answer the reading at once are waited for first, as long as a status waits."""
        if not self._said:
            registers, fabric = self._house.registers.set_of(self._reading), self._read_from()
            silent = await registers.silent(self._house.plan_register, self._reading, self._since)
            slots = dict(zip(registers.names, addresses_of(fabric.stores), strict=False))
            self._said = standing(fabric.stores, missing=[slots.get(name, name) for name in silent]).text
        return self._said

    def _read_from(self) -> Fabric:
        """Give the fabric that names the stores which were read: the adopted one, unless its registers are still to be moved to its own."""
        either = (self._fabric, *self._house.fabrics)
        return next((one for one in either if store_set(one.stores).id == self._reading.stores), self._fabric)
