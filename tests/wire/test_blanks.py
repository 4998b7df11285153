"""What one field of an event lacks or spells oddly costs that field, and not the event."""

import copy
from typing import Any

import pytest

from pointsman.core.sightings import Change, Notice, Rejected
from tests.wire.samples import meanings, sample

ROUTING = sample("aws/nm-routing-tgw-route-installed-vpn.json")
HEALTH = sample("aws/health-dx-operational-issue-open.json")


def only(payload: Any, **changes: Any) -> Any:
    value = copy.deepcopy(payload)
    value["detail"] |= changes
    (found,) = meanings(value)
    return found


@pytest.mark.parametrize("word", ["", "  ", None])
def test_a_routing_update_whose_word_is_blank_is_a_change_of_its_kind(word: str | None) -> None:
    found = only(ROUTING, changeType=word)
    assert isinstance(found, Change)
    assert found.what == "Network Manager Routing Update"
    assert found.target == only(ROUTING).target


@pytest.mark.parametrize(
    ("number", "sequence"),
    [
        (1763630007281, 1763630007281),
        ("1763630007281", 1763630007281),
        (1763630007281.0, 1763630007281),
        (None, None),
        ("", None),
        ("later", None),
        (-1, None),
        (True, None),
        (1.5, None),
        (1e300, None),
        ("9" * 400, None),
        ("\u0661", None),
        ([1], None),
    ],
)
def test_a_routing_updates_number_is_read_in_any_spelling_and_left_out_when_it_is_none(number: object, sequence: int | None) -> None:
    found = only(ROUTING, sequenceNumber=number)
    assert isinstance(found, Change)
    assert found.sequence == sequence


@pytest.mark.parametrize(
    "bad", [{}, {"entityValue": None}, {"entityValue": " "}, {"entityArn": "x"}, {"entityValue": "a\nb"}, "dxcon-1", None, 3]
)
def test_an_entity_that_names_nothing_is_left_out_of_its_notice_alone(bad: object) -> None:
    named = [{"entityValue": "dxcon-fgv0etma"}, {"entityValue": "dxvif-fgcoi6fa"}]
    found = only(HEALTH, affectedEntities=[named[0], bad, named[1]])
    assert isinstance(found, Notice)
    assert found.members == ("dxcon-fgv0etma", "dxvif-fgcoi6fa")
    assert only(HEALTH, affectedEntities=[bad]).members == ()


def test_entities_that_are_no_list_are_still_rejected() -> None:
    assert isinstance(only(HEALTH, affectedEntities="dxcon-1"), Rejected)
