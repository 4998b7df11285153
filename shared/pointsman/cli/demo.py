"""``pointsman demo``: the main job on real processes, told as it happens and measured."""

import json
import os
import platform as machine
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from pointsman.adapters.files import CannotWrite, load
from pointsman.adapters.files.disk import write
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Fabric
from pointsman.core.modes import standing
from pointsman.core.values import replace
from pointsman.testing.checks import Check, checks
from pointsman.testing.pace import start_of_functions
from pointsman.testing.platform import Platform
from pointsman.testing.processes import ProcessError
from pointsman.testing.scaled import STARTS, SWEEP, Scale, scale_for, scaled
from pointsman.testing.stage import FUNCTIONS, Cast, Stage
from pointsman.testing.story import BGP_HORIZON, STAGES, Scene, Story, StoryFailed

WATCH = (2.0, 18.0)
"""Seconds between looks, seconds that one call lasts."""
WATCH_AGAIN = timedelta(seconds=20)
OPERATION_SECONDS = 0.5
"""How long a mutation of a Cloud Router takes on the twin, before it is scaled too."""


def demo(*, output: Path | None, root: Path | None) -> None:
    """Break links on a model of the network and watch the functions of both clouds react."""
    here = _root(root)
    if output is not None:
        _must_take(output)
    try:
        play = _played(here)
    except (ProcessError, StoryFailed) as error:
        raise ConfigError(f"the demo stopped: {error}") from error
    except KeyboardInterrupt:
        typer.echo("pointsman: the demo was stopped by Ctrl-C; nothing that it started is left running", err=True)
        raise
    _show(play)
    if output is not None:
        write(str(output), (json.dumps(_document(play), indent=2) + "\n").encode())
    if not all(one.holds for one in play.found):
        raise typer.Exit(1)


@dataclass(frozen=True, kw_only=True)
class _Play:
    """One run of the story: on what machine, who played, what came of it."""

    start: timedelta
    scale: Scale
    cast: Cast
    story: Story
    found: tuple[Check, ...]
    seconds: float

    @property
    def fell_behind(self) -> bool:
        """Say whether functions took longer to come back than the timers were scaled for."""
        return self.story.slowest > STARTS * self.start


def _played(here: Path) -> _Play:
    begun = time.monotonic()  # noqa: TID251 - the demo times itself
    declared = load(str(here / "docs" / "fabrics" / "demo.yaml"))
    start = start_of_functions(here, FUNCTIONS)
    scale = scale_for(declared.policy.hold_down, start)
    fabric = _undamped(scaled(declared, scale))
    with tempfile.TemporaryDirectory(prefix="pointsman-demo-") as folder:
        stage = Stage(
            root=here, folder=Path(folder), fabric=fabric, watch_seconds=WATCH, operation_seconds=OPERATION_SECONDS / scale.factor
        )
        with stage, Platform(stage=stage, sweep_every=SWEEP, watch_every=WATCH_AGAIN, probe_refresh=scale.fresh / 2) as platform:
            _introduce(stage, scale, start)
            story = Story(stage, platform, lambda text: _say(begun, text))
            _tell(story)
            _say(begun, "checking what must hold")
            found = checks(stage, len(story.scenes), story.rest())
            took = time.monotonic() - begun  # noqa: TID251
            return _Play(start=start, scale=scale, cast=stage.cast, story=story, found=found, seconds=took)


def _undamped(fabric: Fabric) -> Fabric:
    """Let damping be reckoned and not held to: one link fails five times within what would be an hour."""
    policy = fabric.policy
    return replace(fabric, policy=replace(policy, damping=replace(policy.damping, observe=True)))


def _must_take(output: Path) -> None:
    """See before anything is started that the file can be written in the end. Raises ``CannotWrite``."""
    if output.is_dir():
        raise CannotWrite(f"{output}: cannot write the file (it is a directory); name a file in it")
    if not output.parent.is_dir():
        raise CannotWrite(
            f"{output}: cannot write the file (there is no directory {output.parent}); make it, or choose another place with --json"
        )
    if not os.access(output if output.exists() else output.parent, os.W_OK) or not os.access(output.parent, os.W_OK):
        raise CannotWrite(f"{output}: cannot write the file (permission denied); choose another place with --json")


@cache
def _console() -> Console:
    return Console(highlight=False)


def _root(given: Path | None) -> Path:
    """Find the checkout. Raises ``ConfigError``."""
    for one in (given, Path.cwd(), Path(__file__).resolve().parents[3]):
        if one is not None and (one / "functions").is_dir() and (one / "docs" / "fabrics" / "demo.yaml").is_file():
            return one.resolve()
    raise ConfigError("the demo needs a checkout with functions/ and docs/fabrics/demo.yaml: run it there, or name it with --root")


def _introduce(stage: Stage, scale: Scale, start: timedelta) -> None:
    cast, hold_down = stage.cast, stage.fabric.policy.hold_down.total_seconds()
    mode = standing(stage.fabric.stores)
    _console().print("[bold]pointsman demo[/]: real processes on loopback, no cloud is touched")
    _console().print(f"  functions   4 on AWS under {cast.runtime}, 4 on Google Cloud under the functions-framework")
    _console().print(f"  stores      DynamoDB (moto), {cast.firestore}, S3 witness (moto)")
    _console().print(f"  mode        {mode.text}")
    _console().print(f"  queues      SQS (moto), {cast.pubsub}")
    _console().print("  network     a model of both clouds' routing behind AWS's and Google's HTTP interfaces")
    _console().print(
        f"  timers      scaled down by {scale.factor:.0f}: hold-down {hold_down:.0f} s; four functions take {start.total_seconds():.1f} s to start here"
    )
    _console().print("  damping     observed only, since one link fails five times within what would be an hour")


def _tell(story: Story) -> None:
    story.steady()
    story.grey()
    story.cut()
    story.without_dynamodb()
    story.without_google()
    story.without_aws()


def _say(begun: float, text: str) -> None:
    _console().print(f"[dim]{time.monotonic() - begun:6.1f} s[/]  {text}")  # noqa: TID251


def _show(play: _Play) -> None:
    scenes = play.story.scenes
    _console().print(_timed(scenes))
    _console().print(_placed(scenes))
    for scene in scenes:
        _console().print(f"  {scene.ticket}" + "".join(f"\n    {note}" for note in scene.notes))
    for one in play.found:
        _console().print(f"{'[green]holds[/]' if one.holds else '[red]BROKEN[/]'}  {one.name}: {one.found}")
    if play.fell_behind:
        _console().print(
            f"functions took {play.story.slowest.total_seconds():.1f} s to come back, and the timers were scaled for {STARTS} x "
            f"{play.start.total_seconds():.1f} s: this machine became busier meanwhile, so what broke may be its doing; run the demo again"
        )
    _console().print(f"{play.seconds:.0f} s in all, timers scaled down by {play.scale.factor:.0f}")


def _timed(scenes: list[Scene]) -> Table:
    table = Table(title="milliseconds from the fault", title_justify="left")
    table.add_column("")
    for scene in scenes:
        table.add_column(scene.name, justify="right")
    for stage in STAGES:
        table.add_row(stage, *(f"{scene.times[stage]:.0f}" if stage in scene.times else "-" for scene in scenes))
    return table


def _placed(scenes: list[Scene]) -> Table:
    table = Table(
        title=f"where the flows went, and seconds of loss per flow: ours, and BGP alone in the same model (watched for {BGP_HORIZON:.0f} s)",
        title_justify="left",
    )
    for column in ("scene", "flows", "busiest links", "lost", "BGP alone", "back after heal"):
        table.add_column(column, overflow="fold")
    for scene in scenes:
        flows = ", ".join(f"{name} on {'+'.join(one['to_gcp'])}" for name, one in scene.flows.items())
        busy = ", ".join(f"{name} {used:.0%}" for name, used in scene.links.items() if used > 0)
        lost = ", ".join(f"{name} {seconds:.2f}" for name, seconds in scene.lost.items())
        alone = ", ".join(f"{name} {seconds:.2f}" for name, seconds in scene.alone.items())
        table.add_row(scene.name, flows, busy, lost, alone, f"{scene.times['back after heal'] / 1000:.1f} s")
    return table


def _document(play: _Play) -> dict[str, Any]:
    return {
        "factor": play.scale.factor,
        "start_seconds": round(play.start.total_seconds(), 2),
        "slowest_start_seconds": round(play.story.slowest.total_seconds(), 2),
        "fell_behind": play.fell_behind,
        "seconds": round(play.seconds, 1),
        "python": machine.python_version(),
        "cast": vars(play.cast),
        "scenes": [vars(scene) for scene in play.story.scenes],
        "invariants": [vars(one) for one in play.found],
    }
