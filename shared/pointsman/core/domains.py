"""Where the shared table's stores lie, and what their places let it survive."""

from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pointsman.core.fabric import Stores
from pointsman.core.values import Frozen, canonical, digest

URL_LIMIT = 500
"""Longest store URL, in characters."""

ID_DIGITS = 12
"""Hex digits of a set's content in its name."""
THREE = 3
"""A table that outlives any one of its stores has this many."""

_AMAZON = ".amazonaws.com"
_GOOGLE = "storage.googleapis.com"
_QUERY_KEYS = {"dynamodb": (), "firestore": ("location",), "s3": ("endpoint", "region"), "sqlite": ()}


class StoreScheme(StrEnum):
    """What kind of store a URL names."""

    DYNAMODB = "dynamodb"
    FIRESTORE = "firestore"
    S3 = "s3"
    SQLITE = "sqlite"


class StoreAddress(Frozen):
    """A store URL, taken apart.

    | URL | place | name |
    |---|---|---|
    | ``dynamodb://REGION/TABLE`` | Region | table |
    | ``firestore://PROJECT/NAME[?location=L]`` | project | name |
    | ``s3://BUCKET?endpoint=URL`` or ``?region=R`` | endpoint's host, or Region | bucket |
    | ``sqlite:///PATH`` | "" | path |

    ``provider`` fails as a whole in the worst case; ``domain`` is the smallest thing that fails as one; ``region`` is
    what a bucket's requests are signed for, where the URL says it.
    """

    scheme: StoreScheme
    place: str
    name: str
    provider: str
    domain: str
    endpoint: str | None = None
    region: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What makes it this store and no other, whatever else its URL says: two ports of one host are two places."""
        port = _port(_split(self.endpoint)) if self.endpoint else None
        return self.scheme, f"{self.place}:{port}" if port else self.place, self.name


class StoreSet(Frozen):
    """One set of stores through the years: its number, and ``id``, which tells it from any other of that number.

    Registers of the first set are rows of their own name; those of a later one are rows apart, also in the same store.
    """

    generation: int = 1
    id: str = "1"

    def row(self, register: str) -> str:
        """Name the row that holds a register in this set."""
        return register if self.generation == 1 else f"{register}~{self.generation}"

    def register(self, row: str) -> str | None:
        """Give the register that a row of this set holds; None for a row of another set."""
        name, mark, number = row.partition("~")
        return name if (number if mark else "1") == str(self.generation) else None


class TableMode(StrEnum):
    """What the shared table survives: any one provider, the guest cloud or one Region, or nothing."""

    QUORUM = "quorum"
    HOME = "home"
    LITE = "lite"


def store_address(url: str) -> StoreAddress:
    """Take a store URL apart. Raises ValueError, whose text says what is wrong and never repeats the URL."""
    if len(url) > URL_LIMIT:
        raise ValueError(f"a store URL is at most {URL_LIMIT} characters")
    parts = _split(url)
    if parts.scheme not in set(StoreScheme):
        raise ValueError("a store URL starts with dynamodb://, firestore://, s3:// or sqlite:///")
    if "@" in parts.netloc or ":" in parts.netloc:
        raise ValueError("a store URL holds no user, password or port")
    query = _query(parts)
    match StoreScheme(parts.scheme):
        case StoreScheme.DYNAMODB:
            return _dynamodb(parts)
        case StoreScheme.FIRESTORE:
            return _firestore(parts, query)
        case StoreScheme.S3:
            return _s3(parts, query)
        case StoreScheme.SQLITE:
            return _sqlite(parts)


def table_mode(stores: Stores) -> TableMode:
    """Say what the declared stores let the table survive. Raises ValueError for a URL that is malformed."""
    addresses = addresses_of(stores).values()
    providers = {one.provider for one in addresses}
    if len(providers) == THREE:
        return TableMode.QUORUM
    if len(addresses) == THREE and len(providers) > 1:
        return TableMode.HOME
    return TableMode.LITE


def addresses_of(stores: Stores) -> dict[str, StoreAddress]:
    """Take all declared store URLs apart, by slot (aws, gcp, witness). Raises ValueError."""
    slots = {"aws": stores.aws, "gcp": stores.gcp, "witness": stores.witness}
    return {slot: store_address(url) for slot, url in slots.items() if url}


def store_set(stores: Stores) -> StoreSet:
    """Identify a set of stores by its number, its addresses (whatever else their URLs say) and whether its witness is enciphered.

    Raises ValueError.
    """
    places = sorted(one.identity for one in addresses_of(stores).values())
    content = canonical((stores.generation, places, *(["enciphered"] if stores.witness_key else [])))
    return StoreSet(generation=stores.generation, id=f"{stores.generation}.{digest(content)[:ID_DIGITS]}")


def succession(current: Stores, following: Stores) -> tuple[StoreSet, ...]:
    """Give the sets that two fabrics' functions carry, one when the stores stay. Raises ValueError for a change that could not be told."""
    first, second = store_set(current), store_set(following)
    if first == second:
        return (first,)
    if second.generation <= first.generation:
        raise ValueError(f"the next fabric names other stores under the same number: write stores.generation: {first.generation + 1}")
    witnesses = {one.identity for stores in (current, following) for slot, one in addresses_of(stores).items() if slot == "witness"}
    if len(witnesses) == 1 and bool(current.witness_key) != bool(following.witness_key):
        raise ValueError("a bucket is enciphered from its first object on or never: name another bucket as witness")
    return first, second


def together(one: StoreAddress, other: StoreAddress) -> bool:
    """Say whether two stores may fail as one: the same domain, or one domain that is not told closely enough."""
    shorter, longer = sorted((one.domain, other.domain), key=len)
    return shorter == longer or longer.startswith(f"{shorter}/")


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise ValueError("this is not a URL") from error


def _query(parts: SplitResult) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    known = _QUERY_KEYS[parts.scheme]
    for key, value in pairs:
        if key not in known or not value:
            raise ValueError(f"a {parts.scheme}:// URL takes {_or_nothing(known)} after the question mark")
    if len({key for key, _ in pairs}) != len(pairs) or parts.fragment:
        raise ValueError("a store URL names each setting once and has no #")
    return dict(pairs)


def _or_nothing(known: tuple[str, ...]) -> str:
    return " or ".join(f"{key}=" for key in known) or "nothing"


def _dynamodb(parts: SplitResult) -> StoreAddress:
    table = _one_name(parts, "dynamodb://REGION/TABLE")
    return StoreAddress(scheme=StoreScheme.DYNAMODB, place=parts.netloc, name=table, provider="aws", domain=f"aws/{parts.netloc}")


def _firestore(parts: SplitResult, query: dict[str, str]) -> StoreAddress:
    name = _one_name(parts, "firestore://PROJECT/NAME")
    where = query.get("location", "")
    return StoreAddress(scheme=StoreScheme.FIRESTORE, place=parts.netloc, name=name, provider="gcp", domain=f"gcp/{where}".rstrip("/"))


def _one_name(parts: SplitResult, form: str) -> str:
    name = parts.path.removeprefix("/")
    if not parts.netloc or not name or "/" in name:
        raise ValueError(f"write it as {form}")
    return name


def _s3(parts: SplitResult, query: dict[str, str]) -> StoreAddress:
    endpoint, region = query.get("endpoint"), query.get("region", "")
    if not parts.netloc or parts.path.strip("/") or not (endpoint or region):
        raise ValueError("write it as s3://BUCKET?endpoint=https://HOST, or ?region=REGION for a bucket on AWS")
    place = _host(endpoint) if endpoint else region
    provider, domain = _home(place, region) if endpoint else ("aws", f"aws/{region}")
    return StoreAddress(
        scheme=StoreScheme.S3, place=place, name=parts.netloc, provider=provider, domain=domain, endpoint=endpoint, region=region
    )


def _host(endpoint: str) -> str:
    parts = _split(endpoint)
    loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if not parts.hostname or "@" in parts.netloc or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise ValueError("the endpoint is https://HOST without a user or password")
    _port(parts)
    return parts.hostname


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError as error:
        raise ValueError("the endpoint's port is a number up to 65535") from error


def _home(host: str, region: str) -> tuple[str, str]:
    if host.endswith(_AMAZON):
        return "aws", f"aws/{region or host.removesuffix(_AMAZON).split('.')[-1]}"
    if host.endswith(_GOOGLE):
        return "gcp", f"gcp/{region}".rstrip("/")
    return host, host


def _sqlite(parts: SplitResult) -> StoreAddress:
    if parts.netloc or len(parts.path) <= 1:
        raise ValueError("write it as sqlite:///PATH")
    path = parts.path
    return StoreAddress(scheme=StoreScheme.SQLITE, place="", name=path, provider="machine", domain=f"machine{path}")
