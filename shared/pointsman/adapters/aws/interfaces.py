"""Read how virtual interfaces stand: their state, their BGP peers, their failover tests.

A virtual interface is ``testing`` from the start of a failover test to its end (Direct Connect API Reference,
*VirtualInterface.virtualInterfaceState*); the test itself is the newest of its history. Whether a running test
already shows ``endTime`` is not documented: where it doesn't, its length says it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.adapters.aws.asking import ask_json
from pointsman.adapters.aws.clients import Clients
from pointsman.core.values import Frozen

PAGES = 20
"""Pages of a list that are read; Direct Connect gives 100 entries a page."""
PAGE = 100
TESTING = "testing"


class Interface(Frozen):
    """A virtual interface as AWS shows it; ``peers`` are the BGP statuses of its peers, ``mtu`` is in bytes where it is shown."""

    name: str
    state: str
    peers: tuple[str, ...]
    mtu: int | None = None

    @property
    def testing(self) -> bool:
        """Whether a failover test runs on it, whoever started it."""
        return self.state == TESTING


class Test(Frozen):
    """A failover test; ``until`` is its end, planned or past."""

    id: str
    minutes: int
    started: datetime
    until: datetime


async def interfaces(clients: Clients, region: str) -> dict[str, Interface]:
    """Describe every virtual interface of a Region in one call (a page of 100 each), by name; who asks at once shares it."""
    return await clients.batches.ask(("interfaces", region), (), lambda _: _interfaces(clients, region))


async def _interfaces(clients: Clients, region: str) -> dict[str, Interface]:
    found: dict[str, Interface] = {}
    more: dict[str, Any] = {}
    for _ in range(PAGES):
        answer = await ask_json(clients.signed("directconnect", region), "DescribeVirtualInterfaces", more)
        shown = (_interface(one) for one in answer.get("virtualInterfaces", ()))
        found.update((one.name, one) for one in shown)
        if not answer.get("nextToken"):
            break
        more = {"nextToken": answer["nextToken"]}
    return found


async def failover_tests(clients: Clients, region: str, interface: str, *, within: timedelta = timedelta(0)) -> tuple[Test, ...]:
    """List the failover tests of a virtual interface, oldest first; of two that began in one instant, the one that ended first.

    ``within`` is how long ago they may have been asked for: a lever asks in the round trip in which a look does.
    """
    return await clients.recent.ask(("tests", region, interface), lambda: _failover_tests(clients, region, interface), within=within)


async def _failover_tests(clients: Clients, region: str, interface: str) -> tuple[Test, ...]:
    found: list[Test] = []
    more: dict[str, Any] = {"virtualInterfaceId": interface, "maxResults": PAGE}
    for _ in range(PAGES):
        answer = await ask_json(clients.signed("directconnect", region), "ListVirtualInterfaceTestHistory", more)
        found += [_test(one) for one in answer.get("virtualInterfaceTestHistory", ()) if one.get("startTime")]
        if not answer.get("nextToken"):
            break
        more = more | {"nextToken": answer["nextToken"]}
    return tuple(sorted(found, key=lambda test: (test.started, test.until, test.id)))


def _interface(shown: Any) -> Interface:
    peers = tuple(str(peer.get("bgpStatus", "unknown")) for peer in shown.get("bgpPeers") or ())
    state, mtu = str(shown.get("virtualInterfaceState", "unknown")), shown.get("mtu")
    return Interface(name=str(shown.get("virtualInterfaceId", "")), state=state, peers=peers, mtu=mtu if isinstance(mtu, int) else None)


def _test(shown: Any) -> Test:
    minutes = int(shown.get("testDurationInMinutes") or 0)
    started = _moment(shown["startTime"])
    return Test(
        id=str(shown.get("testId", "")),
        minutes=minutes,
        started=started,
        until=_moment(shown["endTime"]) if shown.get("endTime") else started + timedelta(minutes=minutes),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
