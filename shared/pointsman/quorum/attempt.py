"""One attempt to change a register under one ballot: replies in, requests out."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from pointsman.quorum.ballots import NO_BALLOT
from pointsman.quorum.outcomes import Agreed, Change, Conflict, Decline, Declined, Ending, NoMajority, Unknown
from pointsman.quorum.reading import DAMAGED, Reading, common_row, majority_of, newest_row, odd_ones, times
from pointsman.quorum.rows import Refusal, Reply, Row

SENDS_LIMIT = 3
"""How often one request is sent to one acceptor within an attempt: after a lost reply, or on a version that was stale."""


class Step(StrEnum):
    """What an acceptor is asked."""

    READ = "read"
    PREPARE = "prepare"
    ACCEPT = "accept"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request to one acceptor. ``seen`` is the reply that it stands on."""

    acceptor: str
    step: Step
    ballot: str
    seen: Reply = Reply(row=Row())
    value: str = ""


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """The acceptor is down for this round, and wrote nothing."""

    why: str


class Unsure(msgspec.Struct, frozen=True, kw_only=True):
    """The acceptor may or may not have written."""

    why: str


Answer = Reply | Refusal | Lost | Unsure
Requests = tuple[Request, ...]


class Attempt:
    """One ballot's way through prepare and accept.

    Feed every answer to ``answered`` and send what it returns, until ``ending`` is set; requests that are still
    under way then may go on being fed: a late promise is followed by its accept, so that the slowest store keeps up.
    ``certain`` asks for an accept even of an unchanged value, which ends whatever an earlier attempt left behind.
    """

    def __init__(self, ballot: str, change: Change, acceptors: Sequence[str], reading: Reading, *, certain: bool = False) -> None:
        self.ballot = ballot
        self.ending: Ending | None = None
        self.proposed: str | None = None
        self._change = change
        self._acceptors = tuple(acceptors)
        self._majority = majority_of(len(self._acceptors))
        self._reading = reading
        self._certain = certain
        self._promises: dict[str, Reply] = {}
        self._accepts: dict[str, Reply] = {}
        self._faults: dict[str, str] = {}
        self._odd: dict[str, str] = {}
        self._sends: dict[tuple[str, Step], int] = {}
        self._higher = NO_BALLOT
        self._previous: str | None = None
        self._declined: Decline | None = None

    @property
    def sent(self) -> bool:
        """Whether an accept was sent: from then on the outcome is agreed or unknown, never failed."""
        return self.proposed is not None

    @property
    def _failing(self) -> bool:
        return isinstance(self.ending, Conflict | Unknown | NoMajority)

    def start(self) -> Requests:
        """Give the first requests: prepare where the reading has a reply, read where it has none yet."""
        self._faults.update({name: why for name, why in self._reading.faults.items() if name not in self._reading.replies})
        requests = tuple(r for name in self._acceptors if name not in self._faults for r in self._begin(name))
        self._end()
        return requests

    def answered(self, request: Request, answer: Answer) -> Requests:
        """Take one answer in and give the requests that follow from it."""
        match answer:
            case Lost(why=why):
                self._faults[request.acceptor] = why
                requests: Requests = ()
            case Unsure(why=why):
                requests = self._again(request, why)
            case Refusal(held=held):
                requests = self._refused(request, held)
            case Reply():
                requests = self._granted(request, answer)
        self._end()
        return requests

    def give_up(self, silent: Mapping[str, str]) -> Ending:
        """End where it stands, if it has not ended: nothing more will be proposed. ``silent`` says who still owes an answer."""
        if self.ending is None:
            faults = {**self._odd, **self._faults, **silent}
            self.ending = Unknown(faults=faults) if self.sent else NoMajority(faults=faults)
        return self.ending

    def _begin(self, acceptor: str) -> Requests:
        seen = self._reading.replies.get(acceptor)
        return self._send(acceptor, Step.READ) if seen is None else self._prepare(acceptor, seen)

    def _prepare(self, acceptor: str, seen: Reply) -> Requests:
        if seen.row.promised > self.ballot:
            return self._overtaken(acceptor, seen.row)
        return self._send(acceptor, Step.PREPARE, seen)

    def _send(self, acceptor: str, step: Step, seen: Reply | None = None) -> Requests:
        key = (acceptor, step)
        self._sends[key] = self._sends.get(key, 0) + 1
        request = Request(acceptor=acceptor, step=step, ballot=self.ballot, value=self.proposed or "")
        return (request if seen is None else msgspec.structs.replace(request, seen=seen),)

    def _again(self, request: Request, why: str, held: Reply | None = None) -> Requests:
        """Send a request once more: under one ballot that is the same request, however often it arrives."""
        if self._sends[request.acceptor, request.step] >= SENDS_LIMIT or self._failing:
            self._faults[request.acceptor] = why
            return ()
        return self._send(request.acceptor, request.step, held or request.seen)

    def _granted(self, request: Request, reply: Reply) -> Requests:
        match request.step:
            case Step.READ:
                return self._prepare(request.acceptor, reply)
            case Step.PREPARE:
                return self._promised(request.acceptor, reply)
            case Step.ACCEPT:
                self._accepts[request.acceptor] = reply
                return ()

    def _refused(self, request: Request, held: Reply) -> Requests:
        """Look whose ballot stands: mine (an earlier send arrived), a higher one, or a lower one (what was seen is stale)."""
        accepting = request.step is Step.ACCEPT
        if accepting and held.row.accepted == self.ballot and held.row.value != request.value:
            return self._again(request, DAMAGED.format(request.acceptor), held)
        if (held.row.accepted if accepting else held.row.promised) == self.ballot:
            return self._granted(request, held)
        if held.row.promised > self.ballot:
            return self._overtaken(request.acceptor, held.row)
        if accepting and held.row.promised < self.ballot:
            self._faults[request.acceptor] = "it forgot a promise: the store was rolled back"
            return ()
        if self._sends[request.acceptor, request.step] >= SENDS_LIMIT:
            return self._overtaken(request.acceptor, held.row)
        return self._again(request, "what it holds changed under every try", held)

    def _overtaken(self, acceptor: str, row: Row) -> Requests:
        self._higher = max(self._higher, row.promised)
        self._faults[acceptor] = "another proposer came first"
        return ()

    def _promised(self, acceptor: str, reply: Reply) -> Requests:
        self._promises[acceptor] = reply
        if self.proposed is not None and not self._failing:
            return self._send(acceptor, Step.ACCEPT, reply)
        if self.ending is not None or len(self._promises) < self._majority:
            return ()
        return self._propose()

    def _propose(self) -> Requests:
        """Apply the change to what the promises show. An unchanged value that a majority shares needs no accept.

        Promises that differ under the newest ballot show nothing, unless a majority tells which is right: the next one may.
        """
        rows = [promise.row for promise in self._promises.values()]
        newest = self._undamaged(newest_row(rows).accepted)
        if newest is None:
            return ()
        self._previous = newest.value
        wanted = self._change(self._previous)
        self._declined = wanted if isinstance(wanted, Decline) else None
        value = self._previous if wanted is None or isinstance(wanted, Decline) else wanted
        if value is None:
            self.ending = Unknown(faults=self._faults) if self._certain else self._settled(None)
            return ()
        if value == self._previous and not self._certain and common_row(rows, self._majority) is not None:
            self.ending = self._settled(value)
            return ()
        self.proposed = value
        return tuple(r for name, promise in self._promises.items() for r in self._send(name, Step.ACCEPT, promise))

    def _undamaged(self, ballot: str) -> Row | None:
        """Give what was accepted under a ballot, by all rows that were seen; None while they differ and no majority tells."""
        rows = {name: reply.row for name, reply in {**self._reading.replies, **self._promises}.items()}
        self._odd = odd_ones(rows, ballot, self._majority)
        return next((row for name, row in rows.items() if row.accepted == ballot and name not in self._odd), None)

    def _settled(self, value: str | None) -> Ending:
        store_times = times(self._accepts or self._promises)
        if self._declined is not None:
            return Declined(reason=self._declined.reason, value=value, store_times=store_times)
        ballot = self.ballot if self.sent else newest_row(promise.row for promise in self._promises.values()).accepted
        changed = value != self._previous
        return Agreed(value=value, previous=self._previous, changed=changed, ballot=ballot, store_times=store_times)

    def _end(self) -> None:
        """Set the ending as soon as no further answer can change it."""
        if self.ending is not None:
            return
        counted = self._accepts if self.sent else self._promises
        if self.sent and len(counted) >= self._majority:
            self.ending = self._settled(self.proposed)
        elif self._hopeless(counted):
            self.ending = self._failed()

    def _hopeless(self, counted: Mapping[str, Reply]) -> bool:
        """Say whether too few are left to answer, or nobody is."""
        lost = self._faults.keys() - counted.keys()
        return len(self._acceptors) - len(lost) < self._majority or len(lost) + len(counted) == len(self._acceptors)

    def _failed(self) -> Ending:
        if self._higher:
            return Conflict(above=self._higher)
        faults = {**self._odd, **self._faults}
        return Unknown(faults=faults) if self.sent else NoMajority(faults=faults)
