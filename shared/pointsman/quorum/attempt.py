"""One attempt to change a register under one ballot: replies in, requests out."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from pointsman.quorum.ballots import NO_BALLOT
from pointsman.quorum.outcomes import Agreed, Change, Conflict, Decline, Declined, Ending, NoMajority, Unknown
from pointsman.quorum.reading import Reading, common_ballot, majority_of, newest_row, times
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
        self._faults.update(self._reading.faults)
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
            faults = {**self._faults, **silent}
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
        """Apply the change to what the promises show. An unchanged value that a majority shares needs no accept."""
        rows = [promise.row for promise in self._promises.values()]
        self._previous = newest_row(rows).value
        wanted = self._change(self._previous)
        self._declined = wanted if isinstance(wanted, Decline) else None
        value = self._previous if wanted is None or isinstance(wanted, Decline) else wanted
        if value is None:
            self.ending = Unknown(faults=self._faults) if self._certain else self._settled(None)
            return ()
        if value == self._previous and not self._certain and common_ballot(rows, self._majority) is not None:
            self.ending = self._settled(value)
            return ()
        self.proposed = value
        return tuple(r for name, promise in self._promises.items() for r in self._send(name, Step.ACCEPT, promise))

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
        elif len(self._acceptors) - len(self._faults.keys() - counted.keys()) < self._majority:
            self.ending = self._failed()

    def _failed(self) -> Ending:
        if self._higher:
            return Conflict(above=self._higher)
        return Unknown(faults=self._faults) if self.sent else NoMajority(faults=self._faults)
