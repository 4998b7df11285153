"""Effect is proved from what a router chose and announces: every way of not being steered is named."""

import pytest

from pointsman.adapters.gcp.policies import AVOID_MED, RANK_MED
from pointsman.adapters.gcp.proof import missing_exports, missing_imports, within
from pointsman.core.fabric import Fabric
from pointsman.core.steering import PrefixStance, Stance

AVOIDED = AVOID_MED + RANK_MED
PREFIX = "10.216.0.0/20"


def stances(how: Stance, prefix: str = PREFIX) -> tuple[PrefixStance, ...]:
    return (PrefixStance(prefix=prefix, stance=how),)


@pytest.mark.parametrize(
    ("how", "told", "proved"),
    [
        (Stance.AVOID, (PREFIX, 100), False),
        (Stance.AVOID, (PREFIX, AVOIDED), True),
        (Stance.DROP, (PREFIX, AVOIDED), False),
        (Stance.DROP, ("10.216.1.0/24", 100), False),
        (Stance.DROP, ("10.217.0.0/16", 100), True),
        (Stance.ATTRACT, (PREFIX, 100), True),
        (Stance.ATTRACT, (PREFIX, AVOIDED), False),
    ],
)
def test_what_aws_is_told_proves_or_disproves_an_export(how: Stance, told: tuple[str, int], *, proved: bool) -> None:
    missing = missing_exports({"aws-a": (told,)}, stances(how))
    assert (missing == "") is proved
    assert proved or (told[0] in missing and "aws-a" in missing)


def test_a_prefix_that_is_no_longer_listed_must_not_be_told_as_one_to_avoid() -> None:
    assert "attract" in missing_exports({"aws-a": ((PREFIX, AVOIDED),)}, ())


@pytest.mark.parametrize(
    ("how", "best", "proved"),
    [
        (Stance.AVOID, ("10.20.0.0/16", 100, "169.254.1.2"), False),
        (Stance.AVOID, ("10.20.0.0/16", 100, "169.254.2.2"), True),
        (Stance.DROP, ("10.20.7.0/24", 100, "169.254.1.2"), False),
        (Stance.ATTRACT, ("10.20.0.0/16", 100, "169.254.1.2"), True),
        (Stance.ATTRACT, ("10.20.0.0/16", AVOIDED, "169.254.1.2"), False),
    ],
)
def test_the_best_routes_prove_or_disprove_an_import(fabric: Fabric, how: Stance, best: tuple[str, int, str], *, proved: bool) -> None:
    status = {"bestRoutes": [{"destRange": best[0], "priority": best[1], "nextHopIp": best[2]}]}
    assert (missing_imports(fabric.link("ix-a"), status, stances(how, "10.20.0.0/16")) == "") is proved


@pytest.mark.parametrize(
    ("prefix", "wide"), [("", "10.0.0.0/8"), ("x", "10.0.0.0/8"), ("::/0", "10.0.0.0/8"), ("10.0.0.1/8", "10.0.0.0/8")]
)
def test_what_is_no_prefix_of_the_kind_lies_nowhere(prefix: str, wide: str) -> None:
    assert not within(prefix, wide)
