"""What every store must do with sighting rows and journal entries, case by case."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise, permutations

from pointsman.core.fabric import Cloud
from pointsman.core.journal import ENTRY_LIMIT
from pointsman.core.rows import GRAIN, rank
from pointsman.core.sightings import Aspect, Cause, Health, Sighting, Source, Vantage, Window
from pointsman.core.values import replace
from pointsman.ports.stores import Store
from pointsman.service.probing.bench import RACERS, Bench, Untriable, expect

PAST = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
FAR_AHEAD = datetime.fromisoformat("2091-01-01T00:00:00+00:00")
MILDEST_FIRST = (Health.UNKNOWN, Health.UP, Health.DRAINING, Health.DEGRADED, Health.DOWN)


async def the_newest_claim_wins_whatever_the_order(bench: Bench) -> None:
    """Note claims out of order."""
    store, member = bench.open(), bench.member("newest")
    for seconds, health in ((10, Health.DOWN), (5, Health.UP), (20, Health.DEGRADED), (15, Health.UP)):
        await bench.open().note(Cloud.AWS, [_claim(member, seconds, health)])
    expect((await _row(store, Cloud.AWS, member)) == _claim(member, 20, Health.DEGRADED), "the newest claim stands, whatever came last")


async def of_equal_times_the_worse_claim_stands_whatever_the_order(bench: Bench) -> None:
    """Note two claims of one instant in both orders, one after the other and together."""
    twins = _twins(bench.member("tie"))
    for number, order in enumerate(permutations((0, 1))):
        first, second = ([_renamed(pair[turn], f"apart{number}") for pair in twins] for turn in order)
        together = [_renamed(pair[turn], f"together{number}") for turn in order for pair in twins]
        await bench.open().note(Cloud.AWS, first)
        await bench.open().note(Cloud.AWS, second)
        await bench.open().note(Cloud.AWS, together)
    held = {row.member: row for row in (await bench.open().rows(Cloud.AWS)).rows}
    for _, ranked in twins:
        stand = [_renamed(ranked, way) for way in ("apart0", "apart1", "together0", "together1")]
        expect([held.get(one.member) for one in stand] == stand, "of equal times the worse claim stands, whatever came last")


async def a_claim_that_changes_nothing_is_not_written(bench: Bench) -> None:
    """Note a claim twice more, and a milder one of its time."""
    if bench.writes is None:
        raise Untriable("it takes the store's own count of its writes")
    store, claim = bench.open(), _claim(bench.member("repeat"), 10, Health.DOWN)
    before = await bench.writes()
    await store.note(Cloud.AWS, [claim])
    written = await bench.writes()
    for client in (store, bench.open()):
        await client.note(Cloud.AWS, [claim])
        await client.note(Cloud.AWS, [replace(claim, health=Health.UP)])
    expect(written != before, "a new claim is written")
    expect(await bench.writes() == written, "a claim that changes nothing is not written")


async def a_wild_time_is_clamped_and_blocks_nothing(bench: Bench) -> None:
    """Note a claim from years ahead, then a true one."""
    store, member = bench.open(), bench.member("wild")
    await store.note(Cloud.GCP, [_at(member, FAR_AHEAD, Health.DOWN)])
    wild = await _row(store, Cloud.GCP, member)
    read = await store.rows(Cloud.GCP)
    expect(
        read.store_time is None or (wild is not None and wild.seen_at <= read.store_time + GRAIN), "a time ahead of the store's is clamped"
    )
    true = _at(member, (wild or _claim(member, 0, Health.UP)).seen_at + timedelta(milliseconds=1), Health.UP)
    await bench.open().note(Cloud.GCP, [true])
    expect((await _row(store, Cloud.GCP, member)) == true, "a true claim wins over one that was clamped")


async def many_claims_at_once_are_all_kept(bench: Bench) -> None:
    """Note many claims at once, with one row twice among them."""
    store, members = bench.open(), [bench.member(f"many{number}") for number in range(20)]
    claims = [_claim(member, 10, Health.UP) for member in members] + [_claim(members[0], 11, Health.DOWN)]
    await store.note(Cloud.AWS, claims)
    await store.note(Cloud.AWS, claims)
    read = {row.member: row for row in (await store.rows(Cloud.AWS)).rows}
    expect(all(member in read for member in members), "every claim of a batch is kept")
    expect(read[members[0]].health is Health.DOWN, "the newest claim of a batch wins its row")


async def writers_of_one_row_at_once_leave_the_newest(bench: Bench) -> None:
    """Note claims of one row from many clients at once."""
    member = bench.member("claim-race")
    claims = [_claim(member, number // 2, (Health.UP, Health.DOWN)[number % 2]) for number in range(RACERS)]
    await asyncio.gather(*(bench.open().note(Cloud.AWS, [claim]) for claim in claims))
    expect((await _row(bench.open(), Cloud.AWS, member)) == claims[-1], "a race of claims leaves the newest, of equal times the worse")


async def an_announcement_is_kept_whole_and_its_later_version_stands(bench: Bench) -> None:
    """Note two versions of a maintenance window, the later one first."""
    member = bench.member("window")
    window = Window(key="announced", members=(member,), start=PAST, end=PAST + timedelta(hours=4), what="new optics")
    first = replace(_claim(member, 10, Health.UNKNOWN), window=window)
    later = replace(first, seen_at=PAST + timedelta(seconds=20), window=replace(window, withdrawn=True))
    for one in (later, first):
        await bench.open().note(Cloud.AWS, [one])
    expect((await _row(bench.open(), Cloud.AWS, member)) == later, "the later version stands, with all that it says")


async def the_clouds_rows_are_apart(bench: Bench) -> None:
    """Note under one prefix and read under the other."""
    store, member = bench.open(), bench.member("apart")
    await store.note(Cloud.GCP, [_claim(member, 10, Health.UP)])
    expect(await _row(store, Cloud.AWS, member) is None, "each cloud's rows are its own")
    expect(await _row(store, Cloud.GCP, member) is not None, "and are there")


async def one_unreadable_claim_spoils_no_other(bench: Bench) -> None:
    """Read rows of which one cannot be understood."""
    if bench.spoil_row is None:
        raise Untriable("it takes a claim that another version has written: pointsman's own tests write one")
    store, member = bench.open(), bench.member("beside")
    await store.note(Cloud.GCP, [_claim(member, 10, Health.UP)])
    before = (await store.rows(Cloud.GCP)).quarantined
    await bench.spoil_row(Cloud.GCP)
    read = await store.rows(Cloud.GCP)
    expect(read.quarantined == before + 1, "an unreadable claim is counted")
    expect(member in {row.member for row in read.rows}, "and the others are read")


async def a_journal_entry_put_twice_is_one_entry(bench: Bench) -> None:
    """Put an entry of odd bytes twice."""
    store, digest, entry = bench.open(), f"digest-{bench.token}", b'{"why": "\xc3\xa9"}\x00\xff'
    expect(await store.entry(digest) is None, "an entry that was never put is absent")
    await store.put_entry(digest, entry)
    await bench.open().put_entry(digest, entry)
    expect(await bench.open().entry(digest) == entry, "an entry comes back as it was put")


async def a_large_journal_entry_is_kept_whole(bench: Bench) -> None:
    """Put an entry of the longest kind."""
    store, digest, entry = bench.open(), f"digest-large-{bench.token}", b"\x00\xff\xc3<" * (ENTRY_LIMIT // 4)
    await store.put_entry(digest, entry)
    expect(await store.entry(digest) == entry, "the longest entry is kept whole")


async def _row(store: Store, prefix: Cloud, member: str) -> Sighting | None:
    return next((row for row in (await store.rows(prefix)).rows if row.member == member), None)


def _twins(member: str) -> list[tuple[Sighting, Sighting]]:
    """Give pairs of claims of one instant, the one that ranks higher last: of neighbouring healths, and of one health and two causes."""
    worse = [(_claim(f"{member}-{bad}", 10, mild), _claim(f"{member}-{bad}", 10, bad)) for mild, bad in pairwise(MILDEST_FIRST)]
    alike = sorted((replace(_claim(member, 10, Health.DOWN), cause=cause) for cause in (Cause.BFD_DOWN, Cause.SESSION_DOWN)), key=rank)
    return [*worse, (alike[0], alike[1])]


def _renamed(claim: Sighting, way: str) -> Sighting:
    return replace(claim, member=f"{claim.member}-{way}")


def _claim(member: str, seconds: int, health: Health) -> Sighting:
    return _at(member, PAST + timedelta(seconds=seconds), health)


def _at(member: str, seen_at: datetime, health: Health) -> Sighting:
    return Sighting(vantage=Vantage.AWS, member=member, source=Source.LOOK, aspect=Aspect.BGP, health=health, seen_at=seen_at)
