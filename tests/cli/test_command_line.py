"""What is wrong on a command line is told in one line with exit code 2, before any store is asked."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pointsman.adapters import files
from pointsman.adapters.files.compiled import write_compiled
from tests.cli.commands import pointsman
from tests.core.scene import ATLAS

WHO = ("--author", "operator", "--reason", "fibre works")
BUNDLES = Path(__file__).resolve().parents[1] / "bundles"
ALSO = ("--to", "2026-11-25T08:00Z", *WHO)


def one_line(cwd: Path, *arguments: str) -> str:
    (cwd / "fabric.json").write_bytes(write_compiled(ATLAS))
    done = pointsman(*arguments, cwd=cwd)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr


@pytest.mark.parametrize("span", ["-2h", "0s", "soon", "2", "d", "-1d", "1e3h", "\x1b[31m"])
@pytest.mark.parametrize("command", [("history", "--since"), ("drain", "ix-a", *WHO, "--for"), ("freeze", *WHO, "--for")], ids="-".join)
def test_a_span_that_is_none_says_how_to_write_one(command: tuple[str, ...], span: str, tmp_path: Path) -> None:
    said = one_line(tmp_path, command[0], "fabric.json", *command[1:-1], f"{command[-1]}={span}")
    assert "write it like 90s, 30m, 2h or 3d" in said
    assert "\x1b" not in said


def test_a_span_of_centuries_is_refused(tmp_path: Path) -> None:
    assert "longer than 3660 days" in one_line(tmp_path, "history", "fabric.json", "--since", "999999d")


@pytest.mark.parametrize(
    ("time", "says"), [("soon", "is not a time: write it like"), ("2026-11-25T04:00", "names no zone"), ("\x07", "is not a time")]
)
def test_a_time_that_is_none_says_how_to_write_one(time: str, says: str, tmp_path: Path) -> None:
    said = one_line(tmp_path, "window", "add", "fabric.json", "ix-a", "--from", time, *ALSO)
    assert says in said
    assert "\x07" not in said


def test_a_bundle_and_a_directory_of_them_are_not_replayed_together(tmp_path: Path) -> None:
    both = "name either a bundle, or a directory of bundles with --corpus"
    assert both in one_line(tmp_path, "replay")
    assert both in one_line(tmp_path, "replay", "a.json", "--corpus", ".")


def test_a_corpus_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert one_line(tmp_path, "replay", "--corpus", "none") == "pointsman: none: there is no such directory; check the path\n"


def test_a_corpus_that_cannot_be_looked_into_is_the_users_to_mend(tmp_path: Path) -> None:
    said = one_line(tmp_path, "replay", "--corpus", "x" * 300)
    assert "cannot look into this directory (File name too long); check the path and its permissions" in said


def test_a_path_that_leads_round_in_a_circle_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "round.svg").symlink_to("round.svg")
    said = one_line(tmp_path, "check", "fabric.json", "--plot", "round.svg")
    assert said == "pointsman: round.svg: cannot write the file (Too many levels of symbolic links); choose another place\n"


@pytest.mark.parametrize("words", [("check", "fabric.json", "--plot"), ("whatif", "fabric.json", "--fail", "ix-a", "--plot")])
def test_standard_output_is_no_place_for_what_goes_beside_it(words: tuple[str, ...], tmp_path: Path) -> None:
    assert one_line(tmp_path, *words, "-") == "pointsman: -: this is not written to standard output, which has the rest; name a file\n"
    assert not (tmp_path / "-").exists()


def test_files_of_two_writers_are_whole_and_nothing_of_either_is_left(tmp_path: Path) -> None:
    path, texts = tmp_path / "out.json", (b"a" * 1_000_000, b"b" * 1_000_000)
    with ThreadPoolExecutor(4) as writers:
        for done in [writers.submit(files.write, str(path), text) for text in texts * 40]:
            done.result()
            assert path.read_bytes() in texts
    assert [one.name for one in tmp_path.iterdir()] == ["out.json"]
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(_touched(tmp_path / "plain").stat().st_mode)


def _touched(path: Path) -> Path:
    path.write_text("")
    return path


def test_what_is_written_goes_through_a_link_and_into_a_pipe_and_never_through_a_strangers_draft(tmp_path: Path) -> None:
    private, linked, pipe = tmp_path / "private.txt", tmp_path / "linked.json", tmp_path / "pipe"
    private.write_text("mine")
    (tmp_path / ".out.json.draft").symlink_to(private)
    linked.symlink_to(tmp_path / "there.json")
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    (tmp_path / "fabric.json").write_bytes(write_compiled(ATLAS))
    for name in ("out.json", "linked.json", "pipe"):
        done = pointsman("compile", "fabric.json", "-o", name, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert (private.read_text(), (tmp_path / "out.json").is_symlink()) == ("mine", False)
    assert linked.is_symlink()
    assert (tmp_path / "there.json").read_bytes() == (tmp_path / "out.json").read_bytes() == os.read(reading, 1 << 20)
    assert pipe.is_fifo()
    os.close(reading)


def test_files_whose_names_are_no_text_are_read_and_told_escaped(tmp_path: Path) -> None:
    fabric, bundle = tmp_path / "odd\udcff.json", tmp_path / "corpus" / "odd\udcff.json"
    bundle.parent.mkdir()
    fabric.write_bytes(write_compiled(ATLAS))
    bundle.write_bytes((BUNDLES / "cut.json").read_bytes())
    for arguments in (("check", str(fabric)), ("replay", str(bundle)), ("replay", "--corpus", str(bundle.parent))):
        done = pointsman(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, ""), done
        assert r"odd\\udcff.json" in done.stdout
    assert r"none\udcff.json: there is no such file" in pointsman("check", "none\udcff.json", "--json").stderr
