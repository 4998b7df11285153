"""Enciphering what a store in a third place holds: AES-256-GCM, with what it is and where it lies bound to every text.

The keys are a secret of each cloud's own secret store, the same text in both: one key a line, ``ID:BASE64`` of 32
bytes. New texts are enciphered with the first; every listed key opens texts (NIST SP 800-38D; nonces are 96 random
bits, fresh for every text).
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pointsman.core.errors import ConfigError
from pointsman.ports.stores import RowUnreadable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
KEYS_LIMIT = 8
"""Most keys that may be in use at the same time: one to write with, and those of texts that are not rewritten yet."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_HOW = f"write one key a line as ID:BASE64, {KEY_BYTES} bytes each, the one to encipher with first"


class Undecipherable(RowUnreadable):
    """A text that none of our keys opens, or that lies where it was not put."""


class UnknownKey(Undecipherable):
    """A text under a key that our secret did not list when it was read."""


class Ring:
    """Keys that were read. Safe to share between threads."""

    def __init__(self, place: str, keys: "dict[str, AESGCM]", nonce: Callable[[int], bytes]) -> None:
        self._place = place
        self._keys = keys
        self._nonce = nonce

    def encipher(self, plain: bytes, *about: str) -> str:
        """Encipher a text; ``about`` says what it is and where it lies, and must be said alike to open it."""
        name, key = next(iter(self._keys.items()))
        nonce = self._nonce(NONCE_BYTES)
        return f"{name}.{base64.b64encode(nonce + key.encrypt(nonce, plain, self._bound(about))).decode()}"

    def decipher(self, text: str, *about: str) -> bytes:
        """Open a text. Raises ``Undecipherable``."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - loaded with the first key

        name, _, rest = text.partition(".")
        if name not in self._keys:
            known = ", ".join(self._keys)
            raise UnknownKey(f"it is enciphered with key {name[:32]!r} and the secret lists {known}: add that key to it, in both clouds")
        try:
            whole = base64.b64decode(rest, validate=True)
            return self._keys[name].decrypt(whole[:NONCE_BYTES], whole[NONCE_BYTES:], self._bound(about))
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise Undecipherable(
                f"key {name} does not open it: compare that key in both clouds' secrets; if they are equal, the text was altered or moved"
            ) from error

    def _bound(self, about: tuple[str, ...]) -> bytes:
        return "\n".join((self._place, *about)).encode()


class Cipher:
    """The keys of one store, read on first use. ``place`` names the store's data, alike wherever it is opened from."""

    def __init__(self, place: str, fetch: Callable[[], Awaitable[str]], nonce: Callable[[int], bytes]) -> None:
        self._place = place
        self._fetch = fetch
        self._nonce = nonce
        self._lock = asyncio.Lock()
        self._ring: Ring | None = None

    async def ring(self, *, anew: bool = False) -> Ring:
        """Give the keys, read ``anew`` after a rotation that this process has not heard of. Raises ``ConfigError`` or ``Transient``."""
        seen = self._ring
        async with self._lock:
            if self._ring is None or (anew and self._ring is seen):
                text = await self._fetch()
                self._ring = await asyncio.to_thread(_ring, self._place, text, self._nonce)
            return self._ring


def _ring(place: str, text: str, nonce: Callable[[int], bytes]) -> Ring:
    """Read the keys and load the cipher, which takes its time: in a thread, and only where there are keys."""
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError("the witness is enciphered, and cryptography is missing: install pointsman[witness-key]") from error
    return Ring(place, {name: AESGCM(key) for name, key in read_keys(text).items()}, nonce)


def read_keys(text: str) -> dict[str, bytes]:
    """Read the text of the secret: keys by their names, in its order. Raises ``ConfigError``, which never repeats a key."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    keys = dict(_key(number, line) for number, line in enumerate(lines, start=1))
    if not keys or len(keys) != len(lines) or len(keys) > KEYS_LIMIT:
        raise ConfigError(f"the witness's keys: 1 to {KEYS_LIMIT} keys of different names are needed: {_HOW}")
    return keys


def _key(number: int, line: str) -> tuple[str, bytes]:
    name, _, written = line.partition(":")
    try:
        key = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES or _ID.fullmatch(name) is None:
        raise ConfigError(f"the witness's keys: line {number} is not one: {_HOW}")
    return name, key
