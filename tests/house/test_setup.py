"""Setting up needs make and Python alone; uv stands in for the network here."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house.tree import ROOT

UV = f"""#!/bin/sh
[ "$1" = --version ] && exit 0
echo "$@ SSL_CERT_FILE=${{SSL_CERT_FILE-unset}}" >> uv.log
mkdir -p .venv/bin && ln -sf '{sys.executable}' .venv/bin/python
"""
OLD_PYTHON = "#!/bin/sh\nexit 1\n"

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed: install it to test the Makefile")


@dataclass
class Checkout:
    """A checkout with programs of its own in front of the machine's."""

    folder: Path

    def put(self, name: str, script: str) -> None:
        self.folder.joinpath("bin").mkdir(exist_ok=True)
        program = self.folder / "bin" / name
        program.write_text(script)
        program.chmod(0o755)

    def make(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        path = os.pathsep.join([str(self.folder / "bin"), str(Path(sys.executable).parent), os.defpath])
        return subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env={"PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def synced(self) -> list[str]:
        log = self.folder / "uv.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("shared", "functions"):
        (tmp_path / name).mkdir()
    made = Checkout(tmp_path)
    made.put("uv", UV)
    return made


def test_set_up_installs_what_the_lock_names_once(checkout: Checkout) -> None:
    assert checkout.make("setup").returncode == 0
    assert checkout.make("setup").returncode == 0
    (call,) = checkout.synced()
    assert "sync" in call
    assert "--frozen" in call
    assert "--all-extras" in call


def test_a_changed_lock_is_installed(checkout: Checkout) -> None:
    checkout.make("setup")
    stamp = checkout.folder / ".venv" / ".locked"
    os.utime(stamp, (0, 0))
    assert checkout.make("setup").returncode == 0
    assert len(checkout.synced()) == 2


def test_the_certificate_authority_that_pip_knows_is_handed_to_uv(checkout: Checkout) -> None:
    checkout.make("setup", PIP_CERT="/etc/pki/own.pem")
    assert checkout.synced()[0].endswith("SSL_CERT_FILE=/etc/pki/own.pem")


def test_a_certificate_authority_that_uv_was_told_of_stays(checkout: Checkout) -> None:
    checkout.make("setup", PIP_CERT="/etc/pki/pip.pem", SSL_CERT_FILE="/etc/pki/uv.pem")
    assert checkout.synced()[0].endswith("SSL_CERT_FILE=/etc/pki/uv.pem")


def test_without_one_uv_uses_its_own(checkout: Checkout) -> None:
    checkout.make("setup")
    assert checkout.synced()[0].endswith("SSL_CERT_FILE=unset")


@pytest.mark.parametrize("python", ["python-that-is-old", "python-that-is-missing"])
def test_a_python_that_is_too_old_or_missing_is_one_clear_line(checkout: Checkout, python: str) -> None:
    checkout.put("python-that-is-old", OLD_PYTHON)
    done = checkout.make("setup", f"PYTHON={python}")
    ours = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    assert ours == ["pointsman needs Python 3.11 or newer: install it, or run make PYTHON=/path/to/python3"]
    assert checkout.synced() == []


def test_a_bare_make_lists_what_can_be_made_and_installs_nothing(checkout: Checkout) -> None:
    done = checkout.make()
    assert {"setup", "demo", "test", "check", "bench"} <= {line.split()[1] for line in done.stdout.splitlines()}
    assert checkout.synced() == []
