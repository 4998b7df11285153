"""Ballots: text that compares in the order of attempts, and never names two of them."""

import re
from collections.abc import Iterable

NO_BALLOT = ""
"""Below every ballot."""
COUNTER_LIMIT = 10**16 - 1
"""Highest counter; at one ballot a millisecond it lasts three hundred thousand years."""
READABLE_LIMIT = COUNTER_LIMIT // 10
"""Highest counter that is believed of a row: no attempts get there, so whoever stands on one that is read has room above it."""
LEAP_LIMIT = 10**9
"""How far one store's promise may be above all others' that answered; at the rate a register is meant for, a store misses so many in sixty years."""

_FORM = re.compile(r"[0-9]{16}\.[0-9a-f]{16}", re.ASCII)


def ballot(counter: int, nonce: str) -> str:
    """Name one attempt. ``nonce`` is 16 fresh hex digits for every attempt. Raises ValueError for a malformed part."""
    text = f"{counter:016d}.{nonce}"
    if not is_ballot(text):
        raise ValueError("a ballot needs a counter from 0 to 10^16-1 and a nonce of 16 lower-case hex digits")
    return text


def is_ballot(text: str) -> bool:
    """Say whether the text is a well-formed ballot."""
    return _FORM.fullmatch(text) is not None


def counter(of: str) -> int:
    """Give a ballot's counter; 0 for no ballot."""
    return int(of.partition(".")[0]) if of else 0


def above(seen: Iterable[str], nonce: str) -> str:
    """Make a ballot above all that were seen, none of them past ``READABLE_LIMIT``."""
    return ballot(1 + max((counter(one) for one in seen), default=0), nonce)
