"""What the table's places let it survive, in words."""

import pytest

from pointsman.core.fabric import Stores
from pointsman.core.modes import Mode, standing

EAST, WEST = "dynamodb://us-east-1/t", "dynamodb://us-west-2/t"
FIRE, R2 = "firestore://weft-prod-1/t", "s3://b?endpoint=https://objects.example.net"
FIRE_5, FIRE_EU = "firestore://weft-prod-1/t?location=nam5", "firestore://weft-prod-1/eu?location=eur3"


@pytest.mark.parametrize(
    ("stores", "mode", "survives", "breaks"),
    [
        (Stores(aws=EAST, gcp=FIRE, witness=R2), Mode.QUORUM, "any one of AWS, Google Cloud and objects.example.net", "two of them"),
        (Stores(aws=EAST, gcp=FIRE, witness=WEST), Mode.HOME, "Google Cloud's store, or of one of the two at AWS", "AWS as a whole"),
        (Stores(aws=EAST, gcp=FIRE_5, witness=FIRE_EU), Mode.HOME, "AWS's store", "Google Cloud as a whole"),
        (Stores(aws=EAST), Mode.LITE, "restart", "its only store"),
        (Stores(aws="sqlite:///a", gcp="sqlite:///b", witness="sqlite:///c"), Mode.LITE, "restart", "the loss of this machine"),
        (Stores(aws=EAST, gcp=FIRE), Mode.LITE, "restart", "AWS and Google Cloud"),
    ],
)
def test_a_mode_names_what_it_survives_and_what_not(stores: Stores, mode: Mode, survives: str, breaks: str) -> None:
    said = standing(stores)
    assert said.mode is mode
    assert survives in said.survives
    assert breaks in said.breaks
    assert said.text.startswith(f"{mode}: survives ")


def test_without_a_majority_every_table_stands_alone() -> None:
    for stores in (Stores(aws=EAST, gcp=FIRE, witness=R2), Stores(aws=EAST)):
        assert standing(stores, reached=False).mode is Mode.ALONE


@pytest.mark.parametrize("stores", [Stores(aws=EAST, gcp=FIRE, witness=R2), Stores(aws=EAST, gcp=FIRE, witness=WEST)])
def test_with_a_store_missing_a_table_survives_no_further_loss_and_says_which_is_gone(stores: Stores) -> None:
    said = standing(stores, missing=("gcp",))
    assert said.mode is standing(stores).mode
    assert said.survives == "no further loss while the store gcp (Google Cloud) does not answer"
    assert said.breaks == "the loss of another store"
