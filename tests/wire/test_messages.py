"""What our own functions send each other is read back as it was written."""

from datetime import UTC, datetime

import pytest

from pointsman.core.errors import RejectedEvent
from pointsman.core.fabric import Cloud
from pointsman.core.sightings import Health, Rejected, Tick, Vantage
from pointsman.wire import messages
from tests.wire.samples import meanings

AT = datetime(2026, 11, 20, 9, 21, tzinfo=UTC)


def test_a_nudge_is_read_back() -> None:
    assert messages.read(messages.nudge("atlas", 41, AT)) == messages.Nudge(fabric="atlas", epoch=41, at=AT)
    assert messages.read(messages.nudge("atlas", 41)) == messages.Nudge(fabric="atlas", epoch=41)


def test_a_delivery_is_read_back() -> None:
    assert messages.read(messages.deliver("atlas/ix-a@41")) == messages.Deliver(incident="atlas/ix-a@41")


def test_a_tick_is_read_back() -> None:
    assert messages.read(messages.tick("sweep", AT)) == messages.Scheduled(name="sweep", scheduled=AT)


LOSSY_PATH = messages.Path(source="10.250.1.1", target="10.251.1.1", loss=0.4)


def test_what_a_probe_found_is_read_back() -> None:
    found = messages.read(messages.probed(Cloud.AWS, [LOSSY_PATH], AT))
    assert found == messages.Probed(cloud=Cloud.AWS, paths=(LOSSY_PATH,), at=AT)


@pytest.mark.parametrize(("loss", "health"), [(0.0, Health.UP), (messages.LOSSY, Health.DOWN), (1.0, Health.DOWN)])
def test_a_probe_claims_its_path_from_its_own_end(loss: float, health: Health) -> None:
    (found,) = meanings(messages.probed(Cloud.GCP, [messages.Path(source="10.251.1.1", target="10.250.1.1", loss=loss)], AT))
    assert (found.vantage, found.member, found.health) == (Vantage.PROBE_GCP, "probe/10.251.1.1>10.250.1.1", health)


def test_a_round_trip_time_is_read_back_and_left_out_where_there_is_none() -> None:
    timed = messages.Path(source="10.250.1.1", target="10.251.1.1", loss=0.0, rtt=0.0123)
    assert messages.read(messages.probed(Cloud.AWS, [timed], AT)) == messages.Probed(cloud=Cloud.AWS, paths=(timed,), at=AT)
    assert b"rtt" not in messages.probed(Cloud.AWS, [LOSSY_PATH], AT)


def test_eyes_that_are_shut_claim_nothing_of_any_link() -> None:
    body = messages.probed(Cloud.AWS, [messages.Path(source="10.250.1.1", target="10.251.1.1", loss=1.0)], AT, blind=True)
    (found,) = meanings(body)
    assert (found.vantage, found.health, found.value) == (Vantage.PROBE_AWS, Health.UNKNOWN, 1.0)
    assert messages.read(body).blind  # type: ignore[union-attr]
    assert b"blind" not in messages.probed(Cloud.AWS, [LOSSY_PATH], AT)


@pytest.mark.parametrize("rtt", [-0.1, "1", True, 3_601, 10**400])
def test_a_round_trip_time_is_seconds(rtt: object) -> None:
    path = {"source": "a", "target": "b", "loss": 0, "rtt": rtt}
    (found,) = meanings({"pointsman": "probe", "cloud": "aws", "paths": [path], "at": "2026-11-20T09:15:20Z"})
    assert isinstance(found, Rejected)


def test_a_probe_without_any_time_is_rejected() -> None:
    (found,) = meanings(b'{"pointsman":"probe","cloud":"aws","paths":[{"source":"a","target":"b","loss":1}]}')
    assert isinstance(found, Rejected)


@pytest.mark.parametrize("paths", [{}, {"paths": []}, {"paths": None}])
def test_a_report_without_a_path_is_rejected_and_says_why(paths: dict[str, object]) -> None:
    (found,) = meanings({"pointsman": "probe", "cloud": "aws", "at": "2026-11-20T09:15:20Z", **paths})
    assert found == Rejected(reason="should name at least one path: a report without any says nothing", path="$.paths")


@pytest.mark.parametrize("loss", [-0.1, 1.1, "1", True, None])
def test_a_share_is_from_0_to_1(loss: object) -> None:
    (found,) = meanings(
        {"pointsman": "probe", "cloud": "aws", "paths": [{"source": "a", "target": "b", "loss": loss}], "at": "2026-11-20T09:15:20Z"}
    )
    assert isinstance(found, Rejected)


def test_messages_decode_to_ticks_that_say_what_is_asked() -> None:
    (nudge,) = meanings(messages.nudge("atlas", 41, AT))
    (deliver,) = meanings(messages.deliver("atlas/ix-a@41", AT))
    assert nudge == Tick(vantage=Vantage.AWS, key="nudge/atlas/41", seen_at=AT)
    assert messages.incident_of(deliver) == "atlas/ix-a@41"
    assert messages.incident_of(nudge) is None


def test_a_hint_without_a_time_is_still_read() -> None:
    (nudge,) = meanings(messages.nudge("atlas", 41))
    assert nudge.seen_at == messages.UNTIMED


def test_a_message_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert messages.read(b'{"pointsman":"nudge","fabric":"atlas","epoch":41,"since":"next year"}') == messages.Nudge(
        fabric="atlas", epoch=41
    )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"pointsman":1}', b'{"pointsman":"nudge"}', b'{"pointsman":"nudge","fabric":"a","epoch":"1"}']
)
def test_anything_else_is_rejected(body: bytes) -> None:
    with pytest.raises(RejectedEvent):
        messages.read(body)
