"""Every schedule is aimed at an await site, and plays what leads there."""

import re
from collections import Counter
from pathlib import Path

import pytest

from pointsman.testing.simulation import coverage, scenes, schedule, system
from pointsman.testing.simulation.kinds import STRIKES, FaultKind
from pointsman.testing.simulation.leading import LEADS, LOTS, PRELUDES, WITHIN, lots
from pointsman.testing.simulation.scenes import Scene
from pointsman.testing.simulation.sites import Site, sites

SEEDS = range(3_000)


def there(words: str, found: tuple[Site, ...]) -> bool:
    return any(site.name.startswith(words) or words in site.words for site in found)


def test_each_site_is_aimed_at_about_as_often_as_its_lots_say() -> None:
    counted = Counter(schedule.aimed_at(seed).name for seed in SEEDS)
    often = {site.name: lots(site) for site in coverage.played_sites()}
    even = len(SEEDS) / sum(often.values())
    assert counted.keys() == often.keys()
    assert all(count < 3 * even * often[name] for name, count in counted.items())
    assert all(counted[name] > even * lot / 3 for name, lot in often.items() if lot > 1)


def test_a_site_that_comes_or_goes_changes_the_aims_of_few_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [schedule.aimed_at(seed).name for seed in SEEDS]
    kept = coverage.played_sites()[1:]
    lots_left = tuple((number, site) for number, site in schedule._lots() if site in kept)
    monkeypatch.setattr(schedule, "_lots", lambda: lots_left)
    changed = sum(one != schedule.aimed_at(seed).name for seed, one in zip(SEEDS, before, strict=True))
    assert changed == sum(name not in {site.name for site in kept} for name in before)


@pytest.mark.parametrize("words", [*LEADS, *LOTS, *PRELUDES, *(words for lead in PRELUDES.values() for way in lead for _, words in way)])
def test_every_word_that_leads_to_a_site_is_the_word_of_one(words: str) -> None:
    assert there(words, coverage.played_sites()), "the code has changed: lead to where it waits now, or nowhere"


@pytest.mark.parametrize("words", [words for ways in WITHIN.values() for lead in ways for _, words in lead])
def test_what_goes_wrong_in_a_scene_goes_wrong_at_a_site(words: str) -> None:
    assert there(words, coverage.played_sites())


@pytest.mark.parametrize("words", [*coverage.UNPLAYED, *coverage.UNPLAYED_CALLS])
def test_every_reason_why_a_site_is_not_played_is_still_one(words: str) -> None:
    assert there(words, sites())


@pytest.mark.parametrize("reason", [*coverage.UNPLAYED.values(), *coverage.UNPLAYED_CALLS.values()])
def test_what_plays_a_site_instead_is_there(reason: str) -> None:
    root = Path(__file__).parents[2]
    assert [path for path in re.findall(r"tests/[\w/]+\.py", reason) if not (root / path).exists()] == []


def test_every_scene_is_played_and_most_of_what_leads_nowhere_is_plain() -> None:
    counted = Counter(schedule.schedule(seed).scene for seed in SEEDS)
    assert counted.keys() == set(Scene)
    assert counted.most_common(1)[0][0] is Scene.PLAIN


def test_what_is_aimed_at_a_site_strikes_there() -> None:
    """Of what befalls functions or the world nearly all strikes a site that every schedule comes to."""
    aimed, struck = 0, 0
    for seed in [seed for seed in SEEDS if schedule.aimed_at(seed).name == "gather:gather#1"]:
        for one in schedule.schedule(seed).aims:
            if one.site == "gather:gather#1" and one.kind not in STRIKES and one.visits < 2:
                aimed += 1
                struck += system.play(seed).coverage[one.site, one.kind.value] > 0
    assert aimed > 20
    assert struck > 0.7 * aimed


@pytest.mark.parametrize("seed", [2, 5])
def test_without_kinds_of_fault_nothing_of_a_scene_is_left(seed: int) -> None:
    one = schedule.schedule(seed, kinds=())
    assert (one.scene, one.mishaps, one.cues) == (Scene.PLAIN, (), ())


def test_a_cloud_that_is_parted_acts_alone_in_many_schedules() -> None:
    parted = [seed for seed in SEEDS if schedule.schedule(seed).scene is Scene.PARTED][:12]
    acted = [seed for seed in parted if any(site.startswith("alone:_Alone._use") for site, _ in system.play(seed).coverage)]
    assert acted


def test_what_a_scene_brings_about_may_be_left_out_by_kind() -> None:
    kinds = (FaultKind.LINK_CUT,)
    assert {cue.kind for seed in range(200) for cue in schedule.schedule(seed, kinds=kinds).cues} <= set(kinds)
    assert scenes.STORES == ("aws", "gcp", "witness")
