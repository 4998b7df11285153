"""What was measured, as the document that is printed: each figure with its ratio to the plain handler's, and the bars."""

from collections.abc import Mapping
from typing import Any

from pointsman.core.fabric import Cloud
from pointsman.core.values import Frozen
from pointsman.testing.bench.deciding import LARGE
from pointsman.testing.bench.figures import Bar, median, middle, percentile, ratio, spread, told
from pointsman.testing.bench.loading import BASELINE, BOTO3
from pointsman.testing.bench.warm import Warm

MEMORY = 150 * 1024 * 1024
"""The most memory that a function may ever hold, in bytes."""
IMPORT_LIMITS = {Cloud.AWS: 2.0, Cloud.GCP: 1.6}
COLD_LIMITS = {Cloud.AWS: 2.0, Cloud.GCP: 2.5}
P50_LIMIT, P99_LIMIT = 8.0, 25.0
"""Conditional writes that a warm reaction may take, whether it waits until its plan is agreed or not."""
DECIDE_LIMIT, N_1_LIMIT, N_2_LIMIT = 50.0, 3.0, 90.0
GROWTH_LIMIT = 2.0
"""How much dearer a flow may be among ten times as many."""


class Size(Frozen):
    """How much is measured: events per cloud, fresh processes of each, imports of each, deliveries, events per cloud and store gone."""

    warm: int = 200
    cold: int = 10
    imports: int = 9
    burst: int = 2_000
    gone: int = 30
    doubles: bool = True


QUICK = Size(warm=20, cold=3, imports=3, burst=200, gone=5, doubles=False)


class Measured(Frozen):
    """Everything that one run measured: seconds, bytes and counts."""

    size: Size
    cast: Mapping[str, str]
    warm: Warm
    cold: Mapping[str, list[float]]
    operations: Mapping[str, Any]
    memory: Mapping[str, int | None]
    burst: Mapping[str, Any]
    imports: Mapping[str, list[float]]
    deciding: Mapping[str, Any]
    gone: Mapping[str, Any] = {}


def document(found: Measured) -> dict[str, Any]:
    """Tell everything."""
    return {
        "on": dict(found.cast),
        "warm": _warm(found.warm),
        "cold": _cold(found.cold),
        "store_operations": dict(found.operations),
        "one_store_gone": dict(found.gone),
        "peak_rss_mb": _memory(found.memory),
        "burst": dict(found.burst),
        "imports": _imports(found),
        "deciding": dict(found.deciding),
        "bars": told(bars(found)),
    }


def bars(found: Measured) -> list[Bar]:
    """List every bound with the figure that it is for."""
    write = percentile(found.warm.write, 0.5)
    limits = []
    for path, times in (("warm", found.warm.ours), ("warm, agreed first,", found.warm.agreed)):
        for cloud, seconds in times.items():
            for part, limit in ((50, P50_LIMIT), (99, P99_LIMIT)):
                share = ratio(percentile(seconds, part / 100), write)
                limits.append(Bar(name=f"{path} p{part}, {cloud}, of one conditional write", found=share, limit=limit))
    for cloud, limit in COLD_LIMITS.items():
        limits.append(Bar(name=f"cold, {cloud}, of the plain handler", found=_beside(found.cold, cloud.value, "baseline"), limit=limit))
    for cloud, limit in IMPORT_LIMITS.items():
        limits += [
            Bar(name=f"import of {name}, of boto3", found=_beside(found.imports, name, BOTO3), limit=limit) for name in _of(found, cloud)
        ]
    limits += [
        Bar(name=f"peak memory of {name}, in MB", found=None if held is None else round(held / 2**20, 1), limit=MEMORY / 2**20)
        for name, held in found.memory.items()
    ]
    limits.append(Bar(name="events lost in the burst", found=found.burst["events_lost"], limit=0))
    limits.append(Bar(name="stores that do not hold the burst's last word", found=int(not found.burst["record_is_newest"]), limit=0))
    limits.append(Bar(name="open tickets after the burst, off one", found=abs(found.burst["tickets_open"] - 1), limit=0))
    limits.append(Bar(name="epochs beyond one per change of verdict", found=_beyond(found.burst), limit=0))
    return limits + _decided(found.deciding)


def _decided(found: Mapping[str, Any]) -> list[Bar]:
    """Hold the cost of deciding against its bounds; growth is the cost of a flow among the most, of that among a tenth of them."""
    by_flows = {one["flows"]: one["median_ms"] for one in found["curve"]}
    most = max(by_flows)
    growth = ratio(by_flows[most] / 10, by_flows.get(most // 10))
    limits = [
        Bar(name=f"ms to decide among {LARGE} flows", found=by_flows.get(LARGE), limit=DECIDE_LIMIT),
        Bar(name=f"cost of a flow among {most}, of that among {most // 10}", found=growth, limit=GROWTH_LIMIT),
        Bar(name=f"seconds for every single failure of {LARGE} flows", found=found["n_1_s"], limit=N_1_LIMIT),
    ]
    if "n_2_s" in found:
        limits.append(Bar(name=f"seconds for every double failure of {LARGE} flows", found=found["n_2_s"], limit=N_2_LIMIT))
    return limits


def _of(found: Measured, cloud: Cloud) -> list[str]:
    return [name for name in found.imports if name.startswith(f"functions.{cloud}.")]


def _beyond(burst: Mapping[str, Any]) -> int:
    """Count the epochs above two a change of the link: on its way down it is suspect first."""
    return max(0, int(burst["epochs"]) - 2 * int(burst["changes_of_the_link"]))


def _warm(found: Warm) -> dict[str, Any]:
    write, plain = percentile(found.write, 0.5), percentile(found.baseline, 0.5)

    def beside(seconds: list[float]) -> dict[str, Any]:
        return spread(seconds) | {
            "p50_of_write": ratio(percentile(seconds, 0.5), write),
            "p99_of_write": ratio(percentile(seconds, 0.99), write),
            "p50_of_baseline": ratio(percentile(seconds, 0.5), plain),
        }

    return {
        **{cloud.value: beside(seconds) for cloud, seconds in found.ours.items()},
        "agreed_first": {cloud.value: beside(seconds) for cloud, seconds in found.agreed.items()},
        "baseline": spread(found.baseline) | {"p50_of_write": ratio(plain, write)},
        "conditional_write": spread(found.write),
    }


def _cold(found: Mapping[str, list[float]]) -> dict[str, Any]:
    return {name: middle(seconds) | {"of_baseline": _beside(found, name, "baseline")} for name, seconds in found.items()}


def _memory(found: Mapping[str, int | None]) -> dict[str, Any]:
    plain = found.get("baseline")
    return {
        name: {"mb": None if held is None else round(held / 2**20, 1), "of_baseline": ratio(held, plain)}
        for name, held in sorted(found.items())
    }


def _imports(found: Measured) -> dict[str, Any]:
    names = found.imports
    return {
        name: middle(seconds) | {"of_boto3": _beside(names, name, BOTO3), "of_baseline": _beside(names, name, BASELINE)}
        for name, seconds in names.items()
    }


def _beside(found: Mapping[str, list[float]], name: str, other: str) -> float | None:
    return ratio(median(found[name]), median(found[other]))
