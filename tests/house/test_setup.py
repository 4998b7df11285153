"""Setting up needs make and Python alone; a uv of our own and an index on loopback stand in for the network."""

import base64
import hashlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOT

UV = f"""#!/bin/sh
[ "$1" = --version ] && exit 0
echo "$@ SSL_CERT_FILE=${{SSL_CERT_FILE-unset}}" >> uv.log
mkdir -p .venv/bin && ln -sf '{sys.executable}' .venv/bin/python
"""
NO_UV = "#!/bin/sh\nexit 1\n"
VERSION = "7.7.7"
WHEEL = f"uv-{VERSION}-py3-none-any.whl"
PLATFORMS = ("linux-x86_64-gnu", "linux-x86_64-musl", "linux-aarch64-gnu", "linux-aarch64-musl", "darwin-arm64", "darwin-x86_64")
OTHERWISE = "install uv yourself (https://docs.astral.sh/uv) or, on Debian and Ubuntu, python3-venv, and run make again"
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
    shutil.copytree(ROOT / "infra" / "setup", tmp_path / "infra" / "setup")
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


def wheel(program: str = UV) -> bytes:
    """Make a wheel whose program is a script."""
    info = f"uv-{VERSION}.dist-info"
    files = {
        f"uv-{VERSION}.data/scripts/uv": program,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: uv\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o100755 if name.endswith("/scripts/uv") else 0o100644) << 16
            packed.writestr(entry, text)
    return data.getvalue()


@dataclass
class Index:
    """A package index on loopback: of JSON or of HTML, behind a login, or for pip's eyes only."""

    wheel: bytes
    html: bool = False
    login: str = ""
    pip_only: bool = False
    files: tuple[str, ...] = (WHEEL,)
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def address(self, login: str = "") -> str:
        return f"http://{login and login + '@'}127.0.0.1:{self.port}/simple/"

    def answer(self, path: str, headers: Any) -> tuple[int, str, bytes]:
        self.asked.append(path)
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}" if self.login else None
        if headers.get("Authorization") != wanted:
            return 401, "text/plain", b""
        if self.pip_only and not headers.get("User-Agent", "").startswith("pip/"):
            return 403, "text/plain", b""
        if path == f"/files/{WHEEL}":
            return 200, "application/octet-stream", self.wheel
        if path != "/simple/uv/":
            return 404, "text/plain", b""
        if self.html or self.pip_only:
            return 200, "text/html", "".join(f'<a href="../../files/{one}">{one}</a>' for one in self.files).encode()
        listed = {"meta": {"api-version": "1.0"}, "files": [{"filename": one, "url": f"../../files/{one}"} for one in self.files]}
        return 200, "application/vnd.pypi.simple.v1+json", json.dumps(listed).encode()


@pytest.fixture
def index() -> Iterator[Index]:
    serving = Index(wheel())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, body = serving.answer(self.path, self.headers)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield serving
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bare(checkout: Checkout, index: Index) -> Checkout:
    """A checkout on a machine without uv, and with a Python that has no ensurepip, as Debian and Ubuntu ship it."""
    checkout.put("uv", NO_UV)
    pin(checkout, index.wheel)
    hiding = checkout.folder / "hidden"
    hiding.mkdir()
    hiding.joinpath("ensurepip.py").write_text('raise ImportError("this Python has none")\n')
    return checkout


def pin(checkout: Checkout, data: bytes, platforms: tuple[str, ...] = PLATFORMS) -> None:
    one = {"file": WHEEL, "sha256": hashlib.sha256(data).hexdigest()}
    pins = {"version": VERSION, "wheels": dict.fromkeys(platforms, one)}
    (checkout.folder / "infra/setup/uv.json").write_text(json.dumps(pins))


def set_up(checkout: Checkout, address: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return checkout.make("setup", **{"UV_INDEX_URL": address, "PYTHONPATH": str(checkout.folder / "hidden"), **environment})


def complaint(done: "subprocess.CompletedProcess[str]") -> str:
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    return line


@pytest.mark.parametrize("html", [False, True])
def test_without_uv_and_without_pip_it_is_fetched_once(bare: Checkout, index: Index, *, html: bool) -> None:
    index.html = html
    done = set_up(bare, index.address())
    assert (done.returncode, done.stderr) == (0, "")
    assert len(bare.synced()) == 1
    (bare.folder / ".venv" / ".locked").unlink()
    assert set_up(bare, index.address()).returncode == 0
    assert len(bare.synced()) == 2
    assert index.asked == ["/simple/uv/", f"/files/{WHEEL}"]


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "PIP_INDEX_URL"])
def test_the_index_that_uv_or_pip_is_told_of_is_asked(bare: Checkout, index: Index, name: str) -> None:
    assert set_up(bare, "", **{name: index.address()}).returncode == 0
    assert len(index.asked) == 2


def test_an_index_behind_a_login_is_asked_with_it_and_the_login_is_told_nobody(bare: Checkout, index: Index) -> None:
    index.login = "me:hunter2"
    assert set_up(bare, index.address("me:hunter2")).returncode == 0
    index.login = "me:another"
    shutil.rmtree(bare.folder / ".uv")
    (bare.folder / ".venv" / ".locked").unlink()
    said = complaint(set_up(bare, index.address("me:hunter2")))
    assert "401" in said
    assert "hunter2" not in said


def test_other_bytes_than_the_pinned_ones_are_not_used(bare: Checkout, index: Index) -> None:
    wanted = hashlib.sha256(index.wheel).hexdigest()
    index.wheel = wheel(UV + "# and more\n")
    found = hashlib.sha256(index.wheel).hexdigest()
    said = complaint(set_up(bare, index.address()))
    assert said == (
        f"uv cannot be fetched: {WHEEL} has SHA-256 {found} at this index and not the pinned {wanted}: do not trust that index; {OTHERWISE}"
    )
    assert (bare.synced(), (bare.folder / ".uv").exists()) == ([], False)


def test_other_bytes_are_not_fetched_with_pip_either(bare: Checkout, index: Index) -> None:
    index.wheel = wheel(UV + "# and more\n")
    (bare.folder / "hidden" / "ensurepip.py").unlink()
    assert "do not trust that index" in complaint(set_up(bare, index.address()))
    assert index.asked == ["/simple/uv/", f"/files/{WHEEL}"]


def test_a_platform_without_a_pinned_wheel_is_one_clear_line(bare: Checkout, index: Index) -> None:
    pin(bare, index.wheel, ("plan9-mips",))
    said = complaint(set_up(bare, index.address()))
    assert said.startswith("uv cannot be fetched: no wheel of it is pinned for ")
    assert said.endswith(OTHERWISE)
    assert index.asked == []


def test_a_machine_that_reaches_no_index_is_one_clear_line(bare: Checkout, index: Index) -> None:
    said = complaint(set_up(bare, "http://127.0.0.1:1/simple"))
    assert said.startswith("uv cannot be fetched: http://127.0.0.1:1/simple/uv/ cannot be read (")
    assert said.endswith(OTHERWISE)
    assert index.asked == []


def test_an_index_that_does_not_list_it_is_one_clear_line(bare: Checkout, index: Index) -> None:
    index.files = ("uv-1.0.tar.gz",)
    assert f"{index.address()} does not list {WHEEL}" in complaint(set_up(bare, index.address()))


@pytest.mark.skipif(not importlib.util.find_spec("ensurepip"), reason="Python has no ensurepip: install python3-venv to test pip's way")
def test_where_the_index_answers_pip_alone_pip_fetches_the_pinned_bytes(bare: Checkout, index: Index) -> None:
    index.pip_only = True
    (bare.folder / "hidden" / "ensurepip.py").unlink()
    done = set_up(bare, "", PIP_INDEX_URL=index.address(), PIP_CONFIG_FILE=os.devnull)
    assert (done.returncode, len(bare.synced())) == (0, 1), done.stderr
    shutil.rmtree(bare.folder / ".uv")
    (bare.folder / ".venv" / ".locked").unlink()
    index.wheel = wheel(UV + "# and more\n")
    refused = set_up(bare, "", PIP_INDEX_URL=index.address(), PIP_CONFIG_FILE=os.devnull, PIP_NO_CACHE_DIR="1")
    assert (refused.returncode, len(bare.synced())) == (2, 1)
    assert "and pip could not either" in refused.stderr


def test_every_platform_that_is_promised_has_its_pin() -> None:
    pins = json.loads((ROOT / "infra/setup/uv.json").read_text())
    assert set(pins["wheels"]) == set(PLATFORMS)
    for one in pins["wheels"].values():
        assert one["file"].startswith(f"uv-{pins['version']}-")
        assert len(bytes.fromhex(one["sha256"])) == hashlib.sha256().digest_size


@pytest.mark.parametrize(
    ("given", "end"), [("", "all --jobs 1 --json"), ("FAULTS=crash", "crash --jobs 1 --json"), ("JSON=", "all --jobs 1")]
)
def test_schedules_are_played_as_promised_and_told_as_json_unless_words_are_asked_for(checkout: Checkout, given: str, end: str) -> None:
    done = checkout.make("-n", "simulate", "SEEDS=7", "SEED=3", *([given] if given else []))
    (command,) = [" ".join(line.split(" -m ")[1].split()) for line in done.stdout.splitlines() if "testing.simulate" in line]
    assert command == f"pointsman.testing.simulate --level system --seeds 7 --first 3 --faults {end}"
