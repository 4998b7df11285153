"""What must hold at the end of a run on real processes: named checks, each with what it found."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.core.fabric import Cloud
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, parse
from pointsman.testing.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: whether it holds, and what was found."""

    name: str
    holds: bool
    found: str


def checks(stage: Stage, outages: int) -> tuple[Check, ...]:
    """Check a stage that has come to rest after some outages of one link."""
    return tuple(Check(name=name, holds=holds, found=found) for name, (holds, found) in _all(stage, outages))


def _all(stage: Stage, outages: int) -> Iterator[tuple[str, tuple[bool, str]]]:
    yield "S3 one plan per epoch, epochs only rise", _epochs(stage)
    yield "S6 one ticket per outage, never two open at once, all closed", _tickets(stage, outages)
    yield "S4 every lever's write came from a function of ours that had agreed", _writes(stage)
    yield "L1 a majority of the stores holds the same newest plan", _agreement(stage)
    yield "L6 every flow is carried, both ways, over one link", _carried(stage)
    yield "S9 no drain, pin or failover test is left", _clean(stage)


def _epochs(stage: Stage) -> tuple[bool, str]:
    seen: dict[int, set[str]] = {}
    for line in _reports(stage):
        seen.setdefault(line["epoch"], set()).add(",".join(sorted(line["drained"])))
    torn = [epoch for epoch, drained in seen.items() if len(drained) > 1]
    return not torn, f"{len(seen)} epochs seen in the logs of both clouds, up to {max(seen, default=0)}"


def _tickets(stage: Stage, outages: int) -> tuple[bool, str]:
    book = stage.desk.book
    keys = {ticket.key for ticket in book.tickets()}
    most = max((book.most_open(key) for key in keys), default=0)
    still = len(book.open_tickets())
    holds = len(book.tickets()) == outages and most <= 1 and not still
    return holds, f"{len(book.tickets())} tickets for {outages} outages, {most} open at once per incident, {still} open now"


def _writes(stage: Stage) -> tuple[bool, str]:
    written = sum(step["written"] for line in _reports(stage) for step in line["steps"])
    counted = len(stage.writes())
    return counted > 0, f"{counted} writes received by both clouds' APIs, {written} settings written by the functions"


def _agreement(stage: Stage) -> tuple[bool, str]:
    held = asyncio.run(_held(stage))
    plans = [parse(value, Plan) for value in held.values() if value]
    newest = max(plans, key=lambda plan: plan.epoch)
    same = sum(canonical(plan) == canonical(newest) for plan in plans)
    return same > len(held) // 2, f"{same} of {len(held)} stores hold epoch {newest.epoch}, {len(canonical(newest))} bytes"


async def _held(stage: Stage) -> Mapping[str, str | None]:
    stores = stage.open_stores()
    replies = await asyncio.gather(*(store.read(f"plan/{stage.fabric.name}") for store in stores.values()))
    return {name: reply.row.value for name, reply in zip(stores, replies, strict=True)}


def _carried(stage: Stage) -> tuple[bool, str]:
    flows = stage.state()["flows"]
    good = [name for name, one in flows.items() if one["loss"] == 0 and one["to_gcp"] == one["to_aws"] and len(one["to_gcp"]) == 1]
    return len(good) == len(flows), ", ".join(f"{name} on {next(iter(one['to_gcp']), 'nothing')}" for name, one in flows.items())


def _clean(stage: Stage) -> tuple[bool, str]:
    last = {cloud: next((line for line in reversed(stage.logs(cloud, "sweep")) if "drained" in line), None) for cloud in Cloud}
    drained = [name for line in last.values() if line for name in line["drained"]]
    tests = stage.running_tests()
    return not drained and not tests, f"drained: {drained or 'none'}, failover tests running: {tests or 'none'}"


def _reports(stage: Stage) -> list[dict[str, Any]]:
    return [line for cloud in Cloud for name in ("link_changed", "sweep") for line in stage.logs(cloud, name) if "began" in line]
