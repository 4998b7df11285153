"""Frozen values: what one works out of itself is worked out once."""

from typing import Any

import msgspec
import pytest

from pointsman.core.values import Frozen, Remembered, canonical, parse, replace


class Word(Frozen, dict=True):
    """A value that counts how often its shout is worked out."""

    text: str
    asked: list[str] = []

    @Remembered
    def shout(self) -> str:
        """Say it loudly."""
        self.asked.append(self.text)
        return self.text.upper()


def test_what_is_remembered_is_worked_out_once_for_each_value() -> None:
    word = Word(text="down")
    assert (word.shout, word.shout, word.asked) == ("DOWN", "DOWN", ["down"])
    assert replace(word, text="up").shout == "UP"


def test_what_is_remembered_is_no_part_of_the_value() -> None:
    fresh, told = Word(text="down"), Word(text="down")
    assert told.shout == "DOWN"
    assert canonical(Word(text="down")) == b'{"text":"down"}'
    assert replace(told, asked=[]) == fresh


def test_a_class_tells_what_it_remembers() -> None:
    assert Word.shout.__doc__ == "Say it loudly."


@pytest.mark.parametrize("junk", [b"[" * 30_000, b'{"text":"a","x":' + b"[" * 30_000, b'"\xff"', "\ud800", "", b"{"])
@pytest.mark.parametrize("kind", [Word, Any])
def test_what_cannot_be_read_back_is_one_error_however_deep_it_nests(junk: bytes | str, kind: Any) -> None:
    with pytest.raises(msgspec.DecodeError):
        parse(junk, kind)
