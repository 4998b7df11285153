"""The shared table's stores by their URLs: the own cloud's at once, the others late."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.boot.chance import token_bytes
from pointsman.boot.guarded import GuardedStore
from pointsman.boot.late import LateStore
from pointsman.boot.reach import Reach
from pointsman.core.domains import StoreAddress, StoreScheme, addresses_of
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud, Fabric
from pointsman.ports.stores import ListedStore, Store

if TYPE_CHECKING:
    from pointsman.adapters.ciphers import Cipher

WITNESS = "witness"
_ANY_REGION = "us-east-1"
"""What requests to S3 outside AWS are signed for."""

OwnDynamo = Callable[[str, StoreAddress], ListedStore]
"""Makes a DynamoDB store of that name by the own cloud's SDK."""
Secret = Callable[[str], Awaitable[str]]
"""Gives the text of a secret by its ``secret://`` reference: of the own cloud, or for a shell of whichever cloud answers."""


def build_stores(reach: Reach, fabric: Fabric, own_dynamodb: OwnDynamo | None, secret: Secret | None = None) -> dict[str, Store]:
    """Give the declared stores by slot. ``own_dynamodb`` makes the own cloud's from its SDK, else it is spoken to by signed HTTP.

    ``secret`` reads the keys that a witness is enciphered with. Raises ``ConfigError`` when no store is declared.
    """
    makers = _makers(Opener(reach=reach, own_dynamodb=own_dynamodb, secret=secret), fabric)
    addresses = _addresses(fabric)
    return {slot: _now_or_late(reach.own, slot, addresses[slot], make) for slot, make in makers.items()}


def open_stores(opener: "Opener", fabric: Fabric) -> dict[str, ListedStore]:
    """Give the declared stores by slot, made at once, and able to say what they hold. Raises ``ConfigError``."""
    return {slot: make() for slot, make in _makers(opener, fabric).items()}


def late_stores(opener: "Opener", fabric: Fabric) -> dict[str, ListedStore]:
    """Give the declared stores by slot, able to say what they hold, each made late: one that cannot be reached from here hides no other. Raises ``ConfigError``."""
    addresses = _addresses(fabric)
    return {slot: LateStore(name_of(slot, addresses[slot]), make) for slot, make in _makers(opener, fabric).items()}


def _makers(opener: "Opener", fabric: Fabric) -> dict[str, Callable[[], ListedStore]]:
    key = fabric.stores.witness_key
    return {
        slot: partial(opener.store, name_of(slot, address), address, key if slot == WITNESS else None)
        for slot, address in _addresses(fabric).items()
    }


def _addresses(fabric: Fabric) -> dict[str, StoreAddress]:
    try:
        addresses = addresses_of(fabric.stores)
    except ValueError as error:
        raise ConfigError(f"the fabric's stores: {error}") from error
    if not addresses:
        raise ConfigError("the fabric declares no store: name one under 'stores'")
    return addresses


def _now_or_late(own: Cloud, slot: str, address: StoreAddress, make: Callable[[], ListedStore]) -> Store:
    """Make the own cloud's store (and anything local) at once, since the first call goes there."""
    if slot == own or address.scheme is StoreScheme.SQLITE:
        return make()
    return LateStore(name_of(slot, address), make)


def name_of(slot: str, address: StoreAddress) -> str:
    """Name a store as errors and status do."""
    return f"{slot} store ({address.scheme} {address.name})"


@dataclass(frozen=True, kw_only=True)
class Opener:
    """How stores are reached from here. ``root`` sets what is written apart from all else that a store holds."""

    reach: Reach
    own_dynamodb: OwnDynamo | None = None
    secret: Secret | None = None
    root: str = ""

    def store(self, name: str, address: StoreAddress, key: str | None = None) -> ListedStore:
        """Open one store; ``key`` is the reference of the keys that it is enciphered with. Raises ``ConfigError``."""
        return GuardedStore(self._opened(name, address, key))

    def _opened(self, name: str, address: StoreAddress, key: str | None) -> ListedStore:
        match address.scheme:
            case StoreScheme.DYNAMODB if self.own_dynamodb is not None:
                return self.own_dynamodb(name, address)
            case StoreScheme.DYNAMODB:
                return self._dynamodb(name, address)
            case StoreScheme.FIRESTORE:
                return self._firestore(name, address)
            case StoreScheme.S3:
                return self._s3(name, address, key)
            case StoreScheme.SQLITE:
                return _sqlite(name, address)

    def _dynamodb(self, name: str, address: StoreAddress) -> ListedStore:
        from pointsman.adapters.aws.dynamodb import DynamoStore, over_signer  # noqa: PLC0415 - made late, so loaded late

        call = over_signer(self.reach.signed("dynamodb", address.place, "DynamoDB_20120810"))
        return DynamoStore(name, address.name, call, root=self.root)

    def _firestore(self, name: str, address: StoreAddress) -> ListedStore:
        from pointsman.adapters.gcp.firestore import ENDPOINT, FirestoreStore  # noqa: PLC0415

        endpoint = self.reach.settings.endpoints.get("firestore", ENDPOINT)
        return FirestoreStore(name, address.place, self.reach.google(), database=address.name, root=self.root, endpoint=endpoint)

    def _s3(self, name: str, address: StoreAddress, key: str | None) -> ListedStore:
        from pointsman.adapters.s3.store import S3Store  # noqa: PLC0415

        at_home = address.domain.partition("/")[2] if address.provider == Cloud.AWS else _ANY_REGION
        region = address.region or at_home
        endpoint = self.reach.settings.endpoints.get("s3") or address.endpoint or f"https://s3.{region}.amazonaws.com"
        keys = self.reach.bucket_keys(address)
        return S3Store(name, address.name, keys, endpoint=endpoint, region=region, root=self.root, cipher=self._cipher(address, key))

    def _cipher(self, address: StoreAddress, key: str | None) -> "Cipher | None":
        if key is None:
            return None
        from pointsman.adapters.ciphers import Cipher  # noqa: PLC0415

        if self.secret is None:
            raise ConfigError("the witness is enciphered, and nothing here can read secrets")
        return Cipher(f"{address.scheme}://{address.place}/{address.name}", partial(self.secret, key), token_bytes)


def _sqlite(name: str, address: StoreAddress) -> ListedStore:
    from pointsman.adapters.sqlite.store import SqliteStore  # noqa: PLC0415

    return SqliteStore(name, Path(address.name))


def rows_by_cloud(stores: Mapping[str, Store]) -> dict[Cloud, Store]:
    """Say where each cloud's rows live: in its own store, or in the only one there is."""
    only = next(iter(stores.values()))
    return {cloud: stores.get(cloud.value, only) for cloud in Cloud}
