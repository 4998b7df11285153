"""What a function holds between invocations: its house, its parking place, its settings."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pointsman.boot.chance import jitter, nonce
from pointsman.boot.late import LateStore
from pointsman.boot.once import Once
from pointsman.boot.settings import Settings
from pointsman.boot.stores import rows_by_cloud
from pointsman.boot.succession import journals_of, registers_of, rows_of, witness_of
from pointsman.core.errors import ConfigError, Refused
from pointsman.core.fabric import Cloud, DeskSettings, Fabric
from pointsman.core.incidents import Incident, Letter, Ticket
from pointsman.ports.clouds import Clock, Flag, Lever, Looker, Queue
from pointsman.ports.desks import Desk
from pointsman.ports.stores import Store
from pointsman.service.house import Hands, House
from pointsman.service.registers import Registers
from pointsman.wire import messages

if TYPE_CHECKING:
    from pointsman.ports.audits import Auditor
    from pointsman.service.probe import Lookout


class Secrets(Protocol):
    """Gives the text of a secret by its ``secret://`` reference."""

    async def get(self, reference: str) -> str:
        """Read it. Raises ``ConfigError`` or ``Transient``."""


@dataclass(frozen=True, kw_only=True)
class App:
    """One function's surroundings and settings. ``parking`` takes events that nobody can read; None leaves that to the platform."""

    house: House
    settings: Settings
    parking: Queue | None


def furnish(
    settings: Settings,
    fabrics: tuple[Fabric, ...],
    here: Cloud,
    *,
    stores: Sequence[Mapping[str, Store]],
    clock: Clock,
    hands: Callable[[Fabric], tuple[Looker, Sequence[Lever]]],
    flags: Sequence[Flag],
    auditor: "Callable[[Fabric], Auditor] | None" = None,
    nudge: Queue | None,
    post: Queue | None,
    parking: Queue | None,
    secrets: Secrets,
    report: Queue | None = None,
) -> App:
    """Put one cloud's adapters together. ``stores`` are the sets of ``boot.succession``, by slot; ``hands`` makes a fabric's looker and levers."""
    held = {fabric.hash: _hands(*hands(fabric), auditor=auditor and partial(auditor, fabric)) for fabric in fabrics}
    rows = rows_of(stores)
    journal, spares = journals_of(stores, here)
    own = rows_by_cloud(stores[0])[here]
    house = House(
        fabrics=fabrics,
        here=here,
        registers=registers_of(fabrics, stores, clock),
        rows=rows,
        witness=witness_of(stores),
        journal=journal,
        own=Registers((own,), clock=clock, nonce=nonce, jitter=jitter),
        spares=spares,
        looker=held[fabrics[0].hash].looker,
        levers=held[fabrics[0].hash].levers,
        hands=held,
        flags={flag.cloud: flag for flag in flags},
        clock=clock,
        nonce=nonce,
        nudge=_nudge(nudge),
        post=_post(post),
        desks={desk.name: SecretDesk(desk, secrets, settings.endpoints.get(desk.kind)) for desk in _desks(fabrics)},
        watch_every=timedelta(seconds=settings.watch_seconds[0]),
        watch_lasting=timedelta(seconds=settings.watch_seconds[1]),
        loaded=_loaded(stores),
        lookout=Once(lambda: _lookout(settings, fabrics[0], here, report)),
    )
    return App(house=house, settings=settings, parking=parking)


def _lookout(settings: Settings, fabric: Fabric, here: Cloud, report: Queue | None) -> "Lookout":
    from pointsman.boot.probes import lookout  # noqa: PLC0415 - only a prober needs it

    return lookout(settings, fabric, here, report)


def _hands(looker: Looker, levers: Sequence[Lever], *, auditor: "Callable[[], Auditor] | None") -> Hands:
    return Hands(looker=looker, levers={lever.kind: lever for lever in levers}, auditor=auditor)


def _desks(fabrics: Sequence[Fabric]) -> Sequence[DeskSettings]:
    """List the desks of the current and the next fabric; of two of one name the current one's counts, which comes last."""
    return [desk for fabric in reversed(fabrics) for desk in fabric.desks]


def _loaded(stores: Sequence[Mapping[str, Store]]) -> Callable[[], Awaitable[None]]:
    late = [store for held in stores for store in held.values() if isinstance(store, LateStore)]

    async def wait() -> None:
        for store in late:
            await store.made()

    return wait


def _nudge(queue: Queue | None) -> Callable[[str, int], Awaitable[None]] | None:
    return None if queue is None else lambda fabric, epoch: queue.send(messages.nudge(fabric, epoch))


def _post(queue: Queue | None) -> Callable[[str], Awaitable[None]] | None:
    return None if queue is None else lambda incident: queue.send(messages.deliver(incident))


class SecretDesk:
    """``Desk`` whose secret is read, and whose adapter is loaded, when the first letter is told, and the first after the desk refused one.

    So whoever mends a secret is heard without a restart.
    """

    def __init__(self, desk: DeskSettings, secrets: Secrets, endpoint: str | None) -> None:
        self.name = desk.name
        self._desk = desk
        self._secrets = secrets
        self._endpoint = endpoint or desk.endpoint
        self._made: Desk | None = None

    async def tell(self, incident: Incident, letter: Letter, key: str) -> Ticket:
        """Carry out one letter. Raises ``ConfigError``, ``Transient`` or ``Refused``."""
        if self._made is None:
            self._made = self._make(await self._secret())
        try:
            return await self._made.tell(incident, letter, key)
        except Refused:
            self._made = None
            raise

    async def _secret(self) -> str:
        """Read the secret, without the line's end that many a shell puts after it."""
        secret = (await self._secrets.get(self._desk.secret)).strip()
        if not secret:
            raise ConfigError(f"the secret {self._desk.secret} of desk {self.name} is empty: store the desk's key in it")
        return secret

    def _make(self, secret: str) -> Desk:
        from pointsman.adapters.desks.pagerduty import ENDPOINT, PagerDutyDesk  # noqa: PLC0415 - only deliver needs it
        from pointsman.adapters.http import pool  # noqa: PLC0415

        if self._desk.kind != "pagerduty":
            raise ConfigError(f"desk {self.name} is of kind {self._desk.kind}, which this version cannot tell: use pagerduty")
        return PagerDutyDesk(self.name, secret, over=pool(), endpoint=self._endpoint or ENDPOINT)
