"""Fetch uv into a folder with Python's standard library alone: ``fetch_uv.py FOLDER`` leaves ``FOLDER/bin/uv``.

The wheel is the one that ``uv.json`` names for this platform, and is used only when its bytes are the pinned ones. Where it cannot be
fetched, an environment with pip tries, on machines that can make one. The index is UV_DEFAULT_INDEX, UV_INDEX_URL or PIP_INDEX_URL, else PyPI;
the certificates and proxies are those of SSL_CERT_FILE, HTTPS_PROXY and NO_PROXY.
"""

import base64
import hashlib
import io
import json
import os
import platform
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import Request, urlopen

PINS = Path(__file__).with_name("uv.json")
PYPI = "https://pypi.org/simple"
INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
"""The variables that name another index, the first that is set counts."""
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
WAIT_SECONDS = 60
"""How long the index may be silent."""
BYTES_LIMIT = 128 * 1024 * 1024
"""Longest answer that is read: a wheel has some 20 MB."""
OTHERWISE = "install uv yourself (https://docs.astral.sh/uv) or, on Debian and Ubuntu, python3-venv, and run make again"


class NotFetched(Exception):
    """The wheel could not be fetched: another way may do."""


class WrongBytes(Exception):
    """The index gave other bytes than the pinned ones: nothing of it is used."""


def main(folder: Path) -> int:
    """Fetch it, else say in one line what to do; gives the exit code."""
    pins = json.loads(PINS.read_text())
    try:
        try:
            _install(_wheel(pins), folder)
        except NotFetched as error:
            _with_pip(pins, folder, str(error))
    except (NotFetched, WrongBytes, OSError) as error:
        sys.stderr.write(f"uv cannot be fetched: {error}; {OTHERWISE}\n")
        return 1
    return 0


def here() -> str:
    """Name this platform as ``uv.json`` does."""
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine) if system == "linux" else machine
    libc = ("-gnu" if platform.libc_ver()[0] == "glibc" else "-musl") if system == "linux" else ""
    return f"{system}-{machine}{libc}"


def _wheel(pins: dict[str, Any]) -> bytes:
    pin = pins["wheels"].get(here())
    if pin is None:
        raise NotFetched(f"no wheel of it is pinned for {here()}")
    data = _read(_address(pin["file"]))[0]
    found = hashlib.sha256(data).hexdigest()
    if found != pin["sha256"]:
        raise WrongBytes(f"{pin['file']} has SHA-256 {found} at this index and not the pinned {pin['sha256']}: do not trust that index")
    return data


def _index() -> str:
    set_to = next((os.environ[name] for name in INDEXES if os.environ.get(name)), PYPI)
    name, separator, address = set_to.partition("=")
    return address if separator and "/" not in name else set_to


def _address(file: str) -> str:
    """Look the wheel's address up in the index."""
    index = _index()
    page, kind, address = _read(f"{index.rstrip('/')}/uv/", ACCEPT)
    try:
        listed = _of_json(page) if "json" in kind else _of_html(page)
    except (ValueError, KeyError, TypeError) as error:
        raise NotFetched(f"{_shown(index)} gave no list of files that can be read") from error
    if file not in listed:
        raise NotFetched(f"{_shown(index)} does not list {file}")
    return _with_login(urljoin(address, listed[file]), index)


def _of_json(page: bytes) -> dict[str, str]:
    return {one["filename"]: one["url"] for one in json.loads(page)["files"]}


def _of_html(page: bytes) -> dict[str, str]:
    links = _Links()
    links.feed(page.decode())
    return links.found


class _Links(HTMLParser):
    """Collects the files that a page of an index links to, by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a link."""
        target = dict(attrs).get("href")
        if tag == "a" and target:
            self.found[unquote(urlsplit(target).path.rpartition("/")[2])] = target


def _read(address: str, accept: str = "*/*") -> tuple[bytes, str, str]:
    """Give what is there, its content type, and where it was found in the end."""
    headers = {"Accept": accept, "User-Agent": "pointsman-setup"} | _login(address)
    try:
        with urlopen(Request(_bare(address), headers=headers), timeout=WAIT_SECONDS) as answer:  # noqa: S310 - the index is the user's own
            data = answer.read(BYTES_LIMIT + 1)
            kind, found = answer.headers.get("Content-Type") or "", answer.geturl()
    except (OSError, HTTPException, ValueError) as error:
        raise NotFetched(f"{_shown(address)} cannot be read ({_why(error)})") from error
    if len(data) > BYTES_LIMIT:
        raise NotFetched(f"{_shown(address)} gave more than {BYTES_LIMIT} bytes")
    return data, kind, found


def _why(error: Exception) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted here: install ca-certificates, or set SSL_CERT_FILE to your authority's file"
    return text or type(error).__name__


def _login(address: str) -> dict[str, str]:
    parts = urlsplit(address)
    if parts.username is None:
        return {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def _with_login(address: str, index: str) -> str:
    """Give the address of a file the login of its index, on the same machine alone."""
    file, own = urlsplit(address), urlsplit(index)
    if own.username is None or (file.scheme, file.hostname, file.port) != (own.scheme, own.hostname, own.port):
        return address
    return urlunsplit(file._replace(netloc=own.netloc))


def _bare(address: str) -> str:
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _shown(address: str) -> str:
    """Show where without a login, and without what a signed address ends with."""
    return _bare(address).partition("?")[0]


def _install(wheel: bytes, folder: Path) -> None:
    """Put the program in its place in one step."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as opened:
        name = next((one for one in opened.namelist() if one.endswith(".data/scripts/uv")), None)
        if name is None:
            raise WrongBytes("the pinned wheel holds no program")
        program = opened.read(name)
    target = folder / "bin" / "uv"
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name("uv.half")
    half.write_bytes(program)
    half.chmod(0o755)
    half.replace(target)


def _with_pip(pins: dict[str, Any], folder: Path, why: str) -> None:
    """Let pip fetch it, which knows its own settings and authorities; of a platform that is pinned the same bytes alone."""
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian and Ubuntu leave it out
    except ImportError:
        raise NotFetched(why) from None
    pin = pins["wheels"].get(here())
    asked = folder / "uv.txt"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", str(asked)],
    ):
        folder.mkdir(parents=True, exist_ok=True)
        asked.write_text(f"uv=={pins['version']}" + (f" --hash=sha256:{pin['sha256']}" if pin else "") + "\n")
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - both are this interpreter's own
            raise NotFetched(f"{why}, and pip could not either")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
