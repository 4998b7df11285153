"""``pointsman demo``: the main job on real processes, told as it happens and measured."""

import json
import platform as machine
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from pointsman.adapters.files import load
from pointsman.core.errors import ConfigError
from pointsman.testing.checks import Check, checks
from pointsman.testing.platform import Platform
from pointsman.testing.processes import ProcessError
from pointsman.testing.scaled import scaled
from pointsman.testing.stage import Stage
from pointsman.testing.story import BGP_HORIZON, STAGES, Scene, Story, StoryFailed

FACTOR = 40.0
"""How much faster than declared every timer runs, so that hold-downs pass in seconds."""
SWEEP = timedelta(seconds=4)
WATCH = (2.0, 18.0)
"""Seconds between looks, seconds that one call lasts."""
WATCH_AGAIN = timedelta(seconds=20)
OPERATION_SECONDS = 0.5
"""How long a mutation of a Cloud Router takes on the twin, before it is scaled too."""


def demo(*, output: Path | None, root: Path | None) -> None:
    """Break links on a model of the network and watch the functions of both clouds react."""
    console = Console(highlight=False)
    here = _root(root)
    fabric = scaled(load(str(here / "docs" / "fabrics" / "demo.yaml")), FACTOR)
    begun = time.monotonic()  # noqa: TID251 - the demo times itself
    try:
        with tempfile.TemporaryDirectory(prefix="pointsman-demo-") as folder:
            stage = Stage(root=here, folder=Path(folder), fabric=fabric, watch_seconds=WATCH, operation_seconds=OPERATION_SECONDS / FACTOR)
            with (
                stage,
                Platform(
                    stage=stage, sweep_every=SWEEP, watch_every=WATCH_AGAIN, probe_refresh=fabric.policy.freshness.look / 2
                ) as platform,
            ):
                _introduce(console, stage)
                story = Story(stage, platform, lambda text: _say(console, begun, text))
                _play(story)
                _say(console, begun, "checking what must hold")
                found = checks(stage, len(story.scenes))
    except (ProcessError, StoryFailed) as error:
        raise ConfigError(f"the demo stopped: {error}") from error
    _show(console, story.scenes, found)
    took = time.monotonic() - begun  # noqa: TID251
    console.print(f"{took:.0f} s in all, timers scaled down by {FACTOR:.0f}")
    if output is not None:
        output.write_text(json.dumps(_document(story.scenes, found, stage, took), indent=2) + "\n")
    if not all(one.holds for one in found):
        raise typer.Exit(1)


def _root(given: Path | None) -> Path:
    """Find the checkout. Raises ``ConfigError``."""
    for one in (given, Path.cwd(), Path(__file__).resolve().parents[3]):
        if one is not None and (one / "functions").is_dir() and (one / "docs" / "fabrics" / "demo.yaml").is_file():
            return one.resolve()
    raise ConfigError("the demo needs a checkout with functions/ and docs/fabrics/demo.yaml: run it there, or name it with --root")


def _introduce(console: Console, stage: Stage) -> None:
    cast = stage.cast
    console.print("[bold]pointsman demo[/]: real processes on loopback, no cloud is touched")
    console.print(f"  functions   4 on AWS under {cast.runtime}, 4 on Google Cloud under the functions-framework")
    console.print(f"  stores      DynamoDB (moto), {cast.firestore}, S3 witness (moto)")
    console.print(f"  queues      SQS (moto), {cast.pubsub}")
    console.print("  network     a model of both clouds' routing behind AWS's and Google's HTTP interfaces")
    console.print(f"  timers      scaled down by {FACTOR:.0f}: hold-down {stage.fabric.policy.hold_down.total_seconds():.0f} s")


def _play(story: Story) -> None:
    story.steady()
    story.grey()
    story.cut()
    story.without_dynamodb()
    story.without_google()
    story.without_aws()


def _say(console: Console, begun: float, text: str) -> None:
    console.print(f"[dim]{time.monotonic() - begun:6.1f} s[/]  {text}")  # noqa: TID251


def _show(console: Console, scenes: list[Scene], found: tuple[Check, ...]) -> None:
    table = Table(title="milliseconds from the fault", title_justify="left")
    table.add_column("scene", overflow="fold", max_width=30)
    for stage in STAGES:
        table.add_column(stage, justify="right")
    for scene in scenes:
        table.add_row(scene.title, *(f"{scene.times[stage]:.0f}" if stage in scene.times else "-" for stage in STAGES))
    console.print(table)
    console.print(_placed(scenes))
    for scene in scenes:
        console.print(f"  {scene.ticket}" + "".join(f"\n    {note}" for note in scene.notes))
    for one in found:
        console.print(f"{'[green]holds[/]' if one.holds else '[red]BROKEN[/]'}  {one.name}: {one.found}")


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
        table.add_row(scene.title, flows, busy, lost, alone, f"{scene.times['back after heal'] / 1000:.1f} s")
    return table


def _document(scenes: list[Scene], found: tuple[Check, ...], stage: Stage, took: float) -> dict[str, Any]:
    return {
        "factor": FACTOR,
        "seconds": round(took, 1),
        "python": machine.python_version(),
        "cast": vars(stage.cast),
        "scenes": [vars(scene) for scene in scenes],
        "invariants": [vars(one) for one in found],
    }
