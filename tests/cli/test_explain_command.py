"""``pointsman explain`` and ``history`` as a user runs them, on a table in one file."""

import json
import subprocess
from pathlib import Path

from pointsman.adapters.files.compiled import write_compiled
from pointsman.core.fabric import Stores
from pointsman.core.values import replace
from pointsman.testing.processes import clean_environment
from tests.cli.commands import SCRIPT
from tests.cli.test_adopt_command import CLOSED, SERVICES
from tests.cli.test_verify_command import in_file


def run(tmp_path: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = {"POINTSMAN_ENDPOINTS": json.dumps(dict.fromkeys(SERVICES, CLOSED)), "AWS_EC2_METADATA_DISABLED": "true"}
    command, *rest = arguments
    argv = [*SCRIPT, command, str(tmp_path / "fabric.json"), *rest]
    return subprocess.run(argv, env=clean_environment(environment | more), capture_output=True, text=True, timeout=60, check=False)


def told_in(tmp_path: Path) -> None:
    fabric, _, _ = in_file(tmp_path)
    (tmp_path / "fabric.json").write_bytes(write_compiled(fabric))


def test_a_link_is_explained_in_words_and_an_unknown_one_is_one_line_with_the_nearest(tmp_path: Path) -> None:
    told_in(tmp_path)
    done = run(tmp_path, "explain", "ix-a", "--epoch", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "because both probes lose packets over this link (epoch 2, 2026-11-20T12:00:11Z, decided by gcp)" in done.stdout
    assert "not ix-a: drained" in done.stdout
    wrong = run(tmp_path, "explain", "ix-aa")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr == 'pointsman: fabric atlas has no link, flow or incident "ix-aa"; did you mean "ix-a"?\n'


def test_everything_is_explained_as_json_and_history_ends_in_words(tmp_path: Path) -> None:
    told_in(tmp_path)
    done = run(tmp_path, "explain", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["epoch"], [one["link"] for one in told["links"]]) == (0, 4, ["ix-a", "ix-b", "ix-c", "vpn"])
    past = run(tmp_path, "history", "--since", "3000d", "--limit", "2")
    assert (past.returncode, past.stderr) == (0, "")
    assert past.stdout.splitlines()[-1] == "back to epoch 3 of 4: older decisions were not asked for"


def test_stores_that_cannot_be_read_are_one_line_and_2(tmp_path: Path) -> None:
    fabric, _, _ = in_file(tmp_path)
    (tmp_path / "fabric.json").write_bytes(write_compiled(replace(fabric, stores=Stores(aws="dynamodb://us-east-1/nowhere"))))
    for command in ("explain", "history"):
        done = run(tmp_path, command)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert "no majority of the stores answers" in done.stderr


def test_a_link_or_span_that_is_none_is_one_line_and_2(tmp_path: Path) -> None:
    told_in(tmp_path)
    assert 'has no link "ix-z"' in run(tmp_path, "history", "--link", "ix-z").stderr
    done = run(tmp_path, "history", "--since", "yesterday")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert '--since "yesterday"' in done.stderr


def test_what_failures_count_for_is_shown_and_drawn_and_where_none_counts_that_is_one_line(tmp_path: Path) -> None:
    told_in(tmp_path)
    drawn, page = tmp_path / "penalty.svg", tmp_path / "incident.html"
    done = run(tmp_path, "explain", "atlas/ix-a@2", "--plot", str(drawn), "--page", str(page))
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 failure charged, half of it gone every 900 s; not damped" in done.stdout
    assert drawn.read_text().startswith("<svg ")
    assert drawn.read_text() in page.read_text()
    lost = run(tmp_path, "explain", "ix-a", "--page", str(tmp_path / "nowhere" / "page.html"))
    assert (lost.returncode, lost.stdout, lost.stderr.count("\n")) == (2, "", 1)
    none = run(tmp_path, "explain", "ix-b", "--plot", str(tmp_path / "none.svg"))
    assert (none.returncode, none.stdout, none.stderr.count("\n")) == (1, "", 1)
    assert "nothing to draw" in none.stderr
