"""Readers of one resource share a request while it is on its way, and never an answer older than what they stand on."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from pointsman.adapters.gcp.compute import Compute, RouterRef
from pointsman.adapters.gcp.http import Answer, GoogleHttp, Unanswered
from pointsman.adapters.gcp.peer_priority import PeerPriorityLever
from pointsman.adapters.gcp.route_policy import RoutePolicyLever
from pointsman.adapters.http1 import Http1
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import LinkName
from pointsman.core.steering import PeerPriority
from pointsman.ports.clouds import FenceLost, LeverBusy
from pointsman.testing.faces.faults import FaultKind
from tests.gcp.conftest import Cloud, run

ROUTER = RouterRef(project="weft-prod-1", region="us-east4", name="cr-aws-1", id="6983339776642123456")
PATIENCE = 10.0
GET_ROUTER, GET_POLICY, LIST = "routers.get", "routers.getRoutePolicy", "routers.listRoutePolicies"
BROKEN = Answer(status=503)


class Held(GoogleHttp):
    """Keeps reads, once they have been answered, on their way back for as long as a test wants."""

    def __init__(self) -> None:
        super().__init__(over=Http1(read=PATIENCE))
        self._came, self._go = asyncio.Semaphore(0), asyncio.Event()
        self._go.set()

    async def ask(self, method: str, url: str, **how: Any) -> Answer:
        go, answer = self._go, await self.answer(method, url, **how)
        if method == "GET":
            self._came.release()
            await asyncio.wait_for(go.wait(), PATIENCE)
        return answer

    async def answer(self, method: str, url: str, **how: Any) -> Answer:
        return await super().ask(method, url, **how)

    @contextmanager
    def kept(self) -> Iterator[Callable[[], None]]:
        """Keep the reads that come meanwhile until the end, or until what is given is called."""
        mine = self._go = asyncio.Event()
        try:
            yield mine.set
        finally:
            mine.set()

    def pass_on(self) -> None:
        """Let reads that come from now on through at once; those that are kept stay so."""
        self._go = asyncio.Event()
        self._go.set()

    async def came(self) -> None:
        """Wait until one more read has come and has been answered."""
        await asyncio.wait_for(self._came.acquire(), PATIENCE)


class Counter(Held):
    """One resource that counts the changes made to it; the look at an operation finds that it has just changed it."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = self.reads = 0
        self.refused: Answer | Unanswered | None = None

    async def answer(self, method: str, url: str, **_: Any) -> Answer:
        if "/operations/" in url:
            self.changes += 1
            return json({"status": "DONE"})
        if method == "GET":
            self.reads += 1
            found = json({"changes": self.changes})
        else:
            self.changes += 1
            found = json({"name": "operation-1", "status": "RUNNING"})
        if isinstance(self.refused, Unanswered):
            raise self.refused
        return self.refused or found


def json(value: object) -> Answer:
    return Answer(status=200, body=msgspec.json.encode(value))


def together(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    async def main() -> list[Any]:
        return await asyncio.gather(*reads, return_exceptions=True)

    return run(main())


def asked(cloud: Cloud) -> list[str]:
    return [entry.operation for entry in cloud.face.log.since()]


def test_two_observes_at_once_send_one_read_of_the_router_and_one_of_its_policies(cloud: Cloud) -> None:
    hand = RoutePolicyLever(cloud.fabric, cloud.compute)
    first, second = together(hand.observe("ix-a"), hand.observe("ix-b"))
    assert (first.setting.link, second.setting.link) == ("ix-a", "ix-b")
    assert sorted(asked(cloud)) == [GET_ROUTER, LIST]


def test_reads_of_different_queries_are_not_taken_for_one(cloud: Cloud) -> None:
    path, compute = f"{ROUTER.path}/getRoutePolicy", cloud.compute
    found = together(*(compute.get(path, {"policy": name}) for name in ("from-ix-a", "to-ix-a", "from-ix-a")))
    assert [one["resource"]["name"] for one in found] == ["from-ix-a", "to-ix-a", "from-ix-a"]
    assert asked(cloud) == [GET_POLICY] * 2


def test_an_error_is_shared_and_not_kept(cloud: Cloud) -> None:
    compute = cloud.compute
    cloud.trouble(GET_ROUTER, FaultKind.BROKEN)
    first, second = together(compute.get(ROUTER.path), compute.get(ROUTER.path))
    assert isinstance(first, LeverBusy)
    assert isinstance(second, LeverBusy)
    assert asked(cloud) == [GET_ROUTER]
    assert run(compute.get(ROUTER.path))["name"] == "cr-aws-1"


def test_a_later_read_asks_again() -> None:
    http = Counter()
    compute = Compute(http)

    async def story() -> list[Any]:
        first = await compute.get("/one")
        http.changes = 1
        return [first, await compute.get("/one")]

    assert run(story()) == [{"changes": 0}, {"changes": 1}]


WRITE_ENDS = {"accepted": None, "refused": BROKEN, "unanswered": Unanswered("cut off")}


@pytest.mark.parametrize("end", WRITE_ENDS)
def test_a_read_after_a_write_joins_none_that_began_before_it_however_the_write_ended(end: str) -> None:
    http = Counter()
    compute = Compute(http)

    async def write() -> None:
        http.refused = WRITE_ENDS[end]
        await asyncio.gather(compute.write("POST", "/one", {}, "request-1"), return_exceptions=True)
        http.refused = None

    assert run(before_and_after(http, compute, write())) == [{"changes": 0}, {"changes": 1}]


async def before_and_after(http: Counter, compute: Compute, change: Coroutine[Any, Any, object]) -> list[Any]:
    """Read after a change while a read from before it is still on its way."""
    with http.kept():
        early = asyncio.create_task(compute.get("/one"))
        await http.came()
        http.pass_on()
        await change
        late = await compute.get("/one")
    return [*await asyncio.gather(early), late]


@pytest.mark.parametrize("look", [Compute.wait, Compute.finished])
def test_a_read_after_an_operations_end_joins_none_that_began_before_it(look: Any) -> None:
    http = Counter()
    compute = Compute(http)
    found = run(before_and_after(http, compute, look(compute, ROUTER, "operation-1")))
    assert found == [{"changes": 0}, {"changes": 1}]


def test_a_fresh_read_joins_none_and_others_may_join_it() -> None:
    http = Counter()
    compute = Compute(http)

    async def story() -> list[Any]:
        with http.kept():
            early = asyncio.create_task(compute.get("/one"))
            await http.came()
            http.changes = 1
            fresh = asyncio.create_task(compute.get("/one", fresh=True))
            await http.came()
            joined = asyncio.create_task(compute.get("/one"))
            await asyncio.sleep(0)
        return [*await asyncio.gather(early, fresh, joined)]

    assert run(story()) == [{"changes": 0}, {"changes": 1}, {"changes": 1}]
    assert http.reads == 2


def test_an_older_read_that_ends_leaves_the_newer_one_shared() -> None:
    http = Counter()
    compute = Compute(http)

    async def story() -> list[Any]:
        with http.kept() as let_go:
            early = asyncio.create_task(compute.get("/one"))
            await http.came()
            await compute.write("POST", "/one", {}, "request-1")
            with http.kept():
                late = asyncio.create_task(compute.get("/one"))
                await http.came()
                let_go()
                await early
                joined = asyncio.create_task(compute.get("/one"))
                await asyncio.sleep(0)
            return [*await asyncio.gather(late, joined)]

    assert run(story()) == [{"changes": 1}, {"changes": 1}]
    assert http.reads == 2


def test_a_reader_that_gives_up_takes_the_answer_from_nobody() -> None:
    http = Counter()
    compute = Compute(http)

    async def story() -> Any:
        with http.kept():
            quitter, stayer = (asyncio.create_task(compute.get("/one")) for _ in range(2))
            await http.came()
            quitter.cancel()
            await asyncio.wait((quitter,))
        return await stayer

    assert run(story()) == {"changes": 0}
    assert http.reads == 1


def test_nobody_joins_a_read_whose_reader_gave_up_since_it_may_be_of_any_age() -> None:
    http = Counter()
    compute = Compute(http)

    async def give_up() -> None:
        with http.kept():
            quitter = asyncio.create_task(compute.get("/one"))
            await http.came()
            quitter.cancel()
            await asyncio.wait((quitter,))
            http.changes = 1
            http.pass_on()
            assert await compute.get("/one") == {"changes": 1}

    run(give_up())


@pytest.mark.parametrize("readers", [1, 2])
@pytest.mark.parametrize("gives_up", [True, False])
def test_an_error_warns_nobody_whether_its_readers_stay_or_give_up(readers: int, *, gives_up: bool) -> None:
    http = Counter()
    compute = Compute(http)
    warned: list[dict[str, Any]] = []

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: warned.append(context))
        http.refused = BROKEN
        with http.kept():
            waiting = [asyncio.create_task(compute.get("/one")) for _ in range(readers)]
            await http.came()
            if gives_up:
                for reader in waiting:
                    reader.cancel()
                await asyncio.wait(waiting)
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError if gives_up else PointsmanError) for end in ends)
        await alone()
        del waiting, ends
        gc.collect()

    run(story())
    gc.collect()
    assert warned == []


async def alone() -> None:
    """Wait until every other task has ended."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


def test_the_read_right_before_a_priority_is_written_joins_none_from_before_an_edit_by_hand(cloud: Cloud) -> None:
    http = Held()
    compute = Compute(http, endpoint=cloud.face.url)
    hand = PeerPriorityLever(cloud.fabric, compute)

    async def story() -> None:
        seen = await hand.observe("ix-b")
        await http.came()
        with http.kept():
            early = asyncio.create_task(compute.get(ROUTER.path))
            await http.came()
            http.pass_on()
            edited_by_hand(cloud)
            with pytest.raises(FenceLost, match="observe again"):
                await hand.apply(PeerPriority(link=LinkName("ix-b"), priority=5), seen, "epoch-1")
        await early

    run(story())
    assert cloud.writes() == []


def edited_by_hand(cloud: Cloud) -> None:
    state = cloud.face.routers.states[0]
    peers = [peer | {"advertisedRoutePriority": 50} for peer in state.resource.now["bgpPeers"]]
    cloud.face.routers.put_router(state, state.resource.now | {"bgpPeers": peers}, "somebody@example.com")


def test_an_observe_joins_no_policy_read_from_before_an_edit_by_hand(cloud: Cloud) -> None:
    http = Held()
    compute = Compute(http, endpoint=cloud.face.url)
    hand = RoutePolicyLever(cloud.fabric, compute)

    async def story() -> tuple[str, str]:
        with http.kept():
            early = asyncio.create_task(hand.observe("ix-a"))
            for _ in range(2):
                await http.came()
            state = cloud.face.routers.states[0]
            cloud.face.routers.put_policy(state, state.policies["to-ix-a"].now | {"terms": []}, "somebody@example.com")
            late = asyncio.create_task(hand.observe("ix-a"))
            await http.came()
        return (await early).fence, (await late).fence

    early, late = run(story())
    assert cloud.face.routers.states[0].policies["to-ix-a"].now["fingerprint"] in late
    assert early != late
    assert asked(cloud).count(GET_ROUTER) == 1
