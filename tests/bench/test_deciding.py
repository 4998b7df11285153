"""The bench's large fabric is one in which a lost link moves flows, and its figures have the shape that the document tells."""

import cProfile
import pstats
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.core import placement
from pointsman.core.analysis import Analysis, Failure
from pointsman.core.fabric import Fabric
from pointsman.testing.bench import deciding
from pointsman.testing.bench.deciding import FLOWS, LARGE, fabric


def test_the_curve_goes_up_to_a_thousand_flows() -> None:
    assert (FLOWS[0], FLOWS[-1]) == (10, 1_000)
    assert LARGE in FLOWS


def test_a_failure_in_the_large_fabric_moves_flows_and_leaves_every_one_a_path() -> None:
    start = fabric(100)
    after = Analysis(start).after(Failure(name="l00", links=(start.links[0].name,)))
    assert after.moves
    assert not after.unplaced


@pytest.mark.parametrize("timed", [deciding._decisions, deciding._foreseen])
def test_every_decision_that_is_timed_places_the_flows_anew(timed: Callable[[Fabric], object], monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[object] = []
    work = placement._placed

    def counted(question: Any, memo: Any) -> Any:
        placed.append(question)
        return work(question, memo)

    monkeypatch.setattr(placement, "_placed", counted)
    timed(fabric(30))
    assert len(placed) >= deciding.REPEATED


def test_every_figure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "FLOWS", (10, 20))
    monkeypatch.setattr(deciding, "LARGE", 20)
    monkeypatch.setattr(deciding, "REPEATED", 1)
    found: dict[str, Any] = deciding.deciding(doubles=False)
    assert [one["flows"] for one in found["curve"]] == [10, 20]
    assert all(one["median_ms"] > 0 for one in found["curve"])
    assert set(found) == {"links", "curve", "foreseen_ms", "n_1_s"}


def test_what_overfills_a_link_is_not_worked_out_for_every_link_beside_the_lost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "FLOWS", (10,))
    monkeypatch.setattr(deciding, "LARGE", 10)
    monkeypatch.setattr(deciding, "REPEATED", 1)
    profile = cProfile.Profile()
    profile.runcall(deciding.deciding, doubles=False)
    calls = {name: count for (_, _, name), (count, *_) in pstats.Stats(profile).stats.items()}  # type: ignore[attr-defined]
    assert calls["judge"] < 10
    assert calls["placed_losses"] < deciding.LINKS // 2
