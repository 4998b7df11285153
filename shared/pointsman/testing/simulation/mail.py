"""Messages on their way to functions: each may be lost, doubled, overtaken or late by minutes or hours."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pointsman.testing.simulation.kinds import FaultKind
from pointsman.testing.simulation.nature import Nature, in_nobodys_name
from pointsman.testing.simulation.schedule import Mishap

UNDER_WAY = 3.0
"""Longest time that an undisturbed message is under way, in seconds."""
WATCH = "watch of"
"""Beginning of the message that lets a cloud watch."""

Delivery = Callable[[], Awaitable[None]]


@dataclass(eq=False)
class Message:
    """One message: what its arrival brings about, and when it is due."""

    what: str
    deliver: Delivery
    due: float
    gone: bool = False


@dataclass
class Mail:
    """All messages under way. ``late`` are those that will come hours later, when everything is over."""

    nature: Nature
    under_way: list[Message] = field(default_factory=list)
    late: list[Message] = field(default_factory=list)
    arriving: dict["asyncio.Task[None]", str] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """Whether anything is under way but those who watch, for as long as they were told to."""
        return bool(self.under_way) or any(not what.startswith(WATCH) for what in self.arriving.values())

    def send(self, what: str, deliver: Delivery, delay: float | None = None) -> None:
        """Send a message."""
        now = asyncio.get_running_loop().time()
        late = UNDER_WAY * self.nature.dice.random() ** 3 if delay is None else delay
        message = Message(what, deliver, now + late)
        self.under_way.append(message)
        self._deliver_at(message)

    def _deliver_at(self, message: Message) -> None:
        due = message.due
        in_nobodys_name(lambda: self._arrive(message, due), due - asyncio.get_running_loop().time())

    def _arrive(self, message: Message, due: float) -> None:
        if message.gone or message.due != due:
            return
        self.under_way.remove(message)
        message.gone = True
        self._deliver(message)

    def _deliver(self, message: Message) -> None:
        task = asyncio.ensure_future(message.deliver())
        self.arriving[task] = message.what
        task.add_done_callback(self.arriving.pop)

    def disturb(self, one: Mishap) -> bool:
        """Do something to one message under way; False when there is none."""
        if not self.under_way:
            return False
        message = self.under_way[int(one.much * len(self.under_way))]
        self.nature.tell(f"{one.kind}: {message.what}")
        match one.kind:
            case FaultKind.MESSAGE_LOST:
                self._take(message)
            case FaultKind.MESSAGE_DOUBLED:
                self.send(message.what, message.deliver, one.lasts * one.much)
            case FaultKind.MESSAGE_DELAYED:
                self._move(message, message.due + one.lasts)
            case FaultKind.MESSAGE_HOURS_LATE:
                self._take(message)
                self.late.append(message)
            case _:
                return self._swap(message)
        return True

    def _take(self, message: Message) -> None:
        message.gone = True
        self.under_way.remove(message)

    def _move(self, message: Message, due: float) -> None:
        message.due = due
        self._deliver_at(message)

    def _swap(self, message: Message) -> bool:
        """Let this message and another of those under way change places."""
        others = [other for other in self.under_way if other.due != message.due]
        if not others:
            return False
        first, second = others[-1].due, message.due
        self._move(message, first)
        self._move(others[-1], second)
        return True

    def deliver_late(self) -> int:
        """Deliver what is hours late, all at once."""
        late, self.late = self.late, []
        for message in late:
            self._deliver(message)
        return len(late)
