"""Compiled fabrics on disk, and an environment that leads nowhere."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pointsman.adapters.files import load
from pointsman.adapters.files.compiled import write_compiled
from pointsman.core.fabric import Fabric, Stores
from pointsman.core.values import replace
from pointsman.testing.processes import clean_environment
from tests.fabric.written import EXAMPLES

Setting = Callable[..., None]
LIMIT = 30.0


@pytest.fixture
def lite(tmp_path: Path) -> Fabric:
    """The reference fabric with one table in one file."""
    return replace(load(str(EXAMPLES / "atlas.yaml")), stores=Stores(witness=f"sqlite://{tmp_path}/table.sqlite"))


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Setting]:
    """Set a fabric and further variables in an environment that has no other clouds, credentials or settings."""

    def put(fabric: Fabric, **variables: str) -> None:
        (tmp_path / "fabric.json").write_bytes(write_compiled(fabric))
        for name, value in {"POINTSMAN_FABRIC": str(tmp_path / "fabric.json"), **variables}.items():
            monkeypatch.setenv(name, value)

    for name in [one for one in os.environ if one.startswith(("AWS_", "POINTSMAN_", "GOOGLE_"))]:  # noqa: TID251 - emptied for a test
        monkeypatch.delenv(name)
    for name, value in clean_environment().items():
        monkeypatch.setenv(name, value)
    yield put
    for thread in [one for one in threading.enumerate() if one.name == "aws-clients"]:
        thread.join(LIMIT)  # it reads the environment, which is somebody else's from here on
