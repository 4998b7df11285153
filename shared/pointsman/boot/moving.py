"""What the command line needs to look after stores: those of two fabrics for a move, any one of them for a probe."""

from dataclasses import dataclass
from functools import partial

from pointsman.adapters.aws.clients import Clients
from pointsman.adapters.aws.secrets import Secrets
from pointsman.boot.artefact import fabrics, home_region
from pointsman.boot.aws import build
from pointsman.boot.chance import SystemClock, nonce
from pointsman.boot.reach import Reach
from pointsman.boot.settings import Settings, read_settings
from pointsman.boot.stores import Opener, open_stores
from pointsman.boot.succession import sets_made
from pointsman.core.domains import StoreScheme, store_address
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud
from pointsman.core.values import replace
from pointsman.service.house import House
from pointsman.service.moving import Move
from pointsman.service.probing.bench import Bench

_ANY_REGION = "us-east-1"
"""Where keys for AWS are asked for when a store's URL names no Region."""


def open_move(current: str, following: str) -> tuple[House, Move]:
    """Put together what moves the fabric of one compiled file to the stores of another's. Raises ``ConfigError``."""
    settings = replace(read_settings(), fabric=current, fabric_next=following)
    declared, house = fabrics(settings), build(settings).house
    if house.registers.following is None:
        raise ConfigError("both fabrics name the same stores: there is nothing to move")
    region = home_region(declared[0])
    secrets = Secrets(Clients(endpoints=settings.endpoints), region)
    opener = Opener(reach=Reach(settings, Cloud.AWS, region), secret=secrets.get)
    leaving, coming = sets_made(declared, partial(open_stores, opener))
    return house, Move(fabric=declared[0], registers=house.registers, leaving=leaving, coming=coming, now=house.clock.now())


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A store to be tried, and where its data will be: under names that begin with ``root``, or in a file of its own that may be deleted after.

    A root has no slash: it also begins the names of Firestore's collections.
    """

    bench: Bench
    root: str
    file: str = ""


def open_probe(url: str, settings: Settings | None = None) -> Probe:
    """Put together what tries the store of a URL. Raises ``ConfigError``."""
    try:
        address = store_address(url)
    except ValueError as error:
        raise ConfigError(f"this store cannot be probed: {error}") from error
    token = nonce()
    reach = Reach(
        settings or read_settings(), Cloud.AWS, address.region or (address.place if address.provider == Cloud.AWS else _ANY_REGION)
    )
    opener = Opener(reach=reach, root=f"probe-{token}-")
    file = f"{address.name}.probe-{token}" if address.scheme is StoreScheme.SQLITE else ""
    apart = replace(address, name=file) if file else address
    name = f"the store ({address.scheme} {address.name})"
    return Probe(bench=Bench(open=lambda: opener.store(name, apart), token=f"t{token}", now=SystemClock().now), root=opener.root, file=file)
