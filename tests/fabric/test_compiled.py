"""The compiled form: the same fabric, the same bytes, and nothing heavy needed to load it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.files import BadFabric, CannotRead, check, check_text, compile_fabric, load
from pointsman.boot.artefact import fabrics
from pointsman.boot.settings import Settings
from pointsman.core.errors import ConfigError
from tests.fabric.written import ATLAS, EXAMPLES, checked, edited

NAMES = sorted(path.name for path in EXAMPLES.glob("*.yaml"))


def compiled(tmp_path: Path, name: str) -> Path:
    made = tmp_path / "fabric.json"
    made.write_bytes(compile_fabric(str(EXAMPLES / name)))
    return made


BY_HAND: dict[str, Callable[[Any], object]] = {
    "a preferred link that is not there": lambda data: data["flows"][0]["prefer"].append("nolink"),
    "a site that is not there": lambda data: data["links"][0].update(aws_site="nosite"),
    "swapped sites": lambda data: data["links"][0].update(aws_site="gcp-use4", gcp_site="aws-use1"),
    "a negative capacity": lambda data: data["links"][0].update(capacity=-5),
    "no capacity": lambda data: data["links"][0].update(capacity=0),
    "a prefix that is none": lambda data: data["flows"][0]["prefixes"].update({"aws-use1": ["hello"]}),
    "no links": lambda data: data.update(links=[]),
    "a doubled link": lambda data: data["links"].append(data["links"][0]),
    "a store that is none": lambda data: data["stores"].update(aws="mysql://x"),
    "no members": lambda data: data["links"][0].update(members=[]),
    "another seal": lambda data: data.update(seal="0" * 32),
}

OTHERS: tuple[Any, ...] = (None, True, -1, 0, 1e308, 10**30, "", "x", "PT1S", "\u0000", [], {})


def by_hand(tmp_path: Path, change: Callable[[Any], object]) -> Path:
    made = compiled(tmp_path, "atlas.yaml")
    data = json.loads(made.read_bytes())
    change(data)
    made.write_text(json.dumps(data))
    return made


def scalars(data: Any) -> Iterator[tuple[Any, str | int]]:
    for key, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
        if isinstance(value, dict | list):
            yield from scalars(value)
        else:
            yield data, key


@pytest.mark.parametrize("what", BY_HAND)
def test_a_compiled_fabric_that_was_changed_by_hand_is_refused_wherever_it_is_read(tmp_path: Path, what: str) -> None:
    made = by_hand(tmp_path, BY_HAND[what])
    says = r"fabric\.json: was changed after 'pointsman compile' wrote it.*; change the YAML and compile it again"
    for read in (load, compile_fabric, lambda path: fabrics(Settings(fabric=path))):
        with pytest.raises(ConfigError, match=says):
            read(str(made))
    report = check(str(made))
    assert report.fabric is None
    assert [finding.text.partition(" (")[0] for finding in report.findings] == [
        "was changed after 'pointsman compile' wrote it, or written by another version"
    ]


def test_no_change_of_one_value_of_a_compiled_fabric_is_taken() -> None:
    data = json.loads(compile_fabric(str(EXAMPLES / "atlas.yaml")))
    places = list(scalars(data))
    assert len(places) > 150
    for holder, key in places:
        before = holder[key]
        for other in OTHERS:
            if other == before:
                continue
            holder[key] = other
            report = check_text(json.dumps(data).encode(), "fabric.json")
            assert (report.fabric, len(report.findings)) == (None, 1), (key, before, other)
        holder[key] = before


def test_a_compiled_fabric_may_be_laid_out_anew(tmp_path: Path) -> None:
    made = by_hand(tmp_path, lambda data: data.update(policy=data.pop("policy")))
    assert load(str(made)) == load(str(EXAMPLES / "atlas.yaml"))


def test_a_compiled_fabric_without_its_seal_is_of_another_version(tmp_path: Path) -> None:
    made = by_hand(tmp_path, lambda data: data.pop("seal"))
    with pytest.raises(ConfigError, match=r"not a compiled fabric of this version .*seal.*compile it again from its YAML"):
        load(str(made))


@pytest.mark.parametrize("deep", [b"[", b'{"a":'])
def test_what_is_nested_too_deep_is_one_finding(deep: bytes) -> None:
    assert len(check_text(b'{"name":' + deep * 100_000, "fabric.json").findings) == 1


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
