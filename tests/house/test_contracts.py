"""The import contracts hold, and each of them goes red when it is broken: a check is evidence only then."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import PACKAGE, ROOT, imports, name_of, sources

CONTRACTS = [one["name"] for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]]
VIOLATIONS = {
    "Arrows point down": ("core/errors.py", "import pointsman.quorum.rows\nimport pointsman.ports.stores"),
    "Adapters do not know each other": ("adapters/s3/store.py", "import pointsman.adapters.aws.clients"),
    "Core, quorum, ports and wire are pure": ("wire/times.py", "def late() -> None:\n    import threading"),
    "The AWS SDK is spoken in adapters.aws and adapters.s3": ("service/sweep.py", "import botocore"),
    "Google's SDK is spoken in adapters.gcp": ("adapters/desks/pagerduty.py", "def late() -> None:\n    import google.auth"),
    "The cipher is loaded in adapters.ciphers": ("adapters/s3/store.py", "def late() -> None:\n    import cryptography"),
    "Powertools live in entry.aws": ("entry/gcp/__init__.py", "import aws_lambda_powertools"),
    "The functions-framework's request is read in entry.gcp": ("entry/aws/__init__.py", "from flask import Request"),
    "YAML and pydantic read the declared fabric, and nothing in a reaction": ("boot/settings.py", "import pydantic"),
    "Typer and rich are the command line's": ("adapters/files/notes.py", "import rich"),
    "Only the demo and the bench run the twin": ("boot/app.py", "import pointsman.testing.virtual"),
    "The network model and its events know nothing of what they judge": ("testing/network/sessions.py", "import pointsman.core.fabric"),
}


class Copy:
    """A copy of the package under its contracts."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "shared" / "pointsman"
        self._folder = folder
        shutil.copytree(PACKAGE, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)

    def check(self) -> tuple[int, str]:
        """Check the contracts; gives the exit code and the report."""
        tool = Path(sys.executable).with_name("lint-imports")
        env = {"PATH": os.defpath, "PYTHONPATH": str(self.package.parent), "COLUMNS": "200"}
        done = subprocess.run([tool, "--no-cache"], cwd=self._folder, env=env, capture_output=True, text=True, check=False, timeout=100)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("house"))


def test_every_contract_holds(copy: Copy) -> None:
    code, report = copy.check()
    assert code == 0, report
    assert [name for name in CONTRACTS if f"{name} KEPT" not in report] == []


def test_every_contract_has_a_violation_to_be_tried_with() -> None:
    assert sorted(VIOLATIONS) == sorted(CONTRACTS)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_violating_line_turns_its_contract_red(copy: Copy, contract: str) -> None:
    name, line = VIOLATIONS[contract]
    file = copy.package / name
    kept = file.read_text()
    file.write_text(f"{kept}\n\n{line}\n")
    try:
        code, report = copy.check()
    finally:
        file.write_text(kept)
    assert code != 0
    assert f"{contract} BROKEN" in report, report


def test_a_package_that_nobody_placed_turns_the_arrows_red(copy: Copy) -> None:
    stray = copy.package / "stray"
    stray.mkdir()
    (stray / "__init__.py").touch()
    try:
        code, report = copy.check()
    finally:
        shutil.rmtree(stray)
    assert code != 0
    assert "stray" in report


def test_the_twin_is_imported_by_the_demo_and_the_bench_alone() -> None:
    users = {path for path in sources("shared") if any(name.startswith("pointsman.testing") for name in imports(path))}
    outside = [name_of(path) for path in users if not path.is_relative_to(PACKAGE / "testing")]
    assert [name for name in outside if not name.startswith(("shared/pointsman/cli/demo", "shared/pointsman/cli/bench"))] == []
