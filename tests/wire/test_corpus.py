"""Every sample under events/ means what its expected file says, and says where its shape comes from."""

import json
from pathlib import Path

import pytest

from pointsman.cli.decode import elements
from pointsman.core.sightings import Ignored, Rejected
from tests.wire.samples import EVENTS, NEAR_MISSES, SAMPLES, decoded, named

FLOOR = 170
NEAR_MISS_FLOOR = 41
REJECTED_WHOLE = {"aws/sqs-message-of-another-kind.json", "chat/slack-drain-nothing.json", "gcp/pubsub-push-text.json"}
ANSWERS_WITHOUT_MEANING = {
    "gcp/logentry-vpn-ipsec-event.json",
    "gcp/networkconnectivity-transport-active.json",
    "gcp/router-status-one-peer-down.json",
}


@pytest.mark.parametrize("path", SAMPLES, ids=named)
def test_a_sample_means_what_its_expected_file_says(path: Path) -> None:
    expected = json.loads(path.with_name(path.name.removesuffix(".json") + ".expected.json").read_text())
    assert elements(decoded(path)) == expected


def test_the_corpus_does_not_shrink() -> None:
    assert len(SAMPLES) >= FLOOR
    assert len(NEAR_MISSES) >= NEAR_MISS_FLOOR


def test_every_expected_file_has_its_sample() -> None:
    expected = {path.name.removesuffix(".expected.json") for path in EVENTS.glob("*/*.expected.json")}
    assert expected == {path.name.removesuffix(".json") for path in SAMPLES}


@pytest.mark.parametrize("path", NEAR_MISSES, ids=named)
def test_a_near_miss_is_ignored_with_a_reason(path: Path) -> None:
    found = decoded(path)
    assert found
    assert all(isinstance(record.meaning, Ignored) and record.meaning.reason for record in found)


@pytest.mark.parametrize("path", sorted(set(SAMPLES) - set(NEAR_MISSES)), ids=named)
def test_what_is_no_near_miss_means_something(path: Path) -> None:
    telling = [record for record in decoded(path) if not isinstance(record.meaning, Ignored | Rejected)]
    assert telling or named(path) in REJECTED_WHOLE | ANSWERS_WITHOUT_MEANING


def test_every_sample_has_a_provenance_line_that_says_how_sure() -> None:
    rows = [line.split("|") for line in (EVENTS / "README.md").read_text().splitlines() if line.startswith("| `")]
    said = {row[1].strip().strip("`"): (row[2].strip(), row[3].strip()) for row in rows}
    assert set(said) == {named(path) for path in SAMPLES}
    assert all(source and sure for source, sure in said.values())


def test_no_sample_holds_an_account_that_is_not_invented() -> None:
    accounts = {"111122223333", "123456789012", "482913370011"}
    for path in SAMPLES:
        words = path.read_text().replace('"', " ").replace(":", " ").replace("/", " ").split()
        assert {word for word in words if word.isdigit() and len(word) == 12} <= accounts
