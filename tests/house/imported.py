"""Imports one file as a fresh process does, and prints as JSON what that loaded and did. Run with the file's path."""

import importlib.util
import json
import sys
import sysconfig
import threading
from pathlib import Path
from typing import Any

WATCHED = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.putenv", "urllib.", "sqlite3.")


def main(path: str) -> None:
    done: list[str] = []

    def audit(event: str, _: tuple[Any, ...]) -> None:
        if event.startswith(WATCHED):
            done.append(event)

    sys.addaudithook(audit)
    spec = importlib.util.spec_from_file_location("main", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    told = {"callable": callable(module.handler), "loaded": loaded(), "done": done, "threads": threading.active_count()}
    sys.stdout.write(json.dumps(told))


def loaded() -> list[str]:
    """Name the modules that have a file and are not the standard library's: packages without one hold nothing."""
    ours = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    standard = Path(sysconfig.get_path("stdlib"))
    return sorted(name for name, file in ours.items() if file and _is_foreign(Path(file), standard))


def _is_foreign(file: Path, standard: Path) -> bool:
    return "site-packages" in file.parts or not file.is_relative_to(standard)


if __name__ == "__main__":
    main(sys.argv[1])
