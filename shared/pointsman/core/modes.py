"""The honest modes: what the shared table's places let it survive, said in words wherever a mode is shown."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from pointsman.core.domains import TableMode, addresses_of, table_mode
from pointsman.core.errors import Transient, bounded
from pointsman.core.fabric import Stores
from pointsman.core.values import Frozen

TEXT_KEPT = 120
"""Characters of why no majority answers that stay where what was done alone is told too."""
_CLOUDS = {"aws": "AWS", "gcp": "Google Cloud", "machine": "this machine"}


class Mode(StrEnum):
    """How the table stands: the three that are chosen by its places, and ``alone``, when no majority of them can be reached."""

    QUORUM = "quorum"
    HOME = "home"
    LITE = "lite"
    ALONE = "alone"


class NoQuorum(Transient):
    """No majority of the stores can be reached: nothing is decided, and the event is to be delivered again.

    ``alone`` says what this cloud did about it by itself, or why it did nothing.
    """

    def __init__(self, text: str, *, faults: Iterable[str] = (), alone: str = "") -> None:
        super().__init__(f"{bounded(text, TEXT_KEPT)}; {alone}" if alone else text, faults=faults)
        self.alone = alone


class Honest(Frozen):
    """A mode with what it survives and what it does not, each a clause without a full stop."""

    mode: Mode
    survives: str
    breaks: str

    @property
    def text(self) -> str:
        """All of it in one line."""
        return f"{self.mode}: survives {self.survives}; does not survive {self.breaks}"


ALONE = Honest(
    mode=Mode.ALONE,
    survives="on BGP and on what was set last: nothing new is decided",
    breaks="a grey failure, unless the fabric says without_quorum: protect",
)
"""What is left when no majority of the stores answers."""


def standing(stores: Stores, *, reached: bool = True, missing: Sequence[str] = ()) -> Honest:
    """Say how a table stands, by its places; ``reached`` says whether a majority of them answers, ``missing`` are the slots that do not.

    Raises ValueError for a bad URL.
    """
    if not reached:
        return ALONE
    whole = _by_places(stores)
    if not missing:
        return whole
    places = addresses_of(stores)
    gone = _listed([f"the store {slot} ({_spoken(places[slot].provider)})" if slot in places else f"the store {slot}" for slot in missing])
    return Honest(mode=whole.mode, survives=f"no further loss while {gone} does not answer", breaks="the loss of another store")


def _by_places(stores: Stores) -> Honest:
    match table_mode(stores):
        case TableMode.QUORUM:
            return _quorum(stores)
        case TableMode.HOME:
            return _home(stores)
        case TableMode.LITE:
            return _lite(stores)


def _quorum(stores: Stores) -> Honest:
    names = [_spoken(provider) for provider in _providers(stores)]
    return Honest(
        mode=Mode.QUORUM, survives=f"the loss of any one of {_listed(names)}, database and all", breaks="the loss of two of them at once"
    )


def _home(stores: Stores) -> Honest:
    providers = Counter(_providers(stores))
    host, guest = (_spoken(provider) for provider, _ in providers.most_common())
    return Honest(
        mode=Mode.HOME,
        survives=f"the loss of {guest}'s store, or of one of the two at {host}",
        breaks=f"the loss of {host} as a whole, where two of the three stores are",
    )


def _lite(stores: Stores) -> Honest:
    places = _providers(stores)
    if len(places) == 1:
        return Honest(mode=Mode.LITE, survives="a restart of the functions", breaks="the loss of its only store")
    return Honest(
        mode=Mode.LITE,
        survives="a restart of the functions",
        breaks=f"the loss of {_listed([_spoken(one) for one in sorted(set(places))])}",
    )


def _providers(stores: Stores) -> list[str]:
    return [address.provider for address in addresses_of(stores).values()]


def _spoken(provider: str) -> str:
    return _CLOUDS.get(provider, provider)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
