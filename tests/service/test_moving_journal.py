"""What a move does with the journal of a store that is left: each entry is checked, and one that cannot go stops no other."""

import zlib
from datetime import timedelta

import pytest

from pointsman.core.errors import Transient
from pointsman.core.fabric import Cloud
from pointsman.core.journal import Countersignature, countersignature_key
from pointsman.core.values import canonical, digest
from pointsman.ports.stores import Listed, RowUnreadable, StoreDown
from pointsman.service.moving import DARK_LIMIT, NAMED_LIMIT, Moved, carry_out, survey
from pointsman.testing.stores import MemoryStore, Weather
from pointsman.testing.virtual import START
from tests.service.test_converge import World, story
from tests.service.test_moving import QUIET, Site

HTML = b"<html>Service temporarily unavailable</html>"
LONG = Weather(delay=timedelta(days=1).total_seconds())


def entries(count: int) -> dict[str, bytes]:
    contents = [f"entry {number}".encode() for number in range(count)]
    return {digest(content): zlib.compress(content) for content in contents}


def word(name: str) -> bytes:
    one = Countersignature(version=1, entry=name, cloud=Cloud.GCP, decider="1", plan=name, agrees=True, at=START)
    return canonical(one)


class Shelf:
    """A witness that holds the entries it is given, and is left."""

    def __init__(self, world: World, held: dict[str, bytes]) -> None:
        self.site, self.store, self.held = Site(world), world.table.witness, held

    async def moved(self) -> Moved:
        for name, entry in self.held.items():
            await self.store.put_entry(name, entry)
        return await carry_out(self.site.move(), QUIET)

    async def came(self) -> dict[str, bytes | None]:
        return {name: await self.site.fourth.entry(name) for name in self.held}


def test_the_journal_of_a_store_that_is_left_is_copied_whole_with_the_words_on_it() -> None:
    async def tell(world: World) -> None:
        held = entries(20)
        shelf = Shelf(world, held | {countersignature_key(name, Cloud.GCP): word(name) for name in held})
        done = await shelf.moved()
        assert (done.entries >= 40, done.left_behind, done.foreign) == (True, (), ())
        assert await shelf.came() == shelf.held

    story(tell)


def test_what_is_not_what_its_name_says_is_left_behind_and_named_and_all_others_come() -> None:
    async def tell(world: World) -> None:
        held = entries(6)
        first, second, third, fourth, *_ = held
        spoilt = {first: HTML, second: held[third], countersignature_key(third, Cloud.AWS): word(third), f"{fourth}.gcp": HTML}
        shelf = Shelf(world, held | spoilt)
        done = await shelf.moved()
        assert len(done.left_behind) == len(spoilt)
        assert all(any(name.removesuffix(".gcp").removesuffix(".aws") in text for text in done.left_behind) for name in spoilt)
        came = await shelf.came()
        assert {name for name, entry in came.items() if entry is None} == set(spoilt)

    story(tell)


def test_a_word_and_an_entry_of_a_newer_version_go_along() -> None:
    async def tell(world: World) -> None:
        newer = b'{"entry":"later","version":2}'
        shelf = Shelf(world, {digest(newer): zlib.compress(newer), f"{digest(newer)}.aws": newer})
        done = await shelf.moved()
        assert done.left_behind == ()
        assert await shelf.came() == shelf.held

    story(tell)


def test_one_answer_that_was_garbage_is_had_with_the_next_move() -> None:
    class Portal(MemoryStore):
        garbled = True

        async def entry(self, digest: str) -> bytes | None:
            return HTML if self.garbled else await super().entry(digest)

    async def tell(world: World) -> None:
        shelf = Shelf(world, entries(3))
        portal = Portal("portal", world.clock)
        for name, entry in shelf.held.items():
            await portal.put_entry(name, entry)
        shelf.site.leaving["witness"] = portal
        assert len((await shelf.moved()).left_behind) == 3
        portal.garbled = False
        assert (await shelf.moved()).left_behind == ()
        assert await shelf.came() == shelf.held

    story(tell)


def test_an_entry_that_cannot_be_read_or_drips_stops_no_other_however_many_there_are() -> None:
    class Spotted(MemoryStore):
        async def entry(self, digest: str) -> bytes | None:
            if digest < "4":
                raise RowUnreadable(f"{self.name} holds {digest} in no form that is known: upgrade pointsman")
            if digest[1] < "4":
                await self._clock.sleep(LONG.delay)
            return await super().entry(digest)

    async def tell(world: World) -> None:
        shelf = Shelf(world, entries(200))
        spotted = Spotted("spotted", world.clock)
        for name, entry in shelf.held.items():
            await spotted.put_entry(name, entry)
        shelf.site.leaving["witness"] = spotted
        done = await shelf.moved()
        came = await shelf.came()
        missing = [name for name, entry in came.items() if entry is None]
        assert sorted(missing) == sorted(name for name in shelf.held if name < "4" or name[1] < "4")
        assert len(done.left_behind) == NAMED_LIMIT + 1
        assert f"{len(missing) - NAMED_LIMIT} more" in done.left_behind[-1]

    story(tell)


def test_a_store_that_goes_dark_in_the_middle_is_given_up_in_time() -> None:
    async def tell(world: World) -> None:
        shelf = Shelf(world, entries(500))
        asked = 0

        def forecast(operation: str) -> Weather:
            nonlocal asked
            asked += operation == "entry"
            return LONG if operation == "entry" and asked > 100 else Weather()

        shelf.store.forecast = forecast
        began = world.clock.now()
        done = await shelf.moved()
        assert "given up" in done.left_behind[-1]
        assert asked <= 100 + DARK_LIMIT + 4
        assert world.clock.now() - began < timedelta(minutes=2)

    story(tell)


def test_a_next_store_that_takes_no_entry_is_named() -> None:
    async def tell(world: World) -> None:
        shelf = Shelf(world, entries(3))
        shelf.site.fourth.next("put_entry", Weather(delay=LONG.delay))
        done = await shelf.moved()
        assert len(done.left_behind) == 1
        assert sum(entry is None for entry in (await shelf.came()).values()) == 1

    story(tell)


def test_what_is_not_of_the_journal_is_not_copied_and_told() -> None:
    async def tell(world: World) -> None:
        names = {"notes.txt": b"shopping", f"{digest(b'x')}.azure": b"{}", "../up": b"x", "F" * 32: b"x"}
        shelf = Shelf(world, entries(2) | names)
        done = await shelf.moved()
        assert done.left_behind == ()
        assert len(done.foreign) == len(names)
        assert all(any(name in text for text in done.foreign) for name in names)
        assert {name for name, entry in (await shelf.came()).items() if entry is None} == set(names)

    story(tell)


@pytest.mark.parametrize("kind", ["registers", "entries"])
def test_a_list_that_drips_does_not_hold_a_move_up(kind: str) -> None:
    async def tell(world: World) -> None:
        shelf = Shelf(world, entries(2))
        before = world.table.witness.forecast
        world.table.witness.forecast = lambda operation: LONG if operation == kind else before(operation)
        began = world.clock.now()
        done = await shelf.moved()
        assert world.clock.now() - began < timedelta(minutes=1)
        assert [("lists" in text) for text in done.left_behind] == ([True] if kind == "entries" else [])

    story(tell)


def test_lists_that_drip_in_a_majority_are_said_in_time() -> None:
    async def tell(world: World) -> None:
        site = Site(world)
        for store in (world.table.witness, world.table.gcp):
            store.forecast = lambda operation: LONG if operation == "registers" else Weather()
        with pytest.raises(Transient, match="no majority of the stores lists its registers"):
            await survey(site.move())

    story(tell)


def test_a_list_that_breaks_off_leaves_what_came_and_is_named() -> None:
    class Short(MemoryStore):
        async def entries(self, after: str = "") -> Listed:
            if after:
                raise StoreDown(f"{self.name} lists no more")
            return Listed(names=tuple(self._entries)[:3], after="more")

    async def tell(world: World) -> None:
        shelf = Shelf(world, entries(5))
        short = Short("short", world.clock)
        for name, entry in shelf.held.items():
            await short.put_entry(name, entry)
        shelf.site.leaving["witness"] = short
        done = await shelf.moved()
        assert (done.entries, len(done.left_behind)) == (3, 1)
        assert "lists no more" in done.left_behind[0]

    story(tell)
