"""What the command line needs to look after stores: those of two fabrics for a move, any one of them for a probe."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from pointsman.adapters.sqlite.store import SqliteStore
from pointsman.boot import loop
from pointsman.boot.chance import SystemClock, nonce
from pointsman.boot.ordering import house_over, shell_sets
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings, read_settings
from pointsman.boot.stores import Opener
from pointsman.core.domains import StoreAddress, StoreScheme, store_address
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud
from pointsman.core.values import replace
from pointsman.ports.stores import StoreDown
from pointsman.service.house import House
from pointsman.service.moving import Move
from pointsman.service.probing.bench import Bench

_ANY_REGION = "us-east-1"
"""Where keys for AWS are asked for when a store's URL names no Region."""
REMOVALS = 3
"""How often a folder is removed: a call that was given up may write into it while that goes on."""


async def open_move(current: str, following: str) -> tuple[House, Move]:
    """Put together what moves the fabric of one compiled file to the stores of another's, with the credentials of this shell.

    A store that these do not reach counts as one that is down. Raises ``ConfigError``.
    """
    settings = replace(read_settings(), fabric=current, fabric_next=following)
    sets = shell_sets(settings)
    if len(sets) == 1:
        raise ConfigError("both fabrics name the same stores: there is nothing to move")
    house, (leaving, coming) = await house_over(settings, sets), sets
    return house, Move(fabric=house.fabrics[0], registers=house.registers, leaving=leaving, coming=coming, now=house.clock.now())


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A store to be tried, and where its data will be: under names that begin with ``root``, or in a file of its own, of which ``beside`` tells.

    A root has no slash: it also begins the names of Firestore's collections.
    """

    bench: Bench
    root: str
    beside: str = ""


@contextmanager
def probing(url: str, settings: Settings | None = None) -> Iterator[Probe]:
    """Put together what tries the store of a URL. What was made of files for it is gone afterwards, however it ends.

    Raises ``ConfigError``, and ``StoreDown`` for a file that cannot be a store.
    """
    try:
        address = store_address(url)
    except ValueError as error:
        raise ConfigError(f"this store cannot be probed: {error}") from error
    token = nonce()
    reach = Reach(
        settings or read_settings(), Cloud.AWS, address.region or (address.place if address.provider == Cloud.AWS else _ANY_REGION)
    )
    opener = Opener(reach=reach, root=f"probe-{token}-")
    name = f"the store ({address.scheme} {address.name})"

    def bench(tried: StoreAddress) -> Bench:
        return Bench(open=lambda: opener.store(name, tried), token=f"t{token}", now=SystemClock().now)

    if address.scheme is not StoreScheme.SQLITE:
        yield Probe(bench=bench(address), root=opener.root)
        return
    path = Path(address.name)
    found = SqliteStore(name, path).found()
    with _folder(name, path.resolve(), token) as folder:
        beside = f"{path} {found}; what is tried lies in a folder of its own beside it, {folder}, which is removed at the end"
        yield Probe(bench=bench(replace(address, name=str(folder / path.name))), root=opener.root, beside=beside)


@contextmanager
def _folder(store: str, path: Path, token: str) -> Iterator[Path]:
    """Make a folder beside a file and remove it with all that it holds: what a call that was given up still does finds no place any more."""
    folder = path.with_name(f"{path.name}.probe-{token}")
    try:
        folder.mkdir()
    except OSError as error:
        why = f"nothing can be made in its folder ({error.strerror})"
        raise StoreDown(f"{store} cannot be used: {why}: check the path, and the rights to its folder") from error
    try:
        yield folder
    finally:
        loop.settle(0.0)
        for _ in range(REMOVALS):
            rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise ConfigError(f"{folder} could not be removed: remove it by hand")
