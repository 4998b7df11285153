"""What tests of the loop share."""

import pytest

from pointsman.service import fastpath


@pytest.fixture
def normal_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shut the fast path, so that a reaction takes the normal one."""
    monkeypatch.setattr(fastpath, "CLAUSES", {"never": lambda _: False})
