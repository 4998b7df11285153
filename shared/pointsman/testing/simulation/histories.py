"""What the users of one register did and were told, and whether one list could have told it all.

Every operation appends its own id to a list and is told the whole list, so that the order of all appends can be read
off: each answer is a beginning of the final list. With the order known, linearizability needs no search. Give the
append at place p the key 2p-1 and a reading of n items the key 2n; an order that respects the keys respects what was
read, and one that respects time exists iff nothing that began after another ended has a lower key than it (for two
appends: an equal one, which cannot be). One pass in the order of time with the highest key ended so far decides that.

An operation is an append, which happens once between its call and its answer, and a reading of the same time: what it
is told may hold later items besides its own. One whose fate is unknown may be appended at any time after its call, or
never. One that failed never is.
"""

from dataclasses import dataclass, field
from enum import StrEnum

Items = tuple[str, ...]


class Fate(StrEnum):
    """What a caller was told of an append."""

    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Call:
    """One call. ``item`` None is a reading alone; ``ended`` None has had no answer; ``told`` None was told no list.

    ``began`` and ``ended`` are places in the order of all calls and answers.
    """

    item: str | None
    began: int
    ended: int | None = None
    fate: Fate = Fate.UNKNOWN
    told: Items | None = None


@dataclass
class History:
    """All calls on one register, in the order in which they began."""

    calls: list[Call] = field(default_factory=list)
    places: int = 0

    def begin(self, item: str | None) -> Call:
        """Note that a call began."""
        call = Call(item, self._place())
        self.calls.append(call)
        return call

    def end(self, call: Call, fate: Fate, told: Items | None = None) -> None:
        """Note its answer."""
        call.ended, call.fate, call.told = self._place(), fate, told

    def _place(self) -> int:
        self.places += 1
        return self.places


def breach(history: History) -> str | None:
    """Say in words why no single list could have told this history, or None. The last reading must be of everything.

    Takes time linear in the length of all that was told.
    """
    final = max((call.told for call in history.calls if call.told is not None), key=len, default=())
    return _misread(history, final) or _failed_but_there(history, final) or _out_of_order(history, final)


def _misread(history: History, final: Items) -> str | None:
    if len(set(final)) != len(final):
        return f"an item is in the list twice: {final}"
    called = {call.item for call in history.calls}
    if strange := [item for item in final if item not in called]:
        return f"{strange} were appended by nobody"
    for call in history.calls:
        if call.fate is Fate.DONE and call.item is not None and call.item not in final:
            return f"{call.item} was acknowledged, and is not in {final}"
        if call.told is None:
            continue
        if call.told != final[: len(call.told)]:
            return f"{call.told} is no beginning of {final}"
        if call.fate is Fate.DONE and call.item is not None and call.item not in call.told:
            return f"{call.item} was acknowledged without being in {call.told}"
    return None


def _failed_but_there(history: History, final: Items) -> str | None:
    possible = {call.item for call in history.calls if call.fate is not Fate.FAILED}
    there = next((item for item in final if item not in possible), None)
    return None if there is None else f"{there} was told to have failed, and is in the list"


def _out_of_order(history: History, final: Items) -> str | None:
    """Pass over all beginnings and endings in time, with the highest key that has ended."""
    moments: list[tuple[int, bool, str] | None] = [None] * (history.places + 1)
    for key, began, ended, words in _spans(history, final):
        for place, ending in ((began, False), (ended, True)):
            if place is not None and ((held := moments[place]) is None or (key > held[0]) == ending):
                moments[place] = (key, ending, words)
    highest, before = 0, ""
    for key, ending, words in (moment for moment in moments if moment is not None):
        if ending and key > highest:
            highest, before = key, words
        elif not ending and key < highest:
            return f"{words} began after {before} had ended"
    return None


def _spans(history: History, final: Items) -> list[tuple[int, int, int | None, str]]:
    """Give key, beginning, end and words of every append and every reading."""
    places = {item: 2 * place + 1 for place, item in enumerate(final)}
    appends: dict[str, tuple[int, int | None]] = {}
    spans: list[tuple[int, int, int | None, str]] = []
    for call in history.calls:
        if call.told is not None:
            spans.append((2 * len(call.told), call.began, call.ended, f"a reading of {len(call.told)} items"))
        if call.item is not None and call.fate is not Fate.FAILED:
            began, ended = appends.get(call.item, (call.began, None))
            ends = call.ended if call.fate is Fate.DONE else None
            appends[call.item] = (min(began, call.began), min((one for one in (ended, ends) if one is not None), default=None))
    return spans + [(places[item], began, ended, f"the append of {item}") for item, (began, ended) in appends.items() if item in places]
