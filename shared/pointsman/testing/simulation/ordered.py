"""What persons order beside the functions: links drained and let go, freezes and thaws, pins, words on what waits for one, acks."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded, so that every run is alike

from pointsman.core.fabric import Cloud
from pointsman.core.flagging import SLACK, note_of
from pointsman.core.orders import HEARD_WITHIN, by, ends
from pointsman.core.outbox import open_incidents
from pointsman.core.plan import FlagState
from pointsman.core.sightings import Order, Verb
from pointsman.core.values import replace
from pointsman.service.house import House
from pointsman.service.order import order, still, stores_time
from pointsman.testing.simulation.foretold import Calling
from pointsman.testing.simulation.mail import Mail
from pointsman.testing.simulation.nature import in_nobodys_name
from pointsman.testing.simulation.scenes import Scene
from pointsman.testing.simulation.schedule import Mishap
from pointsman.testing.simulation.world import World

VERBS = (*(Verb.DRAIN,) * 6, *(Verb.UNDRAIN,) * 4, Verb.FREEZE, Verb.THAW, Verb.PIN, Verb.APPROVE, Verb.DENY, Verb.ACK, Verb.ACK)
"""What is ordered, as often as it stands here."""
_IN: Mapping[Scene, tuple[Verb, ...]] = {Scene.FREEZES: (Verb.FREEZE,), Scene.HANGING: (Verb.DRAIN,)}
"""What is ordered in a scene of its own."""
AT_A_SHELL = 0.5
"""Share of orders that are given at a shell, at the stores' time; the others come by chat, at the time they were written at."""
TWICE = 0.3
"""Share of orders that are given twice."""
LATER = (0.0, 15.0)
"""How long after the first time an order is given again, in seconds."""


class Persons:
    """Whoever orders something in a world."""

    def __init__(self, world: World, mail: Mail, call: Calling) -> None:
        self._world = world
        self._mail = mail
        self._call = call
        self._dice = Random(f"persons {world.schedule.seed}")
        self._made = 0

    def order(self, one: Mishap) -> bool:
        """Let a person order something about a link: once or twice, at a shell or by chat, where it may come late."""
        self._made += 1
        verb, now = self._dice.choice(_IN.get(self._world.schedule.scene, VERBS)), self._world.clock.now()
        given = Order(
            key=f"order/{self._made}",
            verb=verb,
            target=self._target(verb, one.where),
            author="an operator",
            reason=f"order {self._made}",
            seen_at=now,
            expires_at=now + timedelta(seconds=one.lasts),
        )
        shell = self._dice.random() < AT_A_SHELL
        self._send(given, one.lasts, shell=shell)
        if self._dice.random() < TWICE:
            in_nobodys_name(lambda: self._send(given, one.lasts, shell=shell), self._dice.uniform(*LATER))
        return True

    def _target(self, verb: Verb, link: str) -> str:
        plan = self._world.newest_plan()
        match verb:
            case Verb.PIN:
                return f"{self._dice.choice(self._world.schedule.fabric.flows).name}>{link}"
            case Verb.APPROVE | Verb.DENY:
                return plan.proposal.hash if plan is not None and plan.proposal is not None else f"{self._dice.getrandbits(64):016x}"
            case Verb.ACK:
                known = [] if plan is None else [name for name, *_ in open_incidents(self._world.schedule.fabric, plan)]
                return self._dice.choice(known) if known else f"{link}@1"
            case Verb.UNDRAIN:
                held = [] if plan is None else [name for name, state in plan.links.items() if state.drain is not None and state.drain.by]
                return self._dice.choice(held) if held else link
            case Verb.DRAIN:
                return link
            case _:
                return ""

    def _send(self, given: Order, lasts: float, *, shell: bool) -> None:
        if not self._world.nature.raging:
            return
        cloud = self._dice.choice(tuple(Cloud))

        async def act(house: House) -> object:
            house = house.lately()
            if not shell:
                return await self._carried_out(house, given)
            if self._world.clock.now() - given.seen_at > HEARD_WITHIN:
                return None  # nobody waits so long at a shell
            now = await stores_time(house)
            return await self._carried_out(house, replace(given, seen_at=now, expires_at=now + timedelta(seconds=lasts)))

        self._mail.send(f"order to {given.verb} {given.target}", lambda: self._call(cloud, "order", act))

    async def _carried_out(self, house: House, given: Order) -> object:
        self._world.given.append(given)
        if given.verb not in {Verb.FREEZE, Verb.THAW}:
            return await order(house, given)
        if given.verb is Verb.FREEZE:
            self._melts(given)
        return await still(house, given)

    def _melts(self, given: Order) -> None:
        """Let the flags that an order sets read clear when they say that they do."""
        note, until = note_of(ends(given), by(given)), ends(given) + SLACK
        in_nobodys_name(lambda: self._melt(note), _seconds(until - self._world.clock.now()))

    def _melt(self, note: str) -> None:
        for cloud, flag in self._world.flags.items():
            if flag.note == note:
                self._world.set_flag(cloud, FlagState.CLEAR)


def _seconds(span: timedelta) -> float:
    return max(0.0, span.total_seconds())


def awaited(world: World) -> tuple[datetime, ...]:
    """Give the instants at which what was ordered ends by itself."""
    return tuple(at for one in world.given for at in (ends(one), ends(one) + SLACK))
