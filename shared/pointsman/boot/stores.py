"""The shared table's stores by their URLs: the own cloud's at once, the others late."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pointsman.boot.late import LateStore
from pointsman.boot.reach import Reach
from pointsman.core.domains import StoreAddress, StoreScheme, addresses_of
from pointsman.core.errors import ConfigError
from pointsman.core.fabric import Cloud, Fabric
from pointsman.ports.stores import Store

_ANY_REGION = "us-east-1"
"""What requests to S3 outside AWS are signed for."""

OwnDynamo = Callable[[str, StoreAddress], Store]
"""Makes a DynamoDB store of that name by the own cloud's SDK."""


def build_stores(reach: Reach, fabric: Fabric, own_dynamodb: OwnDynamo | None) -> dict[str, Store]:
    """Give the declared stores by slot. ``own_dynamodb`` makes the own cloud's from its SDK, else it is spoken to by signed HTTP.

    Raises ``ConfigError`` when none is declared.
    """
    try:
        addresses = addresses_of(fabric.stores)
    except ValueError as error:
        raise ConfigError(f"the fabric's stores: {error}") from error
    if not addresses:
        raise ConfigError("the fabric declares no store: name one under 'stores'")
    makers = {slot: _maker(reach, slot, address, own_dynamodb) for slot, address in addresses.items()}
    return {slot: _now_or_late(reach.own, slot, addresses[slot], make) for slot, make in makers.items()}


def _now_or_late(own: Cloud, slot: str, address: StoreAddress, make: Callable[[], Store]) -> Store:
    """Make the own cloud's store (and anything local) at once, since the first call goes there."""
    if slot == own or address.scheme is StoreScheme.SQLITE:
        return make()
    return LateStore(name_of(slot, address), make)


def name_of(slot: str, address: StoreAddress) -> str:
    """Name a store as errors and status do."""
    return f"{slot} store ({address.scheme} {address.name})"


def _maker(reach: Reach, slot: str, address: StoreAddress, own_dynamodb: OwnDynamo | None) -> Callable[[], Store]:
    name = name_of(slot, address)
    match address.scheme:
        case StoreScheme.DYNAMODB if own_dynamodb is not None:
            return lambda: own_dynamodb(name, address)
        case StoreScheme.DYNAMODB:
            return lambda: _dynamodb(reach, name, address)
        case StoreScheme.FIRESTORE:
            return lambda: _firestore(reach, name, address)
        case StoreScheme.S3:
            return lambda: _s3(reach, name, address)
        case StoreScheme.SQLITE:
            return lambda: _sqlite(name, address)


def _dynamodb(reach: Reach, name: str, address: StoreAddress) -> Store:
    from pointsman.adapters.aws.dynamodb import DynamoStore, over_signer  # noqa: PLC0415 - made late, so loaded late

    return DynamoStore(name, address.name, over_signer(reach.signed("dynamodb", address.place, "DynamoDB_20120810")))


def _firestore(reach: Reach, name: str, address: StoreAddress) -> Store:
    from pointsman.adapters.gcp.firestore import ENDPOINT, FirestoreStore  # noqa: PLC0415

    endpoint = reach.settings.endpoints.get("firestore", ENDPOINT)
    return FirestoreStore(name, address.place, reach.google(), database=address.name, endpoint=endpoint)


def _s3(reach: Reach, name: str, address: StoreAddress) -> Store:
    from pointsman.adapters.s3.store import S3Store  # noqa: PLC0415

    at_home = address.domain.partition("/")[2] if address.provider == Cloud.AWS else _ANY_REGION
    region = address.region or at_home
    endpoint = reach.settings.endpoints.get("s3") or address.endpoint or f"https://s3.{region}.amazonaws.com"
    return S3Store(name, address.name, reach.bucket_keys(address), endpoint=endpoint, region=region)


def _sqlite(name: str, address: StoreAddress) -> Store:
    from pointsman.adapters.sqlite.store import SqliteStore  # noqa: PLC0415

    return SqliteStore(name, Path(address.name))


def rows_by_cloud(stores: Mapping[str, Store]) -> dict[Cloud, Store]:
    """Say where each cloud's rows live: in its own store, or in the only one there is."""
    only = next(iter(stores.values()))
    return {cloud: stores.get(cloud.value, only) for cloud in Cloud}
