"""The choices of stores that docs/modes.md shows are accepted as they stand, and are the modes it calls them."""

import re
from pathlib import Path

import pytest

from pointsman.adapters import files
from pointsman.core.modes import standing
from tests.fabric.written import EXAMPLES

PAGE = (EXAMPLES.parent / "modes.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```yaml\n(stores: +# (\w+).*?)```", PAGE, re.DOTALL)


def test_every_choice_is_shown() -> None:
    assert [mode for _, mode in SHOWN] == ["quorum", "home", "home"]


@pytest.mark.parametrize(("stores", "mode"), SHOWN)
def test_what_is_shown_is_accepted_and_is_that_mode(tmp_path: Path, stores: str, mode: str) -> None:
    atlas = (EXAMPLES / "atlas.yaml").read_text(encoding="utf-8")
    written = re.sub(r"^stores:\n(?:  .*\n)+", stores.replace("PROJECT", "weft-prod-1"), atlas, flags=re.MULTILINE)
    path = tmp_path / "fabric.yaml"
    path.write_text(written, encoding="utf-8")
    report = files.check(str(path))
    assert report.findings == ()
    assert report.fabric is not None
    assert standing(report.fabric.stores).mode == mode
