"""Drains that a plan let go, as the rows of the levers tell of them."""

from pointsman.core.fabric import Cloud, LinkName
from pointsman.core.leftovers import remarks
from pointsman.core.plan import LinkState, Verdict
from pointsman.core.sightings import Health
from pointsman.core.values import replace
from tests.core.outages import IX_A, healed, outage
from tests.core.scene import ATLAS, lever

DRAINING = lever("ix-a", Health.DRAINING, 1, 3)


def test_a_drain_that_stands_in_the_plan_or_is_gone_from_the_levers_is_nothing_to_tell() -> None:
    for cloud in Cloud:
        assert remarks(ATLAS, outage(), cloud, DRAINING) == ()
        assert remarks(ATLAS, healed(), cloud, lever("ix-a", Health.UP, 1, 3)) == ()
        assert remarks(ATLAS, healed(), cloud, ()) == ()


def test_a_drain_that_the_plan_let_go_is_told_with_the_epoch_it_is_of_and_what_to_do() -> None:
    known = {row.vantage.value for row in DRAINING}
    told = {cloud: remarks(ATLAS, healed(epoch=7), cloud, DRAINING) for cloud in Cloud if cloud.value in known}
    assert told
    for cloud, texts in told.items():
        (text,) = texts
        assert text.startswith(f"{cloud} has not acknowledged epoch 7: its ")
        assert "ix-a" in text
        assert "since epoch 3; " in text
        assert ("AWS ends it by itself" in text) is (cloud is Cloud.AWS)
        assert ("if the functions on gcp stay away, let its flows in again in " in text) is (cloud is Cloud.GCP)


def test_a_link_that_the_fabric_no_longer_has_is_left_out_and_one_the_plan_does_not_know_is_told() -> None:
    gone = replace(ATLAS, links=tuple(one for one in ATLAS.links if one.name != IX_A))
    assert remarks(gone, healed(), Cloud.GCP, DRAINING) == ()
    bare = replace(healed(), links={LinkName("ix-b"): LinkState(verdict=Verdict.UP)})
    assert len(remarks(ATLAS, bare, Cloud.GCP, DRAINING)) == 1
