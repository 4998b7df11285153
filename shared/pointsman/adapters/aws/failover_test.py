"""Drain a Direct Connect link by a BGP failover test on each of its virtual interfaces: it ends by itself.

While the test runs both directions leave the link, because the BGP session is down; when everything of ours is dead,
AWS ends it. A running test cannot be prolonged, and stopping it to start another would draw traffic onto the link in
between. So a test that is to go on is followed by the next one at the instant it ends: within ``HANDOVER`` of the end
``observe`` gives what is left as the duration, and ``apply`` waits for the end and starts the next before a BGP
session can come up again. Who comes later than that finds no test running and starts one; in between, the link takes traffic.

Ours are the tests that ``failover_claims`` recognises; somebody else's are never stopped and never counted as ours.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from pointsman.adapters.aws.asking import DENIED, Answered, ask_json, together
from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.failover_claims import Claim, Claims
from pointsman.adapters.aws.interfaces import Interface, Test, failover_tests, interfaces
from pointsman.adapters.aws.transit import Table, read
from pointsman.core.fabric import AwsSite, Fabric, Link
from pointsman.core.steering import FailoverTest, Level, LeverKind, Observed, Setting, Verified
from pointsman.core.values import Frozen, canonical, replace
from pointsman.ports.clouds import Clock, FenceLost, LeverBusy, LeverFailed

MINUTES_LIMIT = 4320
"""Longest test that AWS runs: 72 hours."""
HANDOVER = timedelta(seconds=20)
"""How near its end a running test is followed by the next one."""
HANDOVER_TRIES = 40
"""Starts that are tried while the old test is ending."""
HANDOVER_PAUSE = 0.25
"""Seconds between two of them."""


class Standing(Frozen):
    """How one virtual interface stands: whether a test runs, whose, the newest test's id, and until when it runs."""

    testing: bool
    ours: bool = False
    newest: str = ""
    minutes: int = 0
    until: datetime | None = None
    peers: tuple[str, ...] = ()


Standings = Mapping[str, Standing]


class FailoverTestLever:
    """Starts, carries on and stops failover tests on every virtual interface of a link."""

    kind = LeverKind.FAILOVER_TEST

    def __init__(self, fabric: Fabric, clients: Clients, clock: Clock, jitter: Callable[[], float]) -> None:
        self._fabric, self._clients, self._clock, self._jitter = fabric, clients, clock, jitter
        self._shelves: dict[str, Claims] = {}

    async def observe(self, target: str) -> Observed:
        """Read whether tests of ours run on all interfaces of a link, and until when; on some only, it reads as not running but with a duration."""
        link = self._link(target)
        standings = await self._standings(link)
        return self._observed(link, standings)

    async def apply(self, want: Setting, observed: Observed, token: str) -> None:
        """Start the tests that are missing. Raises ``LeverBusy`` while somebody else's runs, ``FenceLost`` when one began since."""
        link, wanted = self._wanted(want)
        if not wanted.running:
            await self.undo(observed, token)
            return
        minutes = min(max(math.ceil(wanted.duration / timedelta(minutes=1)), 1), MINUTES_LIMIT)
        seen = _seen(observed)
        await together(self._begin(link, name, seen.get(name), Claim(after="", minutes=minutes, token=token)) for name in _names(link))

    async def undo(self, observed: Observed, token: str) -> None:  # noqa: ARG002 - stopping a stopped test is no harm
        """Stop the tests of ours. The link takes traffic again as soon as its BGP sessions are up."""
        link, _ = self._wanted(observed.setting)
        await together(self._stop(link, name) for name, one in _seen(observed).items() if one.testing and one.ours)

    async def verify(self, want: Setting) -> Verified:
        """Prove it: *accepted* when every test reads back, *effective* when the sessions (and the routes over them) agree."""
        link, wanted = self._wanted(want)
        standings = await self._standings(link)
        wrong = [name for name, one in standings.items() if (one.testing and one.ours) is not wanted.running]
        if wrong:
            return Verified(level=Level.NONE, missing=f"on {wrong[0]} {_words(standings[wrong[0]])}")
        missing = await self._missing(link, standings, drained=wanted.running)
        return Verified(level=Level.ACCEPTED, missing=missing) if missing else Verified(level=Level.EFFECTIVE)

    async def _begin(self, link: Link, name: str, seen: Standing | None, claim: Claim) -> None:
        if seen is None or not seen.testing:
            await self._start(link, name, _after(claim, seen))
        elif not seen.ours:
            raise LeverBusy(f"a failover test that is not ours runs on {name} until {seen.until}: ours can start when it ends")
        elif self._ending(seen):
            await self._follow(link, name, seen, claim)

    async def _start(self, link: Link, name: str, claim: Claim) -> None:
        """Start a test and claim it, the claim sent first: who stops in between is to leave no test that nobody knows for ours."""
        try:
            await together((self._claims(link).write(name, claim), self._started(link, name, claim, self._test(link, name, claim))))
        except Answered as refused:
            standing = (await self._standings(link))[name]
            if not standing.testing:
                raise
            if not standing.ours:
                raise FenceLost(f"a failover test that is not ours began on {name}: observe again") from refused

    async def _follow(self, link: Link, name: str, seen: Standing, claim: Claim) -> None:
        """Wait for a running test of ours to end and start the next one at once."""
        assert seen.until is not None, "a running test has an end"
        await self._clock.sleep(max(0.0, (seen.until - self._clock.now()).total_seconds()))
        next_one = _after(claim, seen)
        await together(
            (self._claims(link).write(name, next_one), self._started(link, name, next_one, self._taken_over(link, name, seen, claim)))
        )

    async def _taken_over(self, link: Link, name: str, seen: Standing, claim: Claim) -> str:
        for _ in range(HANDOVER_TRIES):
            try:
                return await self._test(link, name, claim)
            except (Answered, LeverBusy) as error:
                if isinstance(error, Answered) and error.code in DENIED:
                    raise
                await self._clock.sleep(HANDOVER_PAUSE)
        raise LeverBusy(f"the failover test on {name} was to end at {seen.until} and still runs: look again")

    async def _started(self, link: Link, name: str, claim: Claim, start: Awaitable[str]) -> None:
        """Once AWS told a test's id claim it by that: what it follows may be another than was seen."""
        if test := await start:
            await self._claims(link).write(name, replace(claim, test=test))

    async def _test(self, link: Link, name: str, claim: Claim) -> str:
        """Start a test and give its id."""
        asked = {"virtualInterfaceId": name, "testDurationInMinutes": claim.minutes}
        answer = await ask_json(self._clients.signed("directconnect", self._region(link)), "StartBgpFailoverTest", asked, write=True)
        return str((answer.get("virtualInterfaceTest") or {}).get("testId") or "")

    async def _stop(self, link: Link, name: str) -> None:
        signed = self._clients.signed("directconnect", self._region(link))
        try:
            await ask_json(signed, "StopBgpFailoverTest", {"virtualInterfaceId": name}, write=True)
        except Answered:
            standing = (await self._standings(link))[name]
            if standing.testing and standing.ours:
                raise

    async def _standings(self, link: Link) -> Standings:
        region, names = self._region(link), _names(link)
        shown, held, claims = await asyncio.gather(
            interfaces(self._clients, region),
            together(failover_tests(self._clients, region, name) for name in names),
            self._claims(link).read(names),
        )
        seen = [shown.get(name, Interface(name=name, state="unknown", peers=())) for name in names]
        stand = await together(self._standing(link, one, tests, claims.get(one.name)) for one, tests in zip(seen, held, strict=True))
        return dict(zip(names, stand, strict=True))

    async def _standing(self, link: Link, interface: Interface, tests: tuple[Test, ...], claim: Claim | None) -> Standing:
        newest = tests[-1] if tests else None
        if newest is None or not interface.testing:
            return Standing(testing=interface.testing, newest=newest.id if newest else "", peers=interface.peers)
        before = tests[-2].id if len(tests) > 1 else ""
        ours = claim is not None and (claim.means(newest, before) or await self._claims(link).mean(interface.name, newest, before))
        return Standing(testing=True, ours=ours, newest=newest.id, minutes=newest.minutes, until=newest.until, peers=interface.peers)

    async def _missing(self, link: Link, standings: Standings, *, drained: bool) -> str:
        want = "down" if drained else "up"
        other = [name for name, one in standings.items() if any(status != want for status in one.peers) or not one.peers]
        if other:
            return f"BGP on {other[0]} is {','.join(standings[other[0]].peers) or 'unknown'}, not {want}"
        return await self._still_routed(link) if drained else ""

    async def _still_routed(self, link: Link) -> str:
        """Name a route that still leads over a drained link; "" when there is none."""
        by, region = "attachment.transit-gateway-attachment-id", self._region(link)
        tables: list[Table] = await together(
            read(self._clients, region, table, by, link.aws.attachments)
            for table in self._fabric.aws_site(link).route_tables
            if link.aws.attachments
        )
        left = [(table.name, hop.prefix) for table in tables for hop in table.hops if hop.active and not hop.static]
        return f"{left[0][0]} still sends {left[0][1]} over {link.name}" if left else ""

    def _observed(self, link: Link, standings: Standings) -> Observed:
        ours = [one for one in standings.values() if one.testing and one.ours]
        ends = [one.until for one in ours if one.until is not None]
        setting = FailoverTest(link=link.name, running=len(ours) == len(standings), duration=self._shown(ours))
        return Observed(setting=setting, fence=canonical(dict(standings)).decode(), until=min(ends, default=None))

    def _shown(self, ours: list[Standing]) -> timedelta:
        """Give the shortest length of our tests; near the end of one, what is left of it (so that it differs from what is wanted)."""
        ending = [one.until - self._clock.now() for one in ours if one.until is not None and self._ending(one)]
        if ending:
            return max(min(ending), timedelta(0))
        return timedelta(minutes=min((one.minutes for one in ours), default=0))

    def _ending(self, one: Standing) -> bool:
        return one.until is not None and one.until - self._clock.now() <= HANDOVER

    def _wanted(self, want: Setting) -> tuple[Link, FailoverTest]:
        if not isinstance(want, FailoverTest):
            raise LeverFailed(f"{self.kind} cannot be set to a {type(want).__name__}")
        return self._link(want.link), want

    def _link(self, name: str) -> Link:
        try:
            link = self._fabric.link(name)
        except KeyError as error:
            raise LeverFailed(f"the fabric has no link {name!r}") from error
        if not _names(link):
            raise LeverFailed(f"link {name} has no virtual interface: it cannot be drained by a failover test")
        return link

    def _region(self, link: Link) -> str:
        site: AwsSite = self._fabric.aws_site(link)
        return site.region

    def _claims(self, link: Link) -> Claims:
        region = self._region(link)
        if region not in self._shelves:
            self._shelves[region] = Claims(self._clients, self._fabric.name, region, self._clock, self._jitter)
        return self._shelves[region]


def _names(link: Link) -> tuple[str, ...]:
    return tuple(dict.fromkeys(member.aws.virtual_interface for member in link.members if member.aws.virtual_interface))


def _after(claim: Claim, seen: Standing | None) -> Claim:
    return replace(claim, after=seen.newest if seen else "")


def _seen(observed: Observed) -> Standings:
    return msgspec.json.decode(observed.fence or "{}", type=dict[str, Standing])


def _words(one: Standing) -> str:
    if not one.testing:
        return "no failover test runs"
    return "a failover test of ours runs" if one.ours else f"somebody else's failover test runs until {one.until}"
