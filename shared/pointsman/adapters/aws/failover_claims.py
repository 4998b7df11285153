"""Which failover tests are ours: a claim per virtual interface in Parameter Store.

A test carries no mark that its starter could set. So a claim is written beside the start that says which test it will
be: the one of ``minutes`` that follows the test ``after`` in the interface's history. It holds for a start of which no
answer came. Once AWS answers the start with the test's id, the claim is written again with that: who looked, stood
still while others started and stopped a test, and then starts one, does not know what it follows.

Such a late start may also be refused, its claim written over that of the test that runs. Parameter Store keeps what a
parameter held before, so a test that the newest claim does not mean is looked for among the earlier ones.
"""

import asyncio
from collections.abc import Iterable, Mapping

import msgspec

from pointsman.adapters.aws import parameters
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.interfaces import Test
from pointsman.core.errors import PointsmanError
from pointsman.core.values import Frozen, canonical
from pointsman.ports.clouds import LeverFailed

WRITES = 3
"""Tries to write a claim whose test may run by then: without its claim we would not know it for ours."""
WAIT_SECONDS = 0.2


class Claim(Frozen):
    """We are starting a test of ``minutes`` on top of the test ``after`` ("": the first), or started ``test``; ``token`` names our step."""

    after: str
    minutes: int
    token: str = ""
    test: str = ""

    def means(self, test: Test, before: str) -> bool:
        """Say whether it is this test that was claimed, ``before`` being the test before it."""
        return self.test == test.id if self.test else (self.after, self.minutes) == (before, test.minutes)


class Claims:
    """The claims of one fabric in one Region."""

    def __init__(self, clients: Clients, fabric: str, region: str) -> None:
        self._clients, self._region = clients, region
        self._prefix = f"/pointsman/{fabric}/failover-test/"

    async def read(self, interfaces: Iterable[str]) -> Mapping[str, Claim]:
        """Give the newest claim of each interface that has one; one that cannot be understood is none. Who asks at once shares calls."""
        held = await parameters.read(self._clients, self._region, [self._prefix + name for name in interfaces])
        claims = ((name.removeprefix(self._prefix), _claim(text)) for name, text in held.items() if text is not None)
        return {name: claim for name, claim in claims if claim is not None}

    async def mean(self, interface: str, test: Test, before: str) -> bool:
        """Say whether a claim that is kept means this test, however many were written since."""
        texts = await parameters.history(self._clients, self._region, self._prefix + interface)
        return any(claim.means(test, before) for claim in map(_claim, texts) if claim is not None)

    async def write(self, interface: str, claim: Claim) -> None:
        """Write a claim, with a few tries. Raises ``LeverFailed`` when the test would go unrecognised."""
        for turn in range(1, WRITES + 1):
            try:
                await parameters.write(self._clients, self._region, self._prefix + interface, canonical(claim).decode())
            except PointsmanError as error:
                if turn == WRITES:
                    raise LeverFailed(f"the claim to the failover test on {interface} cannot be written: {error}") from error
                await asyncio.sleep(WAIT_SECONDS * turn)
            else:
                return


def _claim(text: str) -> Claim | None:
    try:
        return msgspec.json.decode(text, type=Claim)
    except msgspec.DecodeError:
        return None
