"""X-Ray tracing of calls, only where the settings ask for it: Powertools' tracer is loaded at the first call, or never."""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pointsman.boot.app import App
from pointsman.boot.once import Once
from pointsman.core.errors import ConfigError
from pointsman.entry.calls import Told, Watcher

if TYPE_CHECKING:
    from aws_lambda_powertools.tracing import Tracer


def tracing(name: str) -> Watcher:
    """Give what traces the calls of a function. It raises ``ConfigError`` when tracing is asked for and its package is missing."""
    tracer = Once(lambda: _tracer(name))

    @contextmanager
    def watch(app: App) -> Iterator[Callable[[Told], None]]:
        if not app.settings.trace:
            yield lambda _: None
            return
        with tracer().provider.in_subsegment(name=f"## {name}"):
            yield lambda told: _annotate(tracer(), told)

    return watch


def _tracer(name: str) -> "Tracer":
    if importlib.util.find_spec("aws_xray_sdk") is None:
        raise ConfigError(
            "POINTSMAN_TRACE is on and aws-xray-sdk is missing: add aws-lambda-powertools[tracer] to the package, or unset it"
        )
    from aws_lambda_powertools.tracing import Tracer  # noqa: PLC0415 - it costs a start what only a traced one should pay

    return Tracer(service=f"pointsman-{name}", auto_patch=False)


def _annotate(tracer: "Tracer", told: Told) -> None:
    """Make traces findable by outcome and epoch. The stages are not calls of this thread, so they go in as figures."""
    for key in ("outcome", "epoch", "agreed"):
        if key in told:
            tracer.put_annotation(key, told[key])
    tracer.put_metadata("stages_ms", told.get("stages_ms", {}))
