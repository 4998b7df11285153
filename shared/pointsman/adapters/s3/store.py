"""A store in one bucket, over signed HTTP: PUT with If-Match or If-None-Match, nothing else.

Conditional writes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html. Some services that
speak S3 ignore these headers silently, so a bucket is probed before it is trusted. It has no lifecycle rule but one that
expires what lies under ``journal/``, no replication that writes back, and versioning makes no difference.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from html import unescape
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlencode

import msgspec
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError

from pointsman.adapters.ciphers import Cipher, Ring, Undecipherable, UnknownKey
from pointsman.adapters.failures import failed, not_its_own, translated, unanswered
from pointsman.adapters.http import Answer, Unsigned
from pointsman.adapters.http1 import Http1
from pointsman.adapters.s3.secrecy import closed, entry_closed, entry_opened, opened
from pointsman.adapters.signing import signed
from pointsman.adapters.stored import FORMAT, register_row, rows_read
from pointsman.core.errors import PointsmanError
from pointsman.core.fabric import Cloud
from pointsman.core.rows import newest, rank, winning
from pointsman.core.sightings import Sighting
from pointsman.core.values import Frozen, canonical, parse
from pointsman.ports.stores import ROWS_LIMIT, Listed, Refusal, Reply, Row, RowsRead, RowUnreadable, StoreDown

PAGE = 1_000
"""Names that one page lists."""
NOTE_TRIES = 12
"""How often a prefix's claims are written again because somebody else wrote them in between."""

_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9]{1,64})\s*</Code>")
_KEY = re.compile(r"<Key>([^<]{1,3000})</Key>")
_MORE = re.compile(r"<NextContinuationToken>([^<]{1,3000})</NextContinuationToken>")
_CUT = re.compile(r"<IsTruncated>\s*true")
_REGION = re.compile(rb"<Region>([A-Za-z0-9-]{1,32})</Region>")
_BEFORE_A_PAGE = b"\xef\xbb\xbf \t\r\n"
"""What may stand before a page's first mark."""
_SPOILT = "\ufffd"
"""Stands in a text for what was none."""
_ABSENT = (404, "NoSuchKey")
"""How S3 says that there is no such object. A gateway says 404 too, of a whole store that it does not find."""
_CONFLICTS = {409, 412}

T = TypeVar("T")


class _Kept(Frozen):
    """One object that was read: its content (None when absent), its ETag, the store's time."""

    body: bytes | None
    version: str
    time: datetime | None


class S3Store:
    """Keeps ``ports.stores.Store`` in a bucket, path-style. ``root`` starts the names of its objects ("probe/").

    One object holds all claims of a cloud's prefix: a reader needs one request, and a writer two. With a ``cipher``
    values, claims and journal entries are enciphered; names, ballots and times stay readable.
    """

    def __init__(
        self,
        name: str,
        bucket: str,
        credentials: Credentials,
        *,
        endpoint: str,
        region: str = "us-east-1",
        root: str = "",
        over: Http1 | None = None,
        cipher: Cipher | None = None,
    ) -> None:
        self.name = name
        self._base = f"{endpoint.rstrip('/')}/{quote(bucket)}/"
        self._credentials = credentials
        self._region = region
        self._root = root
        self._over = over or Http1()
        self._cipher = cipher

    async def read(self, register: str) -> Reply:
        """Read a row: GET."""
        return await self._do(lambda ring: self._read(ring, register))

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise a ballot, if the object is still as it was ``seen``."""
        return await self._do(lambda ring: self._write(ring, register, msgspec.structs.replace(seen.row, promised=ballot), seen))

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value, if the object is still as it was ``seen``: pass the prepare's reply."""
        return await self._do(lambda ring: self._write(ring, register, Row(promised=ballot, accepted=ballot, value=value), seen))

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims into their prefix's object."""
        claims = newest(sightings)
        if claims:
            await self._do(lambda ring: self._note(ring, prefix, claims))

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read all claims under a prefix: one GET."""
        kept, held = await self._do(lambda ring: self._held(ring, prefix))
        return rows_read(self.name, (_text(one, "claim") for one in held.values()), kept.time)

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep a journal entry, for as long as the bucket's lifecycle rule on ``journal/`` lets it stay."""
        del until
        key = self._key("journal", digest)
        answer = await self._do(lambda ring: self._put(key, entry_closed(ring, entry, "journal", digest), ""))
        there = answer.ok or (answer.status in _CONFLICTS and (await self._get(key)).body is not None)
        if not there:
            raise self._failed(answer, writing=True)

    async def entry(self, digest: str) -> bytes | None:
        """Give a journal entry back."""
        return await self._do(lambda ring: self._entry(ring, digest))

    async def registers(self, after: str = "") -> Listed:
        """Name rows of registers: ListObjectsV2, which shows every object that was written before (strong consistency)."""
        return await self._listed("registers", after)

    async def entries(self, after: str = "") -> Listed:
        """Name journal entries."""
        return await self._listed("journal", after)

    async def _listed(self, kind: str, after: str) -> Listed:
        beginning = f"{self._root}{kind}/"
        start = {"continuation-token": after} if after else {}
        answer = await self._send("GET", "?" + urlencode({"list-type": "2", "max-keys": str(PAGE), "prefix": beginning, **start}), {})
        if not answer.ok:
            raise self._failed(answer, writing=False)
        listing = answer.text()
        if "ListBucketResult" not in listing or _SPOILT in listing:
            raise StoreDown(f"{self.name} answers a listing with something else: it cannot be moved")
        keys = (unescape(key) for key in _KEY.findall(listing))
        more = _MORE.search(listing)
        if more is None and _CUT.search(listing):
            raise StoreDown(f"{self.name} breaks a listing off and does not say where it goes on: it cannot be moved")
        names = tuple(unquote(key.removeprefix(beginning).removesuffix(".json")) for key in keys)
        return Listed(names=names, after=unescape(more[1]) if more else None)

    async def _do(self, act: Callable[[Ring | None], Awaitable[T]]) -> T:
        """Do something with the keys, where there are any."""
        if self._cipher is None:
            return await act(None)
        try:
            return await self._with_keys(self._cipher, act)
        except Undecipherable as error:
            raise RowUnreadable(f"{self.name}: {error}") from error

    async def _with_keys(self, cipher: Cipher, act: Callable[[Ring | None], Awaitable[T]]) -> T:
        """Do it with the keys as they were read, and where one was missing, once more with the keys of now."""
        try:
            return await act(await self._ring(cipher))
        except UnknownKey:
            return await act(await self._ring(cipher, anew=True))

    async def _ring(self, cipher: Cipher, *, anew: bool = False) -> Ring:
        try:
            return await cipher.ring(anew=anew)
        except PointsmanError as error:
            raise StoreDown(f"{self.name} cannot be used without its keys: {error}") from error

    async def _entry(self, ring: Ring | None, digest: str) -> bytes | None:
        body = (await self._get(self._key("journal", digest))).body
        return None if body is None else entry_opened(self.name, ring, body, _table(body), "journal", digest)

    def _key(self, kind: str, name: str) -> str:
        """Name an object: what the name holds besides plain letters is written in percent signs, which are quoted once more in its URL."""
        return quote(f"{self._root}{kind}/{quote(name, safe='@')}.json")

    async def _send(self, method: str, key: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        with translated(self.name, writing=method == "PUT"):
            sent = await signed(self._credentials, lambda: self._signed(method, key, headers, body))
            return await self._over.ask(method, self._base + key, headers=sent, body=body)

    def _signed(self, method: str, key: str, headers: dict[str, str], body: bytes | None) -> dict[str, str]:
        request = AWSRequest(method=method, url=self._base + key, data=body, headers=headers)
        try:
            S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
        except BotoCoreError as error:
            raise Unsigned(f"no credentials ({type(error).__name__}): check the secret that holds its access key") from error
        return {name: str(value) for name, value in request.headers.items()}

    def _failed(self, answer: Answer, *, writing: bool) -> Exception:
        region = _REGION.search(answer.body)
        there = answer.headers.get("x-amz-bucket-region") or (region[1].decode() if region else "")
        hint = f" ({there})" if there else ""
        return failed(self.name, answer.status, _word(answer), writing=writing, hint=hint)

    async def _get(self, key: str) -> _Kept:
        answer = await self._send("GET", key, {})
        if _absent(answer):
            return _Kept(body=None, version="", time=answer.date)
        if not answer.ok:
            raise self._failed(answer, writing=False)
        return _Kept(body=answer.body, version=self._version(answer, writing=False), time=answer.date)

    async def _put(self, key: str, body: bytes, version: str) -> Answer:
        """Write on a version of the object, or on its absence."""
        condition = {"if-match": version} if version else {"if-none-match": "*"}
        answer = await self._send("PUT", key, {"content-type": "application/json", **condition}, body)
        if answer.ok:
            self._version(answer, writing=True)
        return answer

    def _version(self, answer: Answer, *, writing: bool) -> str:
        """Give the ETag of a success, where it is one of a bucket's: no object of ours begins as a page does."""
        if answer.body.lstrip(_BEFORE_A_PAGE).startswith(b"<"):
            raise not_its_own(self.name, writing=writing)
        found = answer.headers.get("etag", "")
        if not found:
            raise unanswered(self.name, "it gives no ETag, so it cannot be a store: run a probe on it", writing=writing)
        return found

    def _table(self, body: bytes) -> dict[str, Any]:
        """Read a row's object as a table, of whatever version. Raises ``StoreDown`` when it is none."""
        table = _table(body)
        if "format" not in table:
            raise not_its_own(self.name, writing=False)
        return table

    async def _read(self, ring: Ring | None, register: str) -> Reply:
        kept = await self._get(self._key("registers", register))
        if kept.body is None:
            return Reply(row=Row(), store_time=kept.time)
        held = self._table(kept.body)
        held = opened(self.name, ring, held, "value", "register", register, str(held.get("accepted")))
        row = register_row(self.name, register, held.pop("format", None), held)
        return Reply(row=row, version=kept.version, store_time=kept.time)

    async def _write(self, ring: Ring | None, register: str, row: Row, seen: Reply) -> Reply | Refusal:
        """Write on the version seen. A ballot below what was seen is refused unsent, for promises never go down."""
        if row.promised < seen.row.promised:
            return Refusal(held=seen)
        table = {"format": FORMAT, **msgspec.to_builtins(row)}
        body = closed(ring, table, "value", "register", register, row.accepted)
        answer = await self._put(self._key("registers", register), body, seen.version)
        if answer.ok:
            return Reply(row=row, version=answer.headers["etag"], store_time=answer.date)
        if _conflicts(answer):
            return Refusal(held=await self._read(ring, register))
        raise self._failed(answer, writing=True)

    async def _held(self, ring: Ring | None, prefix: Cloud) -> tuple[_Kept, dict[str, Any]]:
        kept = await self._get(self._key("sightings", prefix))
        if kept.body is None:
            return kept, {}
        table = opened(self.name, ring, self._table(kept.body), "rows", "sightings", prefix)
        if table.get("format") != FORMAT or not isinstance(table.get("rows"), dict):
            raise RowUnreadable(f"{self.name} holds the sighting rows of {prefix} in a form this version cannot read: upgrade pointsman")
        return kept, table["rows"]

    async def _note(self, ring: Ring | None, prefix: Cloud, claims: dict[str, Sighting]) -> None:
        for _ in range(NOTE_TRIES):
            kept, held = await self._held(ring, prefix)
            won = [winning(claim, _text(held.get(row), "rank"), kept.time) for row, claim in claims.items()]
            new = {one.row: {"rank": rank(one), "claim": canonical(one).decode()} for one in won if one is not None}
            if not new or await self._replaced(ring, prefix, held | new, kept.version):
                return
        raise StoreDown(f"{self.name}: the sighting rows changed under every try; they are noted again with the next look")

    async def _replaced(self, ring: Ring | None, prefix: Cloud, rows: dict[str, Any], version: str) -> bool:
        if len(rows) > ROWS_LIMIT:
            raise StoreDown(f"{self.name} would hold more than {ROWS_LIMIT} sighting rows: remove those of members that are gone")
        body = closed(ring, {"format": FORMAT, "rows": rows}, "rows", "sightings", prefix)
        answer = await self._put(self._key("sightings", prefix), body, version)
        if not answer.ok and not _conflicts(answer):
            raise self._failed(answer, writing=True)
        return answer.ok


def _word(answer: Answer) -> str:
    """Give the service's own word for what went wrong; "" when it has none."""
    found = _CODE.search(answer.body)
    return found[1].decode() if found else ""


def _absent(answer: Answer) -> bool:
    return (answer.status, _word(answer)) == _ABSENT


def _conflicts(answer: Answer) -> bool:
    """Say whether the condition of a write did not hold: another object is there, or none any more."""
    return answer.status in _CONFLICTS or _absent(answer)


def _table(body: bytes) -> dict[str, Any]:
    """Read an object as a table; an empty one when it is none."""
    try:
        found = parse(body, Any)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(held: Any, name: str) -> str | None:
    found = held.get(name) if isinstance(held, dict) else None
    return found if isinstance(found, str) else None
