"""The compiled form: the same fabric, the same bytes, and nothing heavy needed to load it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.adapters.files import BadFabric, CannotRead, check, check_text, compile_fabric, load
from pointsman.core.errors import ConfigError
from tests.fabric.written import ATLAS, EXAMPLES, checked, edited

NAMES = sorted(path.name for path in EXAMPLES.glob("*.yaml"))


def compiled(tmp_path: Path, name: str) -> Path:
    made = tmp_path / "fabric.json"
    made.write_bytes(compile_fabric(str(EXAMPLES / name)))
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_compiled_fabric_is_the_declared_one(tmp_path: Path, name: str) -> None:
    declared = load(str(EXAMPLES / name))
    again = load(str(compiled(tmp_path, name)))
    assert again == declared
    assert again.hash == declared.hash


@pytest.mark.parametrize("name", NAMES)
def test_compiling_twice_gives_the_same_bytes_also_from_the_compiled_form(tmp_path: Path, name: str) -> None:
    made = compiled(tmp_path, name)
    assert compile_fabric(str(made)) == compile_fabric(str(EXAMPLES / name)) == made.read_bytes()


def test_the_hash_says_what_is_declared_not_how_it_is_written() -> None:
    fabric = checked(ATLAS).fabric
    spaced = checked(edited(("capacity: 10Gbps", "capacity:   '10000Mbps' # ten"), ("hold: 60s,", "hold: 1m,"))).fabric
    other = checked(edited(("capacity: 10Gbps", "capacity: 11Gbps"))).fabric
    assert fabric
    assert spaced
    assert other
    assert fabric.hash == spaced.hash != other.hash


def test_the_hash_of_the_reference_fabric_is_the_same_in_every_process() -> None:
    script = f"from pointsman.adapters.files import load; print(load({str(EXAMPLES / 'atlas.yaml')!r}).hash)"
    seen = {
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, env={"PYTHONHASHSEED": seed}, text=True).stdout
        for seed in ("1", "2")
    }
    assert seen == {f"{load(str(EXAMPLES / 'atlas.yaml')).hash}\n"}


def test_the_compiled_form_has_no_places_and_resolved_units(tmp_path: Path) -> None:
    data = json.loads(compiled(tmp_path, "atlas.yaml").read_bytes())
    assert "line" not in json.dumps(data)
    link = data["links"][0]
    assert (link["capacity"], link["timers"]["hold"], link["mode"]) == (10_000_000_000, "PT60S", "auto")


def test_loading_a_compiled_fabric_imports_neither_yaml_nor_pydantic(tmp_path: Path) -> None:
    script = (
        "import sys; from pointsman.adapters.files import load\n"
        f"load({str(compiled(tmp_path, 'atlas.yaml'))!r})\n"
        "print([name for name in ('yaml', 'pydantic', 'typer', 'rich', 'boto3', 'google.auth') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert answer.stdout == "[]\n"


def test_a_compiled_fabric_of_another_version_says_to_compile_again(tmp_path: Path) -> None:
    made = compiled(tmp_path, "atlas.yaml")
    made.write_bytes(made.read_bytes().replace(b'"cost_per_gb"', b'"cost_per_kg"'))
    with pytest.raises(ConfigError, match="compile it again from its YAML"):
        load(str(made))
    (finding,) = check(str(made)).findings
    assert "not a compiled fabric of this version" in finding.text


def test_a_compiled_fabric_is_checked_as_accepted(tmp_path: Path) -> None:
    assert check(str(compiled(tmp_path, "atlas.yaml"))).notes == check(str(EXAMPLES / "atlas.yaml")).notes


def test_a_declared_fabric_may_be_written_as_json() -> None:
    report = check_text(b'{"version": 1, "fabric": "atlas", "name": 3}', "f.json")
    assert [finding.path for finding in report.findings][:2] == ["sites", "links"] or report.findings


def test_loading_a_bad_fabric_raises_every_finding_as_a_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(edited(("hold: 60s,", "hold: 60,"), ("169.254.2.2", "169.254.1.2")))
    with pytest.raises(BadFabric) as caught:
        load(str(bad))
    lines = str(caught.value).splitlines()
    assert [line.removeprefix(f"{bad}:").split(": ")[0] for line in lines] == ["27:20", "44:118"]
    assert isinstance(caught.value, ConfigError)


@pytest.mark.parametrize(("path", "why"), [("nowhere.yaml", "no such file"), (".", "a directory"), ("a\x00b", "not a path")])
def test_a_file_that_cannot_be_read_is_named(path: str, why: str) -> None:
    with pytest.raises(CannotRead, match=why):
        load(path)
