"""The quiet after a storm: what it waits for before a schedule counts as over."""

from datetime import timedelta

from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Health, Sighting
from pointsman.core.values import replace
from pointsman.testing.inprocess import probes
from pointsman.testing.simulation.calm import unfinished
from pointsman.testing.simulation.play import Play
from pointsman.testing.simulation.schedule import schedule
from pointsman.testing.virtual import run
from tests.simulation.test_ending import agreed


def waited_for(*words: tuple[float, Health], store: str = "aws") -> list[str]:
    """Give what the calm waits for when a prober of AWS's said this, ``seconds`` ago each, of a link that is well."""

    async def judged() -> list[str]:
        play = Play(schedule(3, kinds=()), watching=False, telling=False)
        agreed(play)
        await play.world.clock.sleep(100.0)
        play.world.twin.catch_up()
        seen, *_ = probes(play.world.twin, Cloud.AWS)
        for ago, health in words:
            play.world.stores[store].remember(Cloud.AWS, [_said(seen, ago, health)])
        return [what for what in unfinished(play) if what.endswith("is an old one")]

    return run(judged())


def _said(seen: Sighting, ago: float, health: Health) -> Sighting:
    return replace(seen, seen_at=seen.seen_at - timedelta(seconds=ago), health=health)


def test_an_old_word_of_a_prober_that_its_next_one_has_yet_to_mend_is_waited_for() -> None:
    assert len(waited_for((30.0, Health.DOWN))) == 1
    assert len(waited_for((30.0, Health.DOWN), store="witness")) == 1


def test_what_its_newest_word_has_mended_is_not() -> None:
    assert waited_for((30.0, Health.DOWN), (10.0, Health.UP)) == []
    assert waited_for() == []
