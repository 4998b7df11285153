"""What holds of an outbox in whatever order tellers, desks and plans come."""

from collections.abc import Callable
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.incidents import Ask, Incident
from pointsman.core.outbox import (
    LEASE,
    PAUSE,
    SETTLING,
    all_told,
    claim,
    follow,
    next_letter,
    put_off,
    ready,
    record,
    release,
    resting,
    settle_removed,
)
from pointsman.core.values import canonical, parse
from tests.core.outages import IX_A, IX_B, IX_C, asks, desk, desks, healed, outage, ticket
from tests.core.scene import START, seconds


class Post:
    """Some desks, tellers that come, die, come back late and are refused, and a plan that goes on meanwhile."""

    def __init__(self) -> None:
        self.fabric = desks(desk("noc"), desk("boss", "error"))
        self.now = START
        self.incident = follow(self.fabric, outage(), IX_A, 2, None)
        self.leases: dict[str, tuple[int, datetime]] = {}
        self.tellers = 0

    def claim(self, pick: int) -> None:
        self.tellers += 1
        ready = next_letter(self.incident, self.now)
        teller, serial = f"teller-{self.tellers}", ready.serial if ready and pick % 4 else pick % len(self.incident.outbox)
        before = self.incident
        self.incident = claim(before, serial, teller, self.now)
        if self.incident is not before:
            self.check_claim(before, serial)
            self.leases[teller] = (serial, self.now + LEASE)

    def check_claim(self, before: Incident, serial: int) -> None:
        letter = before.outbox[serial]
        assert not letter.done
        assert not any(at == serial and until > self.now for at, until in self.leases.values()), "two live leases of one letter"
        earlier = [one for one in before.outbox[:serial] if one.desk == letter.desk and one.ask is not Ask.DEDUPLICATE]
        assert all(one.done for one in earlier), "told out of order"
        assert letter.desk not in resting(before, self.now), "told while it is left alone"
        assert letter.ask is Ask.OPEN or any(one.ask is Ask.OPEN for one in earlier), "resolved or updated before it was opened"

    def record(self, pick: int) -> None:
        teller, serial = self.somebody(pick)
        if teller:
            self.incident = record(self.incident, serial, ticket(self.incident.outbox[serial].desk), self.now)
            del self.leases[teller]

    def release(self, pick: int) -> None:
        teller, serial = self.somebody(pick)
        if teller:
            self.incident = release(self.incident, serial, teller)
            del self.leases[teller]

    def put_off(self, pick: int) -> None:
        teller, serial = self.somebody(pick)
        if teller:
            before, until = self.incident, self.now + (seconds(5), LEASE, PAUSE)[pick % 3]
            self.incident = put_off(before, serial, teller, until)
            desk = before.outbox[serial].desk
            assert self.incident is before or [one for one in ready(self.incident, self.now) if one.desk == desk] == []

    def somebody(self, pick: int) -> tuple[str, int]:
        """Choose a teller that is still at work, also one whose lease is over."""
        working = sorted(self.leases)
        return (working[pick % len(working)], self.leases[working[pick % len(working)]][0]) if working else ("", 0)

    def follow(self, pick: int) -> None:
        agreed = (outage(), outage(IX_B), outage(IX_B, IX_C), healed())[pick % 4]
        self.incident = follow(self.fabric, agreed, IX_A, 2, self.incident)

    def join(self, pick: int) -> None:
        names = {one.name for one in self.fabric.desks} | {f"desk-{pick % 3}"}
        self.fabric = desks(*(desk(name, "error" if name == "boss" else "warning") for name in sorted(names)))

    def leave(self, pick: int) -> None:
        names = sorted(one.name for one in self.fabric.desks)
        self.fabric = desks(*(one for one in self.fabric.desks if one.name != names[pick % len(names)] or len(names) == 1))
        self.incident = settle_removed(self.fabric, self.incident, self.now)

    def wait(self, pick: int) -> None:
        self.now += (seconds(10), LEASE, 2 * LEASE, SETTLING, PAUSE)[pick % 5]

    def drain(self) -> None:
        """Bring the outage to its end, with tellers that no longer die."""
        self.follow(3)
        self.now += PAUSE
        self.incident = settle_removed(self.fabric, self.incident, self.now)
        for _ in range(40):
            self.now += LEASE
            letter = next_letter(self.incident, self.now)
            if letter:
                self.claim(letter.serial)
                self.incident = record(self.incident, letter.serial, ticket(letter.desk), self.now)


STEPS: tuple[Callable[[Post, int], None], ...] = (
    Post.claim,
    Post.claim,
    Post.wait,
    Post.release,
    Post.put_off,
    Post.record,
    Post.follow,
    Post.join,
    Post.leave,
)


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 15)), min_size=4, max_size=40))
def test_no_letter_is_told_out_of_turn_or_leased_twice_and_the_outbox_drains(
    steps: list[tuple[Callable[[Post, int], None], int]],
) -> None:
    post = Post()
    for step, pick in steps:
        before = post.incident
        step(post, pick)
        assert all(new.done for old, new in zip(before.outbox, post.incident.outbox, strict=False) if old.done)
        assert [one.serial for one in post.incident.outbox] == list(range(len(post.incident.outbox)))
        assert parse(canonical(post.incident), Incident) == post.incident
    post.drain()
    assert all_told(post.incident)
    for one in post.fabric.desks:
        assert asks(post.incident, one.name)[:1] in ([], [Ask.OPEN])


LEASING = (Post.claim, Post.wait, Post.release, Post.put_off)


@given(st.lists(st.tuples(st.sampled_from(LEASING), st.integers(0, 15)), min_size=5, max_size=30))
def test_a_letter_has_one_live_lease_however_often_tellers_fall_silent_and_come_back(
    steps: list[tuple[Callable[[Post, int], None], int]],
) -> None:
    post = Post()
    for step, pick in steps:
        step(post, pick)
