"""The document holds every figure with its ratio, and every bar with what was found."""

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pointsman.core.fabric import Cloud
from pointsman.core.values import replace
from pointsman.testing.bench import run
from pointsman.testing.bench.cold import BASELINE
from pointsman.testing.bench.document import MEMORY, Measured, Size, bars, document
from pointsman.testing.bench.warm import Warm

FUNCTIONS = [f"functions.{cloud}.link_changed.main" for cloud in Cloud]
STORM = {
    "events": 2000,
    "events_lost": 0,
    "record_is_newest": True,
    "tickets": 1,
    "tickets_open": 1,
    "epochs": 3,
    "changes_of_the_link": 99,
    "quiescent_after_s": 60.0,
    "route_writes": 9,
}


@pytest.fixture
def measured() -> Measured:
    """A run in which every bar holds."""
    return Measured(
        size=Size(),
        cast={"python": "3.11"},
        warm=Warm(
            ours={cloud: [0.016] * 99 + [0.05] for cloud in Cloud},
            baseline=[0.004],
            write=[0.002],
            agreed={cloud: [0.015] for cloud in Cloud},
        ),
        cold={"aws": [0.4], "gcp": [0.5], "baseline": [0.2]},
        operations={cloud.value: {"new fault": {"total": 17}, "duplicate": {"total": 7}} for cloud in Cloud},
        memory={"baseline": 60 * 2**20, "aws-link_changed": 90 * 2**20},
        burst=STORM,
        imports={"boto3": [0.1], "pointsman.testing.bench.baseline": [0.2]} | {name: [0.15] for name in FUNCTIONS},
        deciding={"links": 50, "curve": [{"flows": n, "median_ms": n / 10} for n in (10, 100, 500, 1000)], "n_1_s": 3.0, "n_2_s": 90.0},
    )


def _broken(found: Measured) -> list[str]:
    return [bar.name for bar in bars(found) if not bar.holds]


def test_the_document_is_json_with_these_parts(measured: Measured) -> None:
    told: dict[str, Any] = json.loads(json.dumps(document(measured)))
    assert set(told) == {"on", "warm", "cold", "store_operations", "one_store_gone", "peak_rss_mb", "burst", "imports", "deciding", "bars"}
    assert set(told["warm"]) == {"aws", "gcp", "agreed_first", "baseline", "conditional_write"}
    assert set(told["cold"]) == {"aws", "gcp", "baseline"}


def test_every_figure_has_its_ratio(measured: Measured) -> None:
    told = document(measured)
    assert told["warm"]["aws"] == {
        "count": 100,
        "p50_ms": 16.0,
        "p95_ms": 16.0,
        "p99_ms": 16.0,
        "p50_of_write": 8.0,
        "p99_of_write": 8.0,
        "p50_of_baseline": 4.0,
    }
    assert told["warm"]["agreed_first"]["gcp"]["p50_of_write"] == 7.5
    assert told["cold"]["gcp"]["of_baseline"] == 2.5
    assert told["peak_rss_mb"]["aws-link_changed"] == {"mb": 90.0, "of_baseline": 1.5}
    assert told["imports"][FUNCTIONS[0]]["of_boto3"] == 1.5


def test_every_bar_holds_up_to_its_limit(measured: Measured) -> None:
    assert _broken(measured) == []


def test_each_bar_breaks_by_itself(measured: Measured) -> None:
    slow = replace(measured, warm=Warm(ours={**measured.warm.ours, Cloud.AWS: [0.017]}, baseline=[0.004], write=[0.002]))
    assert _broken(slow) == ["warm p50, aws, of one conditional write"]
    late = replace(
        measured, warm=Warm(ours=measured.warm.ours, baseline=[0.004], write=[0.002], agreed={Cloud.GCP: [0.021] * 99 + [0.06] * 2})
    )
    assert _broken(late) == [f"warm, agreed first, p{part}, gcp, of one conditional write" for part in (50, 99)]
    assert _broken(replace(measured, cold={**measured.cold, "aws": [0.41]})) == ["cold, aws, of the plain handler"]
    assert _broken(replace(measured, memory={"aws-sweep": MEMORY + 2**20})) == ["peak memory of aws-sweep, in MB"]
    assert _broken(replace(measured, memory={"aws-sweep": None})) == ["peak memory of aws-sweep, in MB"]
    assert _broken(replace(measured, burst={**STORM, "events_lost": 1})) == ["events lost in the burst"]
    for tickets in (0, 2):
        assert _broken(replace(measured, burst={**STORM, "tickets_open": tickets})) == ["open tickets after the burst, off one"]
    assert _broken(replace(measured, burst={**STORM, "record_is_newest": False})) == ["stores that do not hold the burst's last word"]
    assert _broken(replace(measured, burst={**STORM, "epochs": 199})) == ["epochs beyond one per change of verdict"]


def test_of_two_findings_of_one_function_the_larger_counts() -> None:
    assert run._larger({"a": 1, "b": None}, {"a": 2, "c": 3}) == {"a": 2, "b": None, "c": 3}


def test_the_plain_handler_is_never_loaded_here_and_finds_its_table() -> None:
    module = BASELINE.rpartition(".")[0]
    assert module not in sys.modules
    source = Path(run.__file__).with_name("baseline.py").read_text()
    named = {
        node.targets[0].id: node.value.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }
    assert named["TABLE"] == run.TABLE
