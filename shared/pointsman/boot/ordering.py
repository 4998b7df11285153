"""The surroundings of a person's shell that orders or verifies: every store, flag and queue made late, no lever at all."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from pointsman.boot.artefact import fabrics, home_region
from pointsman.boot.chance import nonce
from pointsman.boot.late import LateQueue, LateStore
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings
from pointsman.boot.stores import late_stores
from pointsman.boot.succession import journals_of, registers_of, rows_of, sets_made, witness_of
from pointsman.boot.table import shell_opener, table_over
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.fabric import Cloud
from pointsman.core.plan import FlagState
from pointsman.ports.clouds import Look, Queue
from pointsman.ports.stores import ListedStore, Store
from pointsman.service.house import House
from pointsman.service.status import Table
from pointsman.wire import messages


async def open_house(settings: Settings) -> House:
    """Put together what an order needs, with the credentials of this shell. Raises ``ConfigError`` for a bad fabric or setting.

    Where the settings name a next fabric its stores are there too, and what is sealed is followed to them. It speaks for the
    cloud whose freeze flag can be read from here: one cloud's credentials are enough.
    """
    return await house_over(settings, shell_sets(settings))


def shell_sets(settings: Settings) -> tuple[dict[str, ListedStore], ...]:
    """Give the stores of the current set, and of the next where there is one, with the credentials of this shell. Raises ``ConfigError``."""
    return sets_made(fabrics(settings), lambda fabric: late_stores(shell_opener(settings, fabric), fabric))


async def house_over(settings: Settings, stores: Sequence[Mapping[str, Store]]) -> House:
    """Put a house together over sets of stores made late. Raises as ``open_house`` does."""
    declared = fabrics(settings)
    table = table_over(settings, declared[0], stores[0])
    here = await _readable(table)
    await asyncio.gather(*(store.made() for held in stores for store in held.values() if isinstance(store, LateStore)))
    journal, spares = journals_of(stores, here)
    return House(
        fabrics=declared,
        here=here,
        registers=registers_of(declared, stores, table.clock),
        rows=rows_of(stores),
        witness=witness_of(stores),
        journal=journal,
        spares=spares,
        looker=_Nobody(here),
        levers={},
        flags=table.flags,
        clock=table.clock,
        nonce=nonce,
        nudge=_nudge(_queues(settings, home_region(table.fabric))),
    )


async def _readable(table: Table) -> Cloud:
    """Name the first cloud whose flag can be read; AWS when none can."""
    states = await asyncio.gather(*(table.flags[cloud].read() for cloud in Cloud))
    return next((cloud for cloud, state in zip(Cloud, states, strict=True) if state is not FlagState.UNREADABLE), Cloud.AWS)


class _Nobody:
    """``Looker`` that sees nothing: whoever orders goes by what the functions of both clouds see."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    async def look(self, links: Sequence[str]) -> Look:
        """See nothing."""
        del links
        return Look()


def _queues(settings: Settings, region: str) -> tuple[Queue, ...]:
    """Give the queues that wake functions; ``POINTSMAN_NUDGE`` may name both clouds', with a comma between them."""
    reach = Reach(settings, Cloud.AWS, region)
    names = [name.strip() for name in settings.nudge.split(",") if name.strip()]
    return tuple(LateQueue(_maker(reach, region, name)) for name in names)


def _maker(reach: Reach, region: str, name: str) -> Callable[[], Queue]:
    return (lambda: _topic(reach, name)) if name.startswith("projects/") else (lambda: _sqs(reach, region, name))


def _topic(reach: Reach, name: str) -> Queue:
    from pointsman.adapters.gcp.pubsub import PUBSUB, PubSubRestQueue  # noqa: PLC0415 - made late, so loaded late

    return PubSubRestQueue(reach.google(), name, endpoint=reach.settings.endpoints.get("pubsub", PUBSUB))


def _sqs(reach: Reach, region: str, url: str) -> Queue:
    from pointsman.adapters.aws.outside import SignedQueue  # noqa: PLC0415

    return SignedQueue(reach.signed("sqs", region, "AmazonSQS"), url)


def _nudge(queues: Sequence[Queue]) -> Callable[[str, int], Awaitable[None]] | None:
    if not queues:
        return None

    async def nudge(fabric: str, epoch: int) -> None:
        ends = await asyncio.gather(*(queue.send(messages.nudge(fabric, epoch)) for queue in queues), return_exceptions=True)
        lost = [end for end in ends if end is not None]
        for end in lost:
            if not isinstance(end, PointsmanError):
                raise end
        if lost:
            raise Transient("not every cloud was told at once, and its next sweep sees it", faults=map(str, lost))

    return nudge
