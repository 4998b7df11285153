"""Stand-ins for cloud services as real processes on free loopback ports: Google's own emulators, and moto for AWS.

Google's emulators come with its SDK and need Java. They are looked for beside ``gcloud``, in the SDK's usual places,
and where POINTSMAN_EMULATORS points (the SDK's ``platform`` folder, or any folder that holds the two jars).
"""

import argparse
import os
import re
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import urllib3

from pointsman.core.errors import ConfigError
from pointsman.core.values import Frozen
from pointsman.testing.disks import available_disk
from pointsman.testing.processes import Child, ProcessError

LOOPBACK = "127.0.0.1"
_JVM = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.language=en")
"""An emulator lives for minutes: the optimising compiler and a concurrent collector would take more of a small machine than they give."""
READY_LIMIT = timedelta(seconds=120)
"""How long an emulator may take to come up: a Java start on a busy machine."""
START_TRIES = 3
"""Another program may take a free port between finding and using it: so often a new one is tried."""
RESET_LIMIT = timedelta(seconds=30)

_PLACES = (
    "/usr/lib/google-cloud-sdk",
    "/usr/lib64/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/opt/homebrew/share/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
    "~/google-cloud-sdk",
)
_FIRESTORE_JARS = ("cloud-firestore-emulator.jar", "cloud-firestore-emulator/cloud-firestore-emulator.jar")
_FIRESTORE_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_FIRESTORE_SAYS = rf"API endpoint: http://{re.escape(LOOPBACK)}:"
_PUBSUB_JARS = ("cloud-pubsub-emulator-*.jar", "pubsub-emulator/lib/cloud-pubsub-emulator-*.jar")
_PUBSUB_MAIN = "com.google.cloud.pubsub.testing.v1.Main"
_PUBSUB_SAYS = "Server started, listening on "
_TAKEN = "already in use"


class Emulator(Frozen):
    """A running emulator. ``address`` is host:port, as FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST want it."""

    name: str
    address: str
    pid: int

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{self.address}"

    def reset_moto(self) -> None:
        """Forget everything moto holds. Raises ProcessError."""
        self._ask("POST", "/moto-api/reset")

    def reset_firestore(self, project: str, database: str = "(default)") -> None:
        """Forget one Firestore database's documents. Raises ProcessError."""
        self._ask("DELETE", f"/emulator/v1/projects/{project}/databases/{database}/documents")

    def _ask(self, method: str, path: str) -> None:
        reply = urllib3.request(method, f"{self.url}{path}", timeout=RESET_LIMIT.total_seconds(), retries=False)
        if reply.status >= 300:
            raise ProcessError(f"{self.name} answered {reply.status} to {method} {path}; look whether it is the emulator meant")


def available_firestore() -> str | None:
    """Say why the Firestore emulator cannot run here; None when it can."""
    return _why_not("Firestore", _FIRESTORE_JARS)


def available_pubsub() -> str | None:
    """Say why the Pub/Sub emulator cannot run here; None when it can."""
    return _why_not("Pub/Sub", _PUBSUB_JARS)


def available_moto() -> str | None:
    """Say why moto's server cannot run here; None when it can."""
    try:
        import moto.server  # noqa: F401, PLC0415 - the question is whether it can be imported
    except ImportError as error:
        return f"moto[server] is not installed ({error.name} is missing): install pointsman[demo]"
    return None


@contextmanager
def firestore() -> Iterator[Emulator]:
    """Run Google's Firestore emulator. Raises ConfigError when it is not installed, ProcessError when it does not come up."""
    _require(available_firestore())
    with _google("firestore", _FIRESTORE_JARS, _FIRESTORE_MAIN, _FIRESTORE_SAYS) as emulator:
        yield emulator


@contextmanager
def pubsub() -> Iterator[Emulator]:
    """Run Google's Pub/Sub emulator. Raises ConfigError when it is not installed, ProcessError when it does not come up."""
    _require(available_pubsub())
    with _google("pubsub", _PUBSUB_JARS, _PUBSUB_MAIN, _PUBSUB_SAYS) as emulator:
        yield emulator


@contextmanager
def moto() -> Iterator[Emulator]:
    """Run moto's server with one request at a time, so that conditional writes are atomic. Raises ConfigError, ProcessError."""
    _require(available_moto())
    child = Child("moto", [sys.executable, "-m", "pointsman.testing.emulators", "--moto"])
    try:
        address = child.wait_line(r"moto listens on ([\d.]+:\d+)", READY_LIMIT).group(1)
        yield Emulator(name="moto", address=address, pid=child.pid)
    finally:
        child.stop()


def free_port() -> int:
    """Find a loopback port that nobody uses now (another program may take it at once)."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


@contextmanager
def _google(name: str, jars: Iterable[str], main: str, says: str) -> Iterator[Emulator]:
    """Run one of them; ``says`` begins its own word that it listens, which its port ends."""
    jar, java = _jar(jars), _java()
    assert jar is not None, "its absence was reported"
    assert java is not None, "its absence was reported"
    child, port = _started(name, [java, *_JVM, "-cp", str(jar), main, f"--host={LOOPBACK}"], says)
    try:
        yield Emulator(name=name, address=f"{LOOPBACK}:{port}", pid=child.pid)
    finally:
        child.kill()  # they hold nothing worth a goodbye, and their own takes a second


def _started(name: str, argv: list[str], says: str) -> tuple[Child, int]:
    for attempt in range(1, START_TRIES + 1):
        port = free_port()
        child = Child(name, [*argv, f"--port={port}"])
        try:
            _await_word(child, says, port)
        except BaseException as error:
            taken = any(_TAKEN in line for line in child.output())
            child.kill()
            if not (taken and isinstance(error, ProcessError) and attempt < START_TRIES):
                raise
        else:
            return child, port
    raise AssertionError("the last try returns or raises")


def _await_word(child: Child, says: str, port: int) -> None:
    """Wait for an emulator's own word, then for its answer: on a port taken meanwhile somebody else answers. Raises ProcessError."""
    word = child.wait_line(rf"{_TAKEN}|{says}{port}\b", READY_LIMIT).group()
    if word == _TAKEN:
        raise ProcessError(f"{child.name}: port {port} is {_TAKEN}: stop the program that took it, or start again")
    child.wait_http(f"http://{LOOPBACK}:{port}/", READY_LIMIT)


def _require(missing: str | None) -> None:
    if missing:
        raise ConfigError(missing)


def _why_not(service: str, jars: Iterable[str]) -> str | None:
    if _jar(jars) is None:
        return (
            f"Google's {service} emulator was not found: install it with the Google Cloud SDK, "
            "or let POINTSMAN_EMULATORS name the folder of its jar"
        )
    if _java() is None:
        return f"Google's {service} emulator needs Java: install a Java runtime (17 or newer)"
    return None


def _java() -> str | None:
    home = _setting("JAVA_HOME")
    return shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")


def _jar(patterns: Iterable[str]) -> Path | None:
    found = (jar for folder in _folders() for pattern in patterns for jar in sorted(folder.glob(pattern), reverse=True))
    return next(found, None)


def _folders() -> Iterator[Path]:
    """Walk the folders where a jar may be, the user's own word first."""
    if told := _setting("POINTSMAN_EMULATORS"):
        yield Path(told).expanduser()
    if gcloud := shutil.which("gcloud"):
        yield Path(gcloud).resolve().parent.parent / "platform"
    yield from (Path(place).expanduser() / "platform" for place in _PLACES)


def _setting(name: str) -> str | None:
    return os.environ.get(name)  # noqa: TID251 - where a machine keeps its tools is said by its environment


def serve_moto(port: int) -> None:
    """Serve moto on loopback until SIGTERM, one request at a time and connections kept; prints the address that was bound (port 0: any free one)."""
    from pointsman.testing.aws.motoserver import Moto  # noqa: PLC0415 - in the server's process only
    from pointsman.testing.faces.front import Front  # noqa: PLC0415

    moto = Moto()
    moto.reset()  # loads it
    front, over = Front(moto.answer, port), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    front.start()
    sys.stdout.write(f"moto listens on {front.url.removeprefix('http://')}\n")
    sys.stdout.flush()
    over.wait()


def say_missing() -> int:
    """Say on standard error why each emulator that cannot run here cannot, nor a disk that fills up be had; 1 when anything is missing, else 0."""
    missing = [why for why in (available_firestore(), available_pubsub(), available_moto(), available_disk()) if why]
    sys.stderr.writelines(f"{why}\n" for why in missing)
    return 1 if missing else 0


def _main() -> int:
    parser = argparse.ArgumentParser(description="Serve an emulator on loopback, or say which cannot run here.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--moto", action="store_true", help="serve AWS services by moto")
    what.add_argument(
        "--missing",
        action="store_true",
        help="say which emulators cannot run here, and whether no disk that fills up can be had; exit 1 if anything is missing",
    )
    parser.add_argument("--port", type=int, default=0)
    asked = parser.parse_args()
    if asked.moto:
        serve_moto(asked.port)
        return 0
    return say_missing()


if __name__ == "__main__":
    sys.exit(_main())
