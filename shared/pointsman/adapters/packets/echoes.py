"""The packets of our own probe: an ask and its answer, of one size, sealed with a key that both ends share.

| bytes | what |
|---|---|
| 0-1 | ``pm`` |
| 2 | version, 1 |
| 3 | 1 an ask, 2 an answer |
| 4-11 | the burst: fresh random bytes |
| 12-15 | the packet's number in its burst |
| 16-47 | zeros, so that an answer is never longer than what asked for it |
| 48-63 | the first half of HMAC-SHA256 (RFC 2104, RFC 4868) over the declared address pair and all that is before it |

The seal covers the pair and the kind: what was overheard on one pair is worth nothing on another, and an answer asks nobody.
"""

import hmac
import struct
from hashlib import sha256

from pointsman.core.values import Frozen

SIZE = 64
"""Length of each packet, in bytes."""
BURST_BYTES = 8
KEY_BYTES = 16
"""Shortest key, in bytes."""
_HEAD = struct.Struct("!2sBB8sI32x")
_MAGIC, _VERSION = b"pm", 1
_ASK, _ANSWER = 1, 2


class Seal(Frozen):
    """What both ends of one pair seal packets with: the shared key and the addresses as the fabric declares them."""

    key: bytes
    source: str
    target: str


class Echo(Frozen):
    """One packet, read."""

    burst: bytes
    number: int


def ask(seal: Seal, echo: Echo) -> bytes:
    """Write an ask."""
    return _sealed(seal, _HEAD.pack(_MAGIC, _VERSION, _ASK, echo.burst, echo.number))


def answer(seal: Seal, echo: Echo) -> bytes:
    """Write the answer to an ask."""
    return _sealed(seal, _HEAD.pack(_MAGIC, _VERSION, _ANSWER, echo.burst, echo.number))


def asked(seal: Seal, packet: bytes) -> Echo | None:
    """Read an ask; None for everything that is none, or that another key or pair sealed."""
    return _read(seal, packet, _ASK)


def answered(seal: Seal, packet: bytes) -> Echo | None:
    """Read an answer; None for everything else."""
    return _read(seal, packet, _ANSWER)


def _read(seal: Seal, packet: bytes, kind: int) -> Echo | None:
    if len(packet) != SIZE:
        return None
    head = packet[: _HEAD.size]
    magic, version, told, burst, number = _HEAD.unpack(head)
    if (magic, version, told) != (_MAGIC, _VERSION, kind) or not hmac.compare_digest(_sealed(seal, head), packet):
        return None
    return Echo(burst=burst, number=number)


def _sealed(seal: Seal, head: bytes) -> bytes:
    about = f"pointsman probe {seal.source}>{seal.target}|".encode()
    return head + hmac.new(seal.key, about + head, sha256).digest()[: SIZE - _HEAD.size]
