"""``pointsman record`` and ``replay`` as a user runs them."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from pointsman.adapters.files.compiled import write_compiled
from pointsman.cli.replay import DIFFERENCES_TOLD, Replayed, _data, lines
from pointsman.core.bundles import Kept, read, sealed, written
from pointsman.core.fabric import Mode
from pointsman.core.replaying import replay
from pointsman.core.values import canonical, digest, replace
from pointsman.testing.processes import clean_environment
from tests.cli.commands import SCRIPT, pointsman
from tests.cli.test_explain_command import run, told_in
from tests.core.scene import ATLAS

CORPUS = Path(__file__).resolve().parents[1] / "bundles"
GREY = CORPUS / "grey.json"


def undecidable() -> bytes:
    """Make a bundle that is whole, and whose flow is on a link that its fabric lacks."""
    bundle = read((CORPUS / "cut.json").read_bytes())
    entry = bundle.entries[1].entry
    flows = {name: replace(one, link="gone") for name, one in entry.before.flows.items()}
    entry = replace(entry, before=replace(entry.before, flows=flows))
    kept = Kept(digest=digest(canonical(entry)), entry=entry)
    return written(sealed(replace(bundle, entries=(kept,), words=(), register=None)))


def test_an_incident_is_recorded_and_replayed_and_what_is_no_incident_is_refused(tmp_path: Path) -> None:
    told_in(tmp_path)
    file = str(tmp_path / "bundle.json")
    done = run(tmp_path, "record", "ix-a@2", "-o", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{file}: atlas/ix-a@2, 4 decisions, epochs 1 to 4, 4 countersigned\n"
    again = pointsman("replay", file)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.splitlines()[-1] == "all are decided as they were, to the same bytes"
    wrong = run(tmp_path, "record", "ix-z@2", "-o", file)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "write it like atlas/LINK@EPOCH" in wrong.stderr


@pytest.mark.parametrize("options", [["--json"], ["--json", "--against", "docs/fabrics/atlas.yaml"]])
def test_the_same_bundle_gives_the_same_bytes_whatever_the_hash_seed(options: list[str]) -> None:
    def told(seed: str) -> bytes:
        argv = [*SCRIPT, "replay", str(GREY), *options]
        env = clean_environment({"PYTHONHASHSEED": seed})
        return subprocess.run(argv, env=env, cwd=CORPUS.parents[1], capture_output=True, check=False, timeout=60).stdout

    first = told("1")
    assert json.loads(first)["decisions"]
    assert told("77") == first


def test_another_fabric_tells_what_would_have_been_different_and_exits_1(tmp_path: Path) -> None:
    told_in(tmp_path)
    file, other = str(tmp_path / "bundle.json"), tmp_path / "other.json"
    assert run(tmp_path, "record", "atlas/ix-a@2", "-o", file).returncode == 0
    other.write_bytes(write_compiled(replace(ATLAS, links=tuple(replace(link, mode=Mode.OBSERVE) for link in ATLAS.links))))
    done = pointsman("replay", file, "--against", str(other))
    assert (done.returncode, done.stderr) == (1, "")
    assert "ix-a: drain was" in done.stdout
    assert "here: ix-a up -> down; incident atlas/ix-a@2 opened" in done.stdout


def test_the_text_of_very_many_differences_is_cut_and_counted_and_json_has_every_one() -> None:
    decided = replay(read(GREY.read_bytes()))
    many = tuple(f"flow-{number}: link was ix-a, is ix-b" for number in range(DIFFERENCES_TOLD + 5))
    one = Replayed(file="grey.json", replay=replace(decided, decisions=(replace(decided.decisions[0], same=False, differences=many),)))
    told = [text.strip() for text in lines(one) if "flow-" in text or "more" in text]
    assert told == [*many[:DIFFERENCES_TOLD], "and 5 more: --json has them all"]
    assert tuple(_data(one)["decisions"][0]["differences"]) == many


def test_what_is_altered_newer_or_not_there_is_one_line_and_2(tmp_path: Path) -> None:
    altered = tmp_path / "altered.json"
    altered.write_bytes(GREY.read_bytes().replace(b'"ix-a@4"', b'"ix-a@5"').replace(b"packets-lost", b"packets-flow", 1))
    newer = tmp_path / "newer.json"
    newer.write_bytes(GREY.read_bytes().replace(b'"version": 1', b'"version": 2', 1))
    for path, says in ((altered, "altered"), (newer, "newer version"), (tmp_path / "none.json", "no such file")):
        done = pointsman("replay", str(path))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert says in done.stderr


def test_a_corpus_is_a_table_with_the_worst_exit_code(tmp_path: Path) -> None:
    whole = pointsman("replay", "--corpus", str(CORPUS))
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.splitlines()[-1] == "5 same, 0 different, 0 unreadable"
    shutil.copy(GREY, tmp_path)
    (tmp_path / "broken.json").write_text("{}")
    mixed = pointsman("replay", "--corpus", str(tmp_path), "--json")
    assert mixed.returncode == 2
    assert [one["same"] for one in json.loads(mixed.stdout)] == [False, True]
    (tmp_path / "empty").mkdir()
    assert pointsman("replay", "--corpus", str(tmp_path / "empty")).returncode == 2


def test_a_bundle_that_this_version_cannot_decide_is_named_and_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(undecidable())
    shutil.copy(GREY, tmp_path)
    whole = pointsman("replay", "--corpus", str(tmp_path))
    assert (whole.returncode, whole.stderr) == (2, "")
    bad, good, total = whole.stdout.splitlines()
    assert bad.startswith("bad.json   unreadable  this version cannot decide it (KeyError: 'gone'); try the one that recorded it")
    assert (good.startswith("grey.json  same"), total) == (True, "1 same, 0 different, 1 unreadable")
    alone = pointsman("replay", str(tmp_path / "bad.json"))
    assert (alone.returncode, alone.stdout, alone.stderr.count("\n")) == (2, "", 1)
    assert alone.stderr.startswith(f"pointsman: {tmp_path / 'bad.json'}: this version cannot decide it")


def test_a_bundle_that_cannot_be_read_or_decided_is_json_too_where_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(undecidable())
    (tmp_path / "broken.json").write_text("{}")
    for name, says in (("bad", "cannot decide it"), ("broken", "not a bundle"), ("none", "no such file")):
        path = str(tmp_path / f"{name}.json")
        done = pointsman("replay", path, "--json")
        told = json.loads(done.stdout)
        assert (done.returncode, done.stderr, told["file"], told["same"], told["decisions"]) == (2, "", path, False, [])
        assert says in told["trouble"]


def test_another_fabric_that_could_not_have_been_adopted_is_the_trouble_of_that_bundle(tmp_path: Path) -> None:
    bundle = read(GREY.read_bytes())
    late = replace(bundle, entries=bundle.entries[3:], words=())
    (tmp_path / "late.json").write_bytes(written(sealed(late)))
    shutil.copy(CORPUS / "cut.json", tmp_path)
    (fabric,) = bundle.fabrics.values()
    flows = tuple(replace(flow, prefer=tuple(name for name in flow.prefer if name != "ix-a")) for flow in fabric.flows)
    other = tmp_path / "other" / "fabric.json"
    other.parent.mkdir()
    other.write_bytes(write_compiled(replace(fabric, links=tuple(link for link in fabric.links if link.name != "ix-a"), flows=flows)))
    done = pointsman("replay", "--corpus", str(tmp_path), "--against", str(other))
    cut, refused, total = done.stdout.splitlines()
    assert (done.returncode, done.stderr, "different" in cut) == (2, "", True)
    assert "ix-a is drained or has an incident that is not over: keep it in the fabric until it is" in refused
    assert total == "0 same, 1 different, 1 unreadable"
