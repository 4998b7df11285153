"""One call of a function, whatever the platform: decode, run the use case on the process's loop, and say how it ended."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from pointsman.boot import loop
from pointsman.boot.app import App
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.sightings import Rejected
from pointsman.entry.outcomes import Answer, Outcome, UseCase, meanings_of, outcome_of, rejected
from pointsman.service.converge import Report
from pointsman.wire.decode import decode

REST_SECONDS = 0.2
"""How long requests to slower stores may finish after the answer is known."""
PARKED_LIMIT = 200 * 1024
"""Characters of an unreadable event that are kept when it is parked."""


class Call:
    """A use case with its surroundings, built at the first call. Safe to share between threads."""

    def __init__(self, use_case: UseCase, build: Callable[[], App]) -> None:
        self._use_case = use_case
        self._app = cache(build)

    def run(self, raw: object, headers: Mapping[str, str] | None = None) -> tuple[Outcome, dict[str, Any]]:
        """Handle one delivery. Gives how it ended, and what there is to log; a bug raises."""
        try:
            app = self._app()
            return loop.run(self._handle(app, raw, headers))
        except PointsmanError as error:
            outcome = outcome_of(error)
            return outcome, {"outcome": outcome.answer, "error": outcome.text}

    async def _handle(self, app: App, raw: object, headers: Mapping[str, str] | None) -> tuple[Outcome, dict[str, Any]]:
        records = decode(raw, headers)
        bad = rejected(records)
        parked = bool(bad) and await self._park(app, raw, [f"{one.path}: {one.reason}" for one in bad])
        outcome, told = await self._ended(app, records)
        if bad and not parked and outcome.answer is Answer.ACK:
            unread = tuple(one.delivery for one in records if isinstance(one.meaning, Rejected) and one.delivery)
            outcome = Outcome(answer=Answer.PARK, text="; ".join(one.reason for one in bad), unread=unread)
        return outcome, told | {"outcome": outcome.answer, "records": len(records), "rejected": len(bad)}

    async def _ended(self, app: App, records: Any) -> tuple[Outcome, dict[str, Any]]:
        meanings = meanings_of(records)
        if records and not meanings:
            return Outcome(answer=Answer.ACK), {}
        try:
            done = await self._use_case(app.house, meanings)
        except PointsmanError as error:
            outcome = outcome_of(error)
            return outcome, {"error": outcome.text}
        finally:
            await app.house.registers.rest(REST_SECONDS)
        return Outcome(answer=Answer.ACK), told(done)

    async def _park(self, app: App, raw: object, why: list[str]) -> bool:
        """Put an unreadable event where it is not lost; False when there is no such place or it takes nothing now."""
        if app.parking is None:
            return False
        body = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else json.dumps(raw, default=str)
        try:
            await app.parking.send(json.dumps({"pointsman": "parked", "why": why, "event": body[:PARKED_LIMIT]}).encode())
        except Transient:
            return False
        return True


def told(done: object) -> dict[str, Any]:
    """Put what a use case gave back into a few words for the log."""
    if isinstance(done, Report):
        return _report(done)
    if is_dataclass(done) and not isinstance(done, type):
        return {one.name: getattr(done, one.name) for one in fields(done)}
    return {}


def _report(done: Report) -> dict[str, Any]:
    steps = [
        {
            "setting": type(step.setting).__name__,
            "on": _target(step.setting),
            "written": step.written,
            "level": step.verified.level,
            "trouble": step.trouble,
        }
        for step in done.steps
    ]
    stages = {name: round(seconds * 1000, 1) for name, seconds in done.stages.items()}
    down = [name for name, state in done.plan.links.items() if state.drain]
    return {
        "epoch": done.plan.epoch,
        "agreed": done.agreed,
        "drained": down,
        "steps": steps,
        "stages_ms": stages,
        "hints_lost": list(done.hints_lost),
    }


def _target(setting: object) -> str:
    return str(getattr(setting, "link", None) or getattr(setting, "flow", ""))
