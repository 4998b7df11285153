"""What must hold at the end of a run on real processes: named checks, each with what it found."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pointsman.core.fabric import Cloud
from pointsman.core.plan import Plan
from pointsman.core.values import canonical, parse
from pointsman.service.verify import Reach
from pointsman.testing.stage import Stage
from pointsman.testing.story import swept

VERIFIED = (0, 1)
"""Exit codes with which ``pointsman verify`` could tell."""
KILLED_WITHIN = timedelta(seconds=5)
"""How long before it was killed a function may have written what it had no time to report."""
PASSES_WITHIN = timedelta(seconds=5)
"""How long after the times that a call tells, which are those of its first pass, it may go round and write again."""
SAID = 300
"""Characters shown of what it said when it could not."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: whether it holds, and what was found."""

    name: str
    holds: bool
    found: str


def checks(stage: Stage, outages: int, since: datetime) -> tuple[Check, ...]:
    """Check a stage that has been at rest ``since`` then, after some outages of one link."""
    return tuple(Check(name=name, holds=holds, found=found) for name, (holds, found) in _all(stage, outages, since))


def _all(stage: Stage, outages: int, since: datetime) -> Iterator[tuple[str, tuple[bool, str]]]:
    plans = _plans(stage)
    yield "S3 one plan per epoch, epochs only rise", _epochs(stage)
    yield "S6 one ticket per outage, never two open at once, all closed", _tickets(stage, outages)
    yield "S4 every lever's write came from a function of ours that had agreed", _writes(stage)
    yield "L1 a majority of the stores holds the same newest plan", _agreement(plans)
    yield "L6 every flow is carried, both ways, over one link", _carried(stage)
    yield "S9 no drain, pin or failover test is left", _clean(stage, plans, since)
    yield "journal: every plan follows from what was written down", _journal(stage)


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
    found = f"{len(book.tickets())} tickets for {outages} outages, {most} open at once per incident, {still} open now"
    return holds, found if holds else "; ".join((found, *(f"#{one.number} at {one.opened_at:%T}: {one.summary}" for one in book.tickets())))


def _writes(stage: Stage) -> tuple[bool, str]:
    """Find each write in a call that says what it set for which agreed plan, or in what a function began that was killed before it could.

    A setting of two parts that got one of them through is not told as written, and counts as set by that call too.
    """
    calls = [_span(line) for line in _reports(stage) if line["steps"]]
    lives = [(killed - KILLED_WITHIN, killed) for killed in stage.killed]
    writes = stage.writes()
    told = [at for at in writes if _within(at, calls)]
    cut = [at for at in writes if at not in told and _within(at, lives)]
    stray = len(writes) - len(told) - len(cut)
    settings = sum(step["written"] for line in _reports(stage) for step in line["steps"])
    found = f"{len(writes)} writes received by both clouds' APIs for {settings} settings that the functions say they wrote"
    return bool(told) and not stray, found + f", {len(cut)} by functions just killed" * bool(cut) + f", {stray} by nobody known" * bool(
        stray
    )


def _span(line: Mapping[str, Any]) -> tuple[datetime, datetime]:
    began = datetime.fromisoformat(line["began"])
    return began, began + timedelta(milliseconds=max(line["stages_ms"].values(), default=0)) + PASSES_WITHIN


def _within(at: datetime, spans: Iterable[tuple[datetime, datetime]]) -> bool:
    return any(first <= at <= last for first, last in spans)


def _agreement(plans: Mapping[str, Plan | None]) -> tuple[bool, str]:
    newest = _newest(plans)
    same = sum(plan is not None and canonical(plan) == canonical(newest) for plan in plans.values())
    return same > len(plans) // 2, f"{same} of {len(plans)} stores hold epoch {newest.epoch}, {len(canonical(newest))} bytes"


def _newest(plans: Mapping[str, Plan | None]) -> Plan:
    return max((plan for plan in plans.values() if plan is not None), key=lambda plan: plan.epoch)


def _plans(stage: Stage) -> dict[str, Plan | None]:
    return {name: parse(value, Plan) if value else None for name, value in asyncio.run(_held(stage)).items()}


async def _held(stage: Stage) -> Mapping[str, str | None]:
    stores = stage.open_stores()
    replies = await asyncio.gather(*(store.read(f"plan/{stage.fabric.name}") for store in stores.values()))
    return {name: reply.row.value for name, reply in zip(stores, replies, strict=True)}


def _carried(stage: Stage) -> tuple[bool, str]:
    flows = stage.state()["flows"]
    good = [name for name, one in flows.items() if one["loss"] == 0 and one["to_gcp"] == one["to_aws"] and len(one["to_gcp"]) == 1]
    return len(good) == len(flows), ", ".join(f"{name} on {next(iter(one['to_gcp']), 'nothing')}" for name, one in flows.items())


def _clean(stage: Stage, plans: Mapping[str, Plan | None], since: datetime) -> tuple[bool, str]:
    """Look in the agreed plan, at AWS, and in what both clouds' sweeps since then say of their own levers."""
    plan, tests, seen = _newest(plans), stage.running_tests(), swept(stage, since)
    drained: list[str] = sorted(
        {name for name, state in plan.links.items() if state.drain} | {name for line in seen.values() for name in line["drained"]}
    )
    astray = [cloud.value for cloud in Cloud if cloud not in seen]
    found: dict[str, list[str]] = {
        "drained": drained,
        "pins": [str(pin.flow) for pin in plan.pins],
        "failover tests running": tests,
        "levers not seen set by": astray,
    }
    return not any(found.values()), ", ".join(f"{what}: {', '.join(names) or 'none'}" for what, names in found.items())


def _journal(stage: Stage) -> tuple[bool, str]:
    """Let ``pointsman verify`` walk the chain, as a person would who trusts neither cloud."""
    code, printed = stage.as_a_person("verify", str(stage.compiled), "--json")
    if code not in VERIFIED:
        return False, printed[-SAID:]
    walk = json.loads(printed)
    if walk["trouble"] is not None:
        return False, f"epoch {walk['trouble']['epoch']} is {walk['trouble']['fault']}: {walk['trouble']['says']}"
    whole = walk["ended"] == Reach.FIRST and walk["again"] == walk["entries"] == walk["epoch"]
    signed = f"{walk['signed']} countersigned by the cloud that did not decide"
    return whole, f"{walk['entries']} entries back to {walk['ended']}, {walk['again']} decided again to the same bytes, {signed}"


def _reports(stage: Stage) -> list[dict[str, Any]]:
    return [line for cloud in Cloud for name in ("link_changed", "sweep", "watch") for line in stage.logs(cloud, name) if "began" in line]
