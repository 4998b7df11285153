"""A table of one file with a story of four decisions in its journal: an outage of ix-a and its end."""

import asyncio
from pathlib import Path

from pointsman.boot.chance import SystemClock, jitter, nonce
from pointsman.core.fabric import Fabric
from pointsman.core.plan import Plan
from pointsman.core.sightings import Health
from pointsman.core.values import parse
from pointsman.ports.clouds import Clock
from pointsman.ports.stores import Store
from pointsman.service.journal import Notebook
from pointsman.service.registers import Registers
from pointsman.service.status import Table
from tests.core.scene import ATLAS, START, Story, aws_probe, gcp_probe, seconds
from tests.service.journalled import Dated, InDynamo, InSqlite, Soon, agreed, furnished, write


def table_over(*stores: Store, fabric: Fabric = ATLAS, time: Clock | None = None) -> Table:
    """Open a table over some stores, the first of which is the one of AWS; ``time`` is theirs (None: an hour after the story began)."""
    slots = ("aws", "gcp", "witness")
    dated = tuple(Dated(store, time or Soon()) for store in stores)
    registers = Registers(dated, clock=SystemClock(), nonce=nonce, jitter=jitter)
    return Table(fabric=fabric, stores=dict(zip(slots, stores, strict=False)), registers=registers, flags={}, clock=Soon())


def written(tmp_path: Path) -> tuple[Table, InSqlite, list[Plan]]:
    """Write the story into a file; gives its table, a hand in it, and the plans, oldest first."""
    kept = InSqlite(tmp_path / "table.sqlite")
    plans = asyncio.run(write(kept.store))
    return table_over(kept.store), kept, plans


def written_in(kept: InDynamo) -> Table:
    """Write the story into DynamoDB."""
    asyncio.run(write(kept.store))
    return table_over(kept.store)


async def agree(store: Store, story: Story, at: float) -> Plan:
    """Agree on what a story's rows lead to at a second of it, with its entry in the journal."""
    house = furnished(store, story.here, story.fabric)
    before, view = story.plan, story.view()
    notebook = Notebook(house, view, START + seconds(at))
    text = notebook.enter(before, story.decided(at))
    await agreed(house, text, notebook)
    story.plan = parse(text, Plan)
    return story.plan


def dark_ix_a(kept: InSqlite, story: Story) -> Table:
    """Let both probes of ix-a lose packets in a story, and agree on what follows."""

    async def tell() -> None:
        story.all_healthy(0)
        await agree(kept.store, story, 1)
        story.all_healthy(10).note(*aws_probe("ix-a", Health.DOWN, 10.1), *gcp_probe("ix-a", Health.DOWN, 10.1))
        await agree(kept.store, story, 11)

    asyncio.run(tell())
    return table_over(kept.store, fabric=story.fabric)
