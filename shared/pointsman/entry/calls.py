"""One call of a function, whatever the platform: decode, run the use case on the process's loop, and say how it ended."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

from pointsman.boot import loop
from pointsman.boot.app import App
from pointsman.boot.once import Once
from pointsman.core.errors import PointsmanError, Transient
from pointsman.core.modes import NoQuorum, standing
from pointsman.core.steering import kind_of
from pointsman.entry.outcomes import Answer, Outcome, Unreadable, UseCase, meanings_of, outcome_of, unreadable
from pointsman.entry.parking import parked, reasons
from pointsman.service.converge import Report
from pointsman.service.watch import Watched
from pointsman.wire.decode import decode
from pointsman.wire.record import Record

REST_SECONDS = 0.2
"""How long requests to slower stores may finish after the answer is known."""

ALARMING = {"rejected": "rejected", "untold": "untold", "refused": "lever_refused"}
"""What of a call's log makes it an error, and the metric that counts it."""

Told = dict[str, Any]
"""What there is to log of a call: figures, names and reasons, never a payload."""
Watcher = Callable[[App], AbstractContextManager[Callable[[Told], None]]]
"""Goes round a call and is told what there is to log of it."""


@contextmanager
def unwatched(_: App) -> Iterator[Callable[[Told], None]]:
    """Watch nothing."""
    yield lambda _: None


class Call:
    """A use case with its surroundings, built at the first call. Safe to share between threads."""

    def __init__(self, use_case: UseCase, build: Callable[[], App], watcher: Watcher = unwatched) -> None:
        self._use_case = use_case
        self._app = Once(build)
        self._watcher = watcher

    def run(self, raw: object, headers: Mapping[str, str] | None = None) -> tuple[Outcome, Told]:
        """Handle one delivery. Gives how it ended, and what there is to log; a bug raises."""
        try:
            app = self._app()
            with self._watcher(app) as watching:
                outcome, told = loop.run(self._handle(app, raw, headers))
                watching(told)
        except PointsmanError as error:
            outcome = outcome_of(error)
            return outcome, {"outcome": outcome.answer, "error": outcome.text}
        return outcome, told

    async def _handle(self, app: App, raw: object, headers: Mapping[str, str] | None) -> tuple[Outcome, Told]:
        records = decode(raw, headers)
        bad = unreadable(records)
        outcome, told = await self._ended(app, records)
        if bad:
            told |= {"rejected": reasons(bad)}
            outcome = await _put_aside(app, raw, headers, bad) if outcome.answer is Answer.ACK else outcome
        return outcome, told | {"outcome": outcome.answer, "records": len(records)}

    async def _ended(self, app: App, records: Sequence[Record]) -> tuple[Outcome, Told]:
        meanings = meanings_of(records)
        if records and not meanings:
            return Outcome(answer=Answer.ACK), {}
        try:
            done = await self._use_case(app.house, meanings)
        except (PointsmanError, ExceptionGroup) as error:
            outcome = outcome_of(error)
            return outcome, {"error": outcome.text} | _mode(app, error)
        finally:
            await app.house.registers.rest(REST_SECONDS)
        again = done.again if isinstance(done, Report) else ""
        return Outcome(answer=Answer.RETRY if again else Answer.ACK, text=again), told(done) | _refused(done) | _mode(app, done)


def _refused(ended: object) -> Told:
    """Name the levers that a call was refused, with why: nobody but a person mends that, however well the call ended."""
    reports = ended.reports if isinstance(ended, Watched) else (ended,)
    steps = (step for one in reports if isinstance(one, Report) for step in one.steps if step.refused)
    said = dict.fromkeys(f"{kind_of(step.setting)} of {_target(step.setting)}: {step.trouble}" for step in steps)
    return {"refused": list(said)} if said else {}


def _mode(app: App, ended: object) -> Told:
    """Name the mode that the table stood in; and without a majority what this cloud did by itself, or why it did nothing."""
    errors: Sequence[object] = ended.exceptions if isinstance(ended, ExceptionGroup) else (ended,)
    lost = next((one for one in errors if isinstance(one, NoQuorum)), None)
    reached = lost is None and not (isinstance(ended, Watched) and ended.without_majority)
    mode: Told = {"mode": standing(app.house.lately().current.stores, reached=reached).mode}
    return mode | {"alone": lost.alone} if lost is not None and lost.alone else mode


async def _put_aside(app: App, raw: object, headers: Mapping[str, str] | None, bad: Sequence[Unreadable]) -> Outcome:
    """Park what nobody can read, once all that could be read is done; where there is no room for it, the platform is to keep it."""
    body = parked(raw, headers, bad) if app.parking is not None else None
    if app.parking is not None and body is not None:
        try:
            await app.parking.send(body)
            return Outcome(answer=Answer.ACK)
        except Transient:
            pass  # then the platform keeps it, as it does without a parking queue
    named = tuple(one.delivery for one in bad if one.delivery is not None)
    return Outcome(answer=Answer.PARK, text="; ".join(reasons(bad)), unread=named if len(named) == len(bad) else ())


def alarms(told: Told) -> dict[str, int]:
    """Count what a person has to see to although the call is done: events put aside, desks that could not be told, levers refused."""
    return {metric: len(told[name]) for name, metric in ALARMING.items() if told.get(name)}


def told(done: object) -> Told:
    """Put what a use case gave back into a few words for the log."""
    if isinstance(done, Report):
        return _report(done)
    if is_dataclass(done) and not isinstance(done, type):
        return {one.name: _plain(getattr(done, one.name)) for one in fields(done)}
    return {}


def _plain(value: object) -> object:
    return [told(one) if isinstance(one, Report) else one for one in value] if isinstance(value, tuple) else value


def _report(done: Report) -> Told:
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
    carried = [{"on": _target(step.setting), "level": step.verified.level, "missing": step.verified.missing} for step in done.carried]
    stages = {name: round(seconds * 1000, 1) for name, seconds in done.stages.items()}
    down = [name for name, state in done.plan.links.items() if state.drain]
    return {
        "began": done.began.isoformat(),
        "epoch": done.plan.epoch,
        "agreed": done.agreed,
        "drained": down,
        "steps": steps,
        "carried": carried,
        "stages_ms": stages,
        "hints_lost": list(done.hints_lost),
        "settled": done.settled,
        "error": done.again,
        "by_hand": list(done.by_hand),
        "untold": list(done.untold),
        "doubts": list(done.doubts),
        "done_alone": list(done.alone),
        "repaired": list(done.repaired),
        "audited": list(done.audited),
        "windows": list(done.windows),
        "unread": list(done.unread),
    }


def _target(setting: object) -> str:
    return str(getattr(setting, "link", None) or getattr(setting, "flow", ""))
