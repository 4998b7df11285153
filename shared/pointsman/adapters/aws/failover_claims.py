"""Which failover tests are ours: a claim per virtual interface in Parameter Store.

A test carries no mark that its starter could set. So a claim is written beside the start that says which test it will
be: the one of ``minutes`` that follows the test ``after`` in the interface's history. It holds for a start of which no
answer came. Once AWS answers the start with the test's id, the claim is written again with that: who looked, stood
still while others started and stopped a test, and then starts one, does not know what it follows.

Such a late start may also be refused, its claim written over that of the test that runs. Parameter Store keeps what a
parameter held before, so a test that the newest claim does not mean is looked for among the earlier ones.

A claim that could not be written is owed: this process goes by it all the same, and each look tries to write it once more.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import msgspec

from pointsman.adapters.aws import parameters
from pointsman.adapters.aws.asking import together
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.interfaces import Test
from pointsman.core.errors import PointsmanError
from pointsman.core.values import Frozen, canonical
from pointsman.ports.clouds import Clock, LeverBusy, LeverFailed

TRIES = 6
"""Tries to write a claim whose test may run by then: without its claim no other process would know it for ours."""
WAIT_SECONDS = 0.4
"""About how long is waited after the first; it doubles. AWS takes three puts a second of an account (Systems Manager quotas)."""
WAIT_LIMIT_SECONDS = 3.0


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

    def __init__(self, clients: Clients, fabric: str, region: str, clock: Clock, jitter: Callable[[], float]) -> None:
        self._clients, self._region, self._clock, self._jitter = clients, region, clock, jitter
        self._prefix = f"/pointsman/{fabric}/failover-test/"
        self._owed: dict[str, Claim] = {}

    async def read(self, interfaces: Iterable[str]) -> Mapping[str, Claim]:
        """Give the newest claim of each interface that has one; one that cannot be understood is none. Who asks at once shares calls."""
        names = tuple(interfaces)
        owed = {name: self._owed[name] for name in names if name in self._owed}
        reading = parameters.read(self._clients, self._region, [self._prefix + name for name in names])
        held, _ = await asyncio.gather(reading, self._once_more(owed))
        claims = ((name.removeprefix(self._prefix), _claim(text)) for name, text in held.items() if text is not None)
        return {name: claim for name, claim in claims if claim is not None} | owed

    async def mean(self, interface: str, test: Test, before: str) -> bool:
        """Say whether a claim that is kept means this test, however many were written since."""
        texts = await parameters.history(self._clients, self._region, self._prefix + interface)
        return any(claim.means(test, before) for claim in map(_claim, texts) if claim is not None)

    async def write(self, interface: str, claim: Claim) -> None:
        """Write a claim, with a few tries, until another takes its place.

        Raises ``LeverFailed`` when it is refused, ``LeverBusy`` when it may be taken later: either way it is owed.
        """
        self._owed[interface] = claim
        for turn in range(1, TRIES + 1):
            try:
                await self._put(interface, claim)
            except PointsmanError as error:
                refused = isinstance(error, LeverFailed)
                if refused or turn == TRIES:
                    text = f"the claim to the failover test on {interface} cannot be written: {error}"
                    raise (LeverFailed(text) if refused else LeverBusy(text)) from error
                await self._clock.sleep(min(WAIT_LIMIT_SECONDS, WAIT_SECONDS * 2 ** (turn - 1)) * (1 + self._jitter()) / 2)
            if self._owed.get(interface) is not claim:
                return

    async def _once_more(self, owed: Mapping[str, Claim]) -> None:
        """Try once to write what is owed; what fails stays owed."""
        with suppress(PointsmanError):
            await together(self._put(name, claim) for name, claim in owed.items())

    async def _put(self, interface: str, claim: Claim) -> None:
        await parameters.write(self._clients, self._region, self._prefix + interface, canonical(claim).decode())
        if self._owed.get(interface) is claim:
            del self._owed[interface]


def _claim(text: str) -> Claim | None:
    try:
        return msgspec.json.decode(text, type=Claim)
    except msgspec.DecodeError:
        return None
