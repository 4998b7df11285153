"""Which faults struck at which await sites of ``service/``, and which could have and never did.

A cell is a pair of await site and fault kind. It is hit when a fault of that kind is injected while a call stands at that
site: for a fault of one request or one function that call, for a fault of the world any call under way. Possible is
every cell of a kind that strikes functions or the world; a kind that strikes requests is possible where requests that
it can strike were under way, which the run itself notes, strays of an earlier step that nobody waits for any more apart: they are few
among the requests there, or come less often than a function comes to the rarest site.
What is not played at all is in ``UNPLAYED`` and ``UNPLAYED_CALLS``.
"""

from collections.abc import Mapping
from functools import cache

from pointsman.core.values import Frozen
from pointsman.testing.simulation.kinds import STRIKES, FaultKind, Request
from pointsman.testing.simulation.sites import Site, sites
from pointsman.testing.simulation.tally import Tally

UNPLAYED: Mapping[str, str] = {
    "moving:": "stores are moved by an operator's command, whose interruptions tests/service/test_moving.py plays",
    "journal:InTime.": "an entry is waited for by an operator's command, which changes nothing",
    "verify:": "the chain is walked by an operator's command, which changes nothing",
    "registers:Registers.seal": "registers are sealed by a move of stores alone",
    "registers:Registers.hand_over": "registers are handed over by a move of stores alone",
    "registers:Registers.begin": "registers are begun in a set of stores by a move alone",
    "registers:Registers.look": "registers are looked at in one set of stores by a move alone",
    "registers:Registers._has_come": "registers are followed after a move of stores alone",
    "registers:Registers._read_on": "registers are followed after a move of stores alone",
    "registers:Registers._read_opened": "a set of stores is opened by a move alone",
    "registers:Registers.must_be_open": "a set of stores is opened by a move alone",
    "announcing:cancel#2": "a window is taken back once more where a store missed it: tests/service/test_windows.py plays it",
    "doors:probe": "packets are sent by a process of its own, for which the reports of every schedule stand",
    "probing/": "an operator's command tries a store's promises, which no function asks for",
    "probe:": "packets are sent by a process of its own, for which the reports of every schedule stand",
    "status:": "an operator's command, which changes nothing",
    "chain:": "an operator's command, which changes nothing",
    "history:": "an operator's command, which changes nothing",
    "explain:": "an operator's command, which changes nothing",
    "record:": "an operator's command, which changes nothing",
    "registers:Registers._tried#3": "a set of stores is opened by a move alone",
    "converge:_Pass.run#6": "what was sent beside an agreement has ended with the block before it",
    "gather:note#2": "what it awaits has ended by then wherever there is a witness, as there is in every schedule",
}
"""Beginnings of sites that no schedule reaches, with why."""
UNPLAYED_CALLS: Mapping[str, str] = {
    "_leave()": "others go first there and nothing is waited for, so no time passes",
    "asyncio.sleep(0)": "others go first there and nothing is waited for, so no time passes",
    "beside(": "what is sent beside an agreement is sent at once and not waited for",
    "onward": "the next set of stores is there during a move alone",
    "following": "the next set of stores is there during a move alone",
    "self.hand_over": "registers are handed over by a move of stores alone",
    "self._has_come": "registers are followed after a move of stores alone",
    "self._read_on": "registers are followed after a move of stores alone",
    "self._read_opened": "a set of stores is opened by a move alone",
    "must_be_open": "a set of stores is opened by a move alone",
    "self.seal": "registers are sealed by a move of stores alone",
}
"""Words of what is awaited at sites that no schedule reaches, with why."""

STRAYS = 0.005
"""Share of the requests under way at a site up to which those of a kind are strays."""
WATCH_EVERY = 32
"""One schedule of so many notes which requests are under way at which await site."""
SELDOM = 500
"""Requests of which there is less than one in so many schedules are strays too, in all schedules, not the watched ones alone."""


class Coverage(Frozen):
    """How many cells could be hit, how many were, and which were not; ``under_way`` counts requests, by site and what was asked, in one schedule of ``WATCH_EVERY``."""

    possible: int
    hit: int
    missing: tuple[str, ...]
    hits: dict[str, int]
    under_way: dict[str, int]

    def document(self) -> dict[str, object]:
        """Give it as JSON holds it."""
        return {
            "possible": self.possible,
            "hit": self.hit,
            "missing": list(self.missing),
            "unplayed": {**UNPLAYED, **UNPLAYED_CALLS},
            "cells": self.hits,
            "under_way": self.under_way,
        }

    def words(self, shown: int) -> list[str]:
        """Give it in lines."""
        lines = [f"coverage: {self.hit} of {self.possible} cells of await site x fault kind"]
        return lines + [f"  never hit: {name}" for name in self.missing[:shown]]


@cache
def played_sites() -> tuple[Site, ...]:
    """List the await sites that schedules are to reach."""
    return tuple(site for site in sites() if not _unplayed(site))


def _unplayed(site: Site) -> bool:
    by_name = any(site.name.startswith(beginning) for beginning in UNPLAYED)
    return by_name or any(word in site.awaited for word in UNPLAYED_CALLS)


def coverage(tally: Tally) -> Coverage:
    """Judge what a run reached."""
    names = [site.name for site in played_sites()]
    asked = {f"{site} x {request.value}": tally.coverage[site, request.value] for site in names for request in Request}
    under_way = {name: count for name, count in asked.items() if count}
    cells = [
        (site, kind)
        for site in names
        for kind in FaultKind
        if tally.coverage[site, kind.value] or passes(site, kind, under_way, tally.schedules)
    ]
    hits = {(site, kind): tally.coverage[site, kind.value] for site, kind in cells}
    return Coverage(
        possible=len(cells),
        hit=sum(count > 0 for count in hits.values()),
        missing=tuple(f"{site} x {kind.value}" for (site, kind), count in hits.items() if not count),
        hits={f"{site} x {kind.value}": count for (site, kind), count in hits.items()},
        under_way=under_way,
    )


def passes(site: str, kind: FaultKind, under_way: Mapping[str, int], schedules: int) -> bool:
    """Say whether a kind of fault could strike at a site: requests that it strikes were under way there, and not as strays alone."""
    struck: frozenset[Request] | None = STRIKES.get(kind)
    if struck is None:
        return True
    counts = {request: under_way.get(f"{site} x {request.value}", 0) for request in Request}
    struck_there = sum(counts[request] for request in struck)
    return struck_there > STRAYS * sum(counts.values()) and struck_there * WATCH_EVERY * SELDOM >= schedules
