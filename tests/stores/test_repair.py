"""What single stores are asked for beside agreement, on every kind: a missed accept, and the permission to act alone."""

import asyncio
import itertools

from pointsman.core.alone import Deed, Diary, Phase, claim, ended
from pointsman.core.fabric import FlowName, LinkName
from pointsman.core.steering import FailoverTest
from pointsman.core.values import canonical, parse
from pointsman.ports.stores import Acceptor
from pointsman.quorum.attempt import Request, Step
from pointsman.quorum.ballots import above
from pointsman.quorum.outcomes import Agreed, Decline, Declined, Outcome
from pointsman.service.probing.bench import Bench
from pointsman.service.registers import Registers
from pointsman.service.repair import lagging, mend, survey
from pointsman.testing.stores import MemoryStore
from tests.core.scene import START, seconds
from tests.stores.conftest import WallClock

HOLD = seconds(300)


def registers(*stores: Acceptor, first: int = 1) -> Registers:
    serial = itertools.count(first)
    return Registers(stores, clock=WallClock(), nonce=lambda: f"{next(serial):016x}", jitter=lambda: 0.5)


def two() -> tuple[MemoryStore, MemoryStore]:
    clock = WallClock()
    return MemoryStore("one", clock), MemoryStore("two", clock, fenced=True)


def test_a_store_of_any_kind_takes_the_accept_that_it_missed(bench: Bench) -> None:
    name = bench.register("missed")

    async def tell() -> None:
        others, laggard = two(), bench.open()
        for value in ("first", "second"):
            assert isinstance(await registers(*others, MemoryStore("gone", WallClock())).change(name, lambda _, value=value: value), Agreed)  # type: ignore[misc]
        table = registers(*others, laggard)
        reading = await survey(table, name)
        assert set(lagging(reading)) == {laggard.name}
        assert len(await mend(table, name, reading)) == 1
        assert (await laggard.read(name)).row == (await others[0].read(name)).row
        again = await survey(table, name)
        assert (lagging(again), await mend(table, name, again)) == ({}, [])

    asyncio.run(tell())


def test_a_store_that_has_promised_more_keeps_its_promise(bench: Bench) -> None:
    name = bench.register("promised")

    async def tell() -> None:
        others, laggard = two(), bench.open()
        await registers(*others, MemoryStore("gone", WallClock())).change(name, lambda _: "value")
        table = registers(*others, laggard)
        before = await survey(table, name)
        higher = above([before.ballot], "f" * 16)
        seen = before.replies[laggard.name]
        await table.ask(name, Request(acceptor=laggard.name, step=Step.PREPARE, ballot=higher, seen=seen))
        for reading in (before, await survey(table, name)):  # a survey from before the promise is refused by the store itself
            assert await mend(table, name, reading) == []
        assert (await laggard.read(name)).row.promised == higher

    asyncio.run(tell())


def deed(at: float, by: str) -> Deed:
    setting = FailoverTest(link=LinkName("ix-a"), running=True)
    return Deed(
        at=START + seconds(at), link=LinkName("ix-a"), setting=setting, flows=(FlowName("checkout"),), because="lost", epoch=4, by=by
    )


async def asked(own: Registers, name: str, wanted: Deed) -> Outcome:
    def change(value: str | None) -> str | Decline:
        claimed = claim(Diary() if value is None else parse(value, Diary), wanted, HOLD)
        return Decline(reason=claimed) if isinstance(claimed, str) else canonical(claimed).decode()

    return await own.change(name, change)


def test_the_permission_to_act_alone_is_granted_once_per_hold_down_by_a_store_of_any_kind(bench: Bench) -> None:
    name = bench.register("alone")

    async def tell() -> None:
        one, other = registers(bench.open()), registers(bench.open(), first=100)
        assert isinstance(await asked(one, name, deed(0, "one")), Agreed)
        assert isinstance(await asked(other, name, deed(1, "other")), Declined)
        await one.change(name, lambda value: canonical(ended(parse(value or "", Diary), "one", Phase.DONE)).decode())
        assert isinstance(await asked(other, name, deed(299, "other")), Declined)
        assert isinstance(await asked(other, name, deed(301, "other")), Agreed)
        value = (await one.read(name)).value
        assert value is not None
        assert [(one.by, one.phase) for one in parse(value, Diary).deeds] == [("one", Phase.DONE), ("other", Phase.CLAIMED)]

    asyncio.run(tell())
