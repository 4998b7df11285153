"""The packets: read back by who shares the key and the pair, and by nobody else."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.packets.echoes import SIZE, Echo, Seal, answer, answered, ask, asked

SEAL = Seal(key=b"a key that both ends share", source="10.250.1.1", target="10.251.1.1")
ECHO = Echo(burst=b"12345678", number=7)


def test_an_ask_and_its_answer_are_read_back_and_are_of_one_size() -> None:
    there, back = ask(SEAL, ECHO), answer(SEAL, ECHO)
    assert (asked(SEAL, there), answered(SEAL, back)) == (ECHO, ECHO)
    assert len(there) == len(back) == SIZE


def test_an_answer_asks_nobody_and_an_ask_answers_nobody() -> None:
    assert asked(SEAL, answer(SEAL, ECHO)) is None
    assert answered(SEAL, ask(SEAL, ECHO)) is None


def test_another_key_or_another_pair_reads_nothing() -> None:
    others = (
        Seal(key=b"a key that nobody knows of", source=SEAL.source, target=SEAL.target),
        Seal(key=SEAL.key, source="10.250.2.1", target=SEAL.target),
        Seal(key=SEAL.key, source=SEAL.source, target="10.251.2.1"),
        Seal(key=SEAL.key, source=SEAL.target, target=SEAL.source),
    )
    assert [asked(other, ask(SEAL, ECHO)) for other in others] == [None] * 4


@given(place=st.integers(0, SIZE - 1), bit=st.integers(0, 7))
def test_no_bit_of_a_packet_may_change(place: int, bit: int) -> None:
    packet = bytearray(ask(SEAL, ECHO))
    packet[place] ^= 1 << bit
    assert asked(SEAL, bytes(packet)) is None


@given(st.binary(max_size=2 * SIZE))
def test_whatever_comes_is_read_as_nothing(packet: bytes) -> None:
    assert asked(SEAL, packet) is None
    assert answered(SEAL, packet) is None
