"""What every store must do with rows of registers, case by case."""

import asyncio

from pointsman.core.rows import FAR_OFF, GRAIN
from pointsman.ports.stores import VALUE_LIMIT, Refusal, Reply, Row, RowUnreadable, Store, StoreDown
from pointsman.quorum.ballots import ballot
from pointsman.service.probing.bench import RACERS, Bench, Broken, Untriable, expect

SENDS_LIMIT = 12
"""How often one racer tries again on what the store holds by then."""


def numbered(counter: int, writer: int = 1) -> str:
    """Make a ballot of one writer."""
    return ballot(counter, f"{writer:016x}")


async def a_fresh_register_is_empty(bench: Bench) -> None:
    """Read a row that was never written."""
    reply = await bench.open().read(bench.register("fresh"))
    expect(reply.row == Row(), "an absent row reads as the empty row")


async def a_promise_is_kept(bench: Bench) -> None:
    """Prepare, then read."""
    store, name = bench.open(), bench.register("promise")
    promised = _granted(await store.prepare(name, numbered(1), await store.read(name)))
    expect(promised.row == Row(promised=numbered(1)), "a promise answers with the row that it made")
    expect((await store.read(name)).row == promised.row, "a read shows the promise just made")


async def an_accepted_value_is_read_back(bench: Bench) -> None:
    """Prepare, accept, read."""
    store, name = bench.open(), bench.register("accept")
    accepted = await _written(store, name, numbered(1), "value")
    expect(accepted.row == Row(promised=numbered(1), accepted=numbered(1), value="value"), "an accept answers with the row that it made")
    expect((await store.read(name)).row == accepted.row, "a read shows the value just accepted")


async def a_stale_ballot_is_refused(bench: Bench) -> None:
    """Prepare below the promise."""
    store, name = bench.open(), bench.register("stale")
    promised = _granted(await store.prepare(name, numbered(5), await store.read(name)))
    refused = await store.prepare(name, numbered(4), promised)
    expect(isinstance(refused, Refusal) and refused.held.row == promised.row, "a prepare below the promise is refused with what is held")
    expect((await store.read(name)).row == promised.row, "a refused prepare leaves the row as it was")


async def an_equal_ballot_is_accepted(bench: Bench) -> None:
    """Prepare under the ballot that is promised."""
    store, name = bench.open(), bench.register("equal")
    promised = _granted(await store.prepare(name, numbered(1), await store.read(name)))
    again = await store.prepare(name, numbered(1), promised)
    expect(isinstance(again, Reply) and again.row.promised == numbered(1), "a ballot equal to the promise is granted")


async def accepting_raises_the_promise(bench: Bench) -> None:
    """Accept at a ballot that was never prepared, then prepare below it."""
    store, name = bench.open(), bench.register("raises")
    promised = _granted(await store.prepare(name, numbered(1), await store.read(name)))
    accepted = _granted(await store.accept(name, numbered(7), "value", promised))
    expect(accepted.row.promised == numbered(7), "an accept raises the promise to its ballot")
    expect(isinstance(await store.prepare(name, numbered(6), accepted), Refusal), "a prepare below an accepted ballot is refused")


async def an_accept_below_the_promise_is_refused(bench: Bench) -> None:
    """Accept after a higher prepare."""
    store, name = bench.open(), bench.register("below")
    first = _granted(await store.prepare(name, numbered(1), await store.read(name)))
    higher = _granted(await store.prepare(name, numbered(2, 2), first))
    for seen in (first, higher):
        refused = await store.accept(name, numbered(1), "late", seen)
        expect(isinstance(refused, Refusal) and refused.held.row == higher.row, "an accept below the promise is refused with what is held")
    expect((await store.read(name)).row.value is None, "a refused accept leaves no value")


async def a_repeated_prepare_shows_my_own_ballot(bench: Bench) -> None:
    """Send one prepare twice, as after a lost reply."""
    store, name = bench.open(), bench.register("prepare-again")
    seen = await store.read(name)
    await store.prepare(name, numbered(3), seen)
    again = await store.prepare(name, numbered(3), seen)
    expect(_held(again).row.promised == numbered(3), "a prepare sent twice shows its own ballot")
    accepted = await store.accept(name, numbered(3), "value", _held(again))
    expect(isinstance(accepted, Reply), "an accept may stand on what a repeated prepare showed")


async def a_repeated_accept_shows_my_own_ballot(bench: Bench) -> None:
    """Send one accept twice, as after a lost reply."""
    store, name = bench.open(), bench.register("accept-again")
    promised = _granted(await store.prepare(name, numbered(3), await store.read(name)))
    for _ in range(2):
        answer = await store.accept(name, numbered(3), "value", promised)
        expect(
            _held(answer).row == Row(promised=numbered(3), accepted=numbered(3), value="value"), "an accept sent twice shows its own ballot"
        )


async def a_conflict_tells_what_is_stored(bench: Bench) -> None:
    """Prepare on a read that is out of date."""
    mine, theirs, name = bench.open(), bench.open(), bench.register("conflict")
    old = await mine.read(name)
    accepted = await _written(theirs, name, numbered(9, 2), "theirs")
    refused = await mine.prepare(name, numbered(8), old)
    expect(isinstance(refused, Refusal) and refused.held.row == accepted.row, "a conflict tells the stored ballot and value")


async def of_two_writers_from_one_read_one_wins(bench: Bench) -> None:
    """Let two proposers read, prepare and accept in turns."""
    low, high, name = bench.open(), bench.open(), bench.register("two")
    seen = await low.read(name)
    first = _granted(await low.prepare(name, numbered(1, 1), seen))
    second = await _granted_in_the_end(high, name, numbered(2, 2), seen)
    expect(isinstance(await low.accept(name, numbered(1, 1), "low", first), Refusal), "the writer that was overtaken is refused")
    expect(isinstance(await high.accept(name, numbered(2, 2), "high", second), Reply), "the writer that overtook is not")
    expect((await low.read(name)).row.value == "high", "the winner's value stands")


async def a_race_leaves_the_highest_ballot_and_its_value(bench: Bench) -> None:
    """Let many clients write at once."""
    name = bench.register("race")
    seen = await bench.open().read(name)

    async def racer(number: int) -> bool:
        store, mine = bench.open(), numbered(number, number)
        promised = await _prepared(store, name, mine, seen)
        return promised is not None and isinstance(await store.accept(name, mine, f"{number}", promised), Reply)

    won = await asyncio.gather(*(racer(number) for number in range(1, RACERS + 1)))
    held = (await bench.open().read(name)).row
    expect(won[-1], "the highest ballot of a race is accepted in the end")
    expect(held == Row(promised=numbered(RACERS, RACERS), accepted=numbered(RACERS, RACERS), value=f"{RACERS}"), "and stands alone")


async def creators_at_once_do_not_overwrite_each_other(bench: Bench) -> None:
    """Let many clients create one row at once."""
    name = bench.register("create")
    seen = await bench.open().read(name)
    stores = [bench.open() for _ in range(RACERS)]
    answers = await asyncio.gather(*(store.prepare(name, numbered(1, number), seen) for number, store in enumerate(stores)))
    held = (await bench.open().read(name)).row.promised
    granted = [answer.row.promised for answer in answers if isinstance(answer, Reply)]
    expect(granted and held == max(granted), "the highest promise that was granted stands")
    expect(all(_held(answer).row.promised in granted for answer in answers), "whoever is refused is shown a promise that was granted")


async def a_row_that_is_there_is_not_created_again(bench: Bench) -> None:
    """Create one row twice from the same read, the second time below what the first has promised."""
    first, second, name = bench.open(), bench.open(), bench.register("twice")
    absent = await first.read(name)
    promised = _granted(await first.prepare(name, numbered(2), absent))
    refused = await second.prepare(name, numbered(1, 2), absent)
    expect(isinstance(refused, Refusal) and refused.held.row == promised.row, "a row that is there by now is not created over it")
    expect((await first.read(name)).row == promised.row, "and stays as it was made")


async def a_value_survives_reopening(bench: Bench) -> None:
    """Write with one client and read with another."""
    name = bench.register("reopen")
    await _written(bench.open(), name, numbered(1), "kept")
    expect((await bench.open().read(name)).row.value == "kept", "a value is there for a new client")


async def a_large_value_is_kept_whole(bench: Bench) -> None:
    """Write the longest value that is allowed, in letters of several bytes."""
    store, name = bench.open(), bench.register("large")
    value = "é" * (VALUE_LIMIT // 2)
    await _written(store, name, numbered(1), value)
    expect((await store.read(name)).row.value == value, "the longest value is kept whole")


async def strange_names_and_values_are_kept_apart(bench: Bench) -> None:
    """Use names with slashes, dots, at signs and percent signs, and a value of odd characters."""
    store, value = bench.open(), 'a "quoted" \\ line\n\u2028 \U0001f6e4 \x7f end'
    names = [bench.register(f"incident/{odd}@12") for odd in ("a/b", "a%2Fb", "a.b", "..", "A/b", "a b")]
    for number, name in enumerate(names):
        await _written(store, name, numbered(1), f"{number}{value}")
    for number, name in enumerate(names):
        expect((await store.read(name)).row.value == f"{number}{value}", "every name is a register of its own and gives its text back")


async def an_unreadable_row_is_reported_and_left_alone(bench: Bench) -> None:
    """Read and write where another version has written."""
    if bench.spoil is None:
        raise Untriable("it takes a register that another version has written: pointsman's own tests write one")
    store, name = bench.open(), bench.register("spoiled")
    await bench.spoil(name)
    for ask in (
        store.read(name),
        store.prepare(name, numbered(1), Reply(row=Row())),
        store.accept(name, numbered(1), "v", Reply(row=Row())),
    ):
        try:
            await ask
        except RowUnreadable:
            continue
        expect(kept=False, promise="an unreadable row is reported as unreadable, and never overwritten")


async def the_stores_time_comes_with_a_reply(bench: Bench) -> None:
    """Ask twice for the store's time."""
    store, name = bench.open(), bench.register("time")
    first = (await store.read(name)).store_time
    second = _held(await store.prepare(name, numbered(1), Reply(row=Row()))).store_time
    expect(first is not None and second is not None, "a reply carries the store's time")
    expect(first is None or second is None or second + GRAIN >= first, "the store's time does not run back")


async def the_stores_time_is_that_of_this_machine(bench: Bench) -> None:
    """Compare the clocks. Which of the two is wrong cannot be told from here, so that a difference breaks no promise."""
    if bench.now is None:
        raise Untriable("this machine's time is not known here")
    told, here = (await bench.open().read(bench.register("clock"))).store_time, bench.now()
    if told is not None and abs(told - here) > FAR_OFF:
        raise StoreDown(f"the store says that it is {told:%FT%TZ}, and this machine {here:%FT%TZ}: set whichever clock is wrong")


def _granted(answer: Reply | Refusal) -> Reply:
    if isinstance(answer, Refusal):
        raise Broken("the store breaks a promise: a write whose condition holds is granted")
    return answer


def _held(answer: Reply | Refusal) -> Reply:
    return answer.held if isinstance(answer, Refusal) else answer


async def _prepared(store: Store, name: str, mine: str, seen: Reply) -> Reply | None:
    """Prepare, each time on what the store holds by then; None when a higher ballot came first."""
    for _ in range(SENDS_LIMIT):
        answer = await store.prepare(name, mine, seen)
        if isinstance(answer, Reply) or answer.held.row.promised == mine:
            return _held(answer)
        if answer.held.row.promised > mine:
            return None
        seen = answer.held
    raise Broken("the store breaks a promise: a prepare on what is held now is granted in the end")


async def _granted_in_the_end(store: Store, name: str, mine: str, seen: Reply) -> Reply:
    promised = await _prepared(store, name, mine, seen)
    if promised is None:
        raise Broken("the store breaks a promise: the highest ballot is promised")
    return promised


async def _written(store: Store, name: str, mine: str, value: str) -> Reply:
    promised = _granted(await store.prepare(name, mine, await store.read(name)))
    return _granted(await store.accept(name, mine, value, promised))
