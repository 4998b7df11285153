"""A store in one Firestore database (Native mode), over REST: preconditions, no transactions.

A register is a document whose update time is the version of its next conditional write
(https://firebase.google.com/docs/firestore/reference/rest/v1/Precondition). The database has no TTL policy but one on
``until`` of its collection ``journal``, and no restore is made over it.
"""

import base64
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import msgspec

from pointsman.adapters.failures import TOO_LARGE, failed, is_too_large, translated, unanswered
from pointsman.adapters.gcp.http import Answer, GoogleHttp, Unanswered
from pointsman.adapters.stored import FORMAT, entry_unreadable, register_row, rows_read
from pointsman.core.fabric import Cloud
from pointsman.core.rows import newest, rank, standing, winning
from pointsman.core.sightings import Sighting
from pointsman.core.values import Frozen, canonical, parse
from pointsman.ports.stores import ROWS_LIMIT, Listed, Refusal, Reply, Row, RowsRead, StoreDown

ENDPOINT = "https://firestore.googleapis.com"
NOTE_TRIES = 10
"""How often claims are written again because what stood in their way changed."""
PAGE = 300
"""Names that one page lists."""
BATCH = 200
"""Most writes of one request (the service's own limit is 500)."""
KNOWN_LIMIT = 4096
"""Sighting rows whose update times are remembered; past it they are all forgotten, and read before the next write."""

_CONFLICTS = {"FAILED_PRECONDITION", "ALREADY_EXISTS", "NOT_FOUND", "ABORTED"}
_INVALID = "INVALID_ARGUMENT"
_CONFLICT_CODES = {5, 6, 9, 10}
_EXHAUSTED = 8
_COLUMNS = ("promised", "accepted", "value")

S = TypeVar("S")


class _Said(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Part of an answer; what else the service says is left unread."""


class _Document(_Said, frozen=True):
    name: str
    update_time: str
    fields: dict[str, Any] = msgspec.field(default_factory=dict)


class _Got(_Said, frozen=True):
    read_time: str
    found: _Document | None = None
    missing: str = ""


class _Queried(_Said, frozen=True):
    read_time: str = ""
    document: _Document | None = None
    error: Any = None


class _WriteResult(_Said, frozen=True):
    update_time: str = ""


class _Status(_Said, frozen=True):
    code: int = 0


class _Committed(_Said, frozen=True):
    commit_time: str
    write_results: tuple[_WriteResult, ...]


class _Written(_Said, frozen=True):
    write_results: tuple[_WriteResult, ...]
    status: tuple[_Status, ...]


class _Held(Frozen):
    """What is known of a sighting row: its version ("" when absent) and the rank of the claim in it."""

    version: str = ""
    rank: str | None = None


class FirestoreStore:
    """Keeps ``ports.stores.Store`` in a database. ``root`` starts the names of its collections."""

    def __init__(
        self, name: str, project: str, http: GoogleHttp, *, database: str = "(default)", root: str = "", endpoint: str = ENDPOINT
    ) -> None:
        self.name = name
        self._http = http
        self._home = f"projects/{project}/databases/{database}/documents"
        self._url = f"{endpoint.rstrip('/')}/v1/{self._home}"
        self._root = root
        self._known: dict[str, _Held] = {}

    async def read(self, register: str) -> Reply:
        """Read a row: batchGet, strongly consistent."""
        return await self._read(register)

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise a ballot, if the document is still as it was ``seen``."""
        fields = {"format": _integer(FORMAT), "promised": _string(ballot)}
        return await self._write(register, ballot, msgspec.structs.replace(seen.row, promised=ballot), fields, seen)

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value, if the document is still as it was ``seen``: pass the prepare's reply."""
        row = Row(promised=ballot, accepted=ballot, value=value)
        fields = {"format": _integer(FORMAT), "promised": _string(ballot), "accepted": _string(ballot), "value": _string(value)}
        return await self._write(register, ballot, row, fields, seen)

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims in one request where their rows' versions are known from an earlier read or note, else after one read."""
        claims = newest(sightings)
        for start in range(0, len(claims), BATCH):
            chunk = dict(list(claims.items())[start : start + BATCH])
            await self._note(prefix, chunk)

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read all claims under a prefix with one query of their collection."""
        return await self._rows(prefix)

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep a journal entry; a TTL policy on ``until`` of the collection ``journal`` drops it."""
        fields = {"entry": {"bytesValue": base64.b64encode(entry).decode()}}
        ends = {} if until is None else {"until": {"timestampValue": f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}}
        write = self._update(self._name("journal", digest), fields | ends, "")
        if await self._commit(write) is None and (await self._get([self._name("journal", digest)]))[0].found is None:
            raise unanswered(self.name, "it refused a journal entry that it does not hold", writing=True)

    async def entry(self, digest: str) -> bytes | None:
        """Give a journal entry back. Raises ``RowUnreadable`` when it is not one."""
        name = self._name("journal", digest)
        got = (await self._get([name]))[0]
        try:
            return None if got.found is None else base64.b64decode(got.found.fields["entry"]["bytesValue"], validate=True)
        except (KeyError, TypeError, ValueError) as error:
            raise entry_unreadable(self.name, digest) from error

    async def registers(self, after: str = "") -> Listed:
        """Name rows of registers: a query of their collection in the order of its documents' names."""
        return await self._listed("registers", after)

    async def entries(self, after: str = "") -> Listed:
        """Name journal entries."""
        return await self._listed("journal", after)

    async def _listed(self, collection: str, after: str) -> Listed:
        query: dict[str, Any] = {
            "from": [{"collectionId": f"{self._root}{collection}"}],
            "select": {"fields": [{"fieldPath": "__name__"}]},
            "orderBy": [{"field": {"fieldPath": "__name__"}}],
            "limit": PAGE,
        }
        if after:
            query["startAt"] = {"values": [{"referenceValue": after}], "before": False}
        results = await self._query(query)
        found = [result.document.name for result in results if result.document is not None]
        names = tuple(unquote(name.rpartition("/")[2].removesuffix("-")) for name in found)
        return Listed(names=names, after=found[-1] if len(found) == PAGE else None)

    def _name(self, collection: str, key: str) -> str:
        return f"{self._home}/{self._root}{collection}/{quote(key, safe='@:|>')}-"

    async def _post(self, method: str, body: object, kind: type[S], *, writing: bool, conflicts: Collection[str] = ()) -> S | None:
        """Ask once; None for one of the ``conflicts``. Every other answer is what was asked for, or an error."""
        with translated(self.name, writing=writing):
            answer = await self._http.ask("POST", f"{self._url}{method}", body=body)
            if answer.ok:
                return _decoded(answer, kind)
        word, says = _told(answer)
        if word in conflicts:
            return None
        status = TOO_LARGE if word == _INVALID and is_too_large(says) else answer.status
        raise failed(self.name, status, word, writing=writing)

    async def _read(self, register: str) -> Reply:
        got = (await self._get([self._name("registers", register)]))[0]
        if got.found is None:
            return Reply(row=Row(), store_time=_time(got.read_time))
        fields = got.found.fields
        held = {column: _text(fields[column]) for column in _COLUMNS if column in fields}
        row = register_row(self.name, register, _layout(fields.get("format")), held)
        return Reply(row=row, version=got.found.update_time, store_time=_time(got.read_time))

    async def _get(self, names: Sequence[str]) -> tuple[_Got, ...]:
        got = await self._post(":batchGet", {"documents": names}, tuple[_Got, ...], writing=False) or ()
        if {one.found.name if one.found else one.missing for one in got} != set(names):
            raise unanswered(self.name, "it answered about other documents than it was asked for", writing=False)
        return got

    async def _commit(self, write: Mapping[str, Any]) -> _Committed | None:
        """Make one write; None when its condition does not hold."""
        done = await self._post(":commit", {"writes": [write]}, _Committed, writing=True, conflicts=_CONFLICTS)
        if done is not None and len(done.write_results) != 1:
            raise unanswered(self.name, "it answered about other writes than it was sent", writing=True)
        return done

    async def _write(self, register: str, ballot: str, row: Row, fields: Mapping[str, Any], seen: Reply) -> Reply | Refusal:
        """Write on the version seen. A ballot below what was seen is refused unsent, for promises never go down."""
        if ballot < seen.row.promised:
            return Refusal(held=seen)
        done = await self._commit(self._update(self._name("registers", register), fields, seen.version))
        if done is None:
            return Refusal(held=await self._read(register))
        return Reply(row=row, version=done.write_results[0].update_time or done.commit_time, store_time=_time(done.commit_time))

    @staticmethod
    def _update(name: str, fields: Mapping[str, Any], version: str) -> dict[str, Any]:
        """Make a write of some fields on a version of the document, or on its absence."""
        condition = {"updateTime": version} if version else {"exists": False}
        return {"update": {"name": name, "fields": fields}, "updateMask": {"fieldPaths": list(fields)}, "currentDocument": condition}

    async def _note(self, prefix: Cloud, claims: dict[str, Sighting]) -> None:
        names = {self._name(f"sightings-{prefix}", row): claim for row, claim in claims.items()}
        if not names.keys() <= self._known.keys():
            await self._learn(names)
        for _ in range(NOTE_TRIES):
            names = await self._noted(names)
            if not names:
                return
            await self._learn(names)
        raise StoreDown(f"{self.name}: {len(names)} sighting rows changed under every try; they are noted again with the next look")

    async def _noted(self, names: Mapping[str, Sighting]) -> dict[str, Sighting]:
        """Write what ranks above what is known; give what must be tried again: lost to another write, or ahead of the store's time."""
        known = {name: self._known.get(name, _Held()) for name in names}
        newer = {name: claim for name, claim in names.items() if winning(claim, known[name].rank, None) is not None}
        if not newer:
            return {}
        writes = [self._update(name, _claim_fields(claim), known[name].version) for name, claim in newer.items()]
        done = await self._post(":batchWrite", {"writes": writes}, _Written, writing=True)
        if done is None or not len(done.write_results) == len(done.status) == len(newer):
            raise unanswered(self.name, "it answered about other writes than it was sent", writing=True)
        results = zip(newer.items(), done.write_results, done.status, strict=True)
        return {name: claim for (name, claim), result, status in results if not self._kept(name, claim, result.update_time, status.code)}

    def _kept(self, name: str, claim: Sighting, version: str, code: int) -> bool:
        if code and code not in _CONFLICT_CODES:
            raise failed(self.name, 429 if code == _EXHAUSTED else 500, f"code {code}", writing=True)
        if code or winning(claim, None, _time(version)) != claim:
            return False
        self._remember(name, _Held(version=version, rank=rank(claim)))
        return True

    async def _learn(self, names: dict[str, Sighting]) -> None:
        """Read the rows' versions, and bring claims back to the store's time."""
        for got in await self._get(list(names)):
            time, name = _time(got.read_time), got.found.name if got.found else got.missing
            names[name] = winning(names[name], None, time) or names[name]
            self._remember(name, _held(got.found, time) if got.found else _Held())

    def _remember(self, name: str, held: _Held) -> None:
        if len(self._known) >= KNOWN_LIMIT:
            self._known.clear()
        self._known[name] = held

    async def _query(self, query: Mapping[str, Any]) -> tuple[_Queried, ...]:
        """Run a query to its end: one that fails on its way says so in the midst of a success, and one that finds nothing says when."""
        results = await self._post(":runQuery", {"structuredQuery": query}, tuple[_Queried, ...], writing=False) or ()
        if not any(one.read_time for one in results) or any(one.error is not None for one in results):
            raise unanswered(self.name, "it broke a query off", writing=False)
        return results

    async def _rows(self, prefix: Cloud) -> RowsRead:
        query = {"from": [{"collectionId": f"{self._root}sightings-{prefix}"}], "limit": ROWS_LIMIT + 1}
        results = await self._query(query)
        time = next((found for result in results if (found := _time(result.read_time)) is not None), None)
        documents = [result.document for result in results if result.document is not None]
        for document in documents:
            self._remember(document.name, _held(document, time))
        return rows_read(self.name, (_text(document.fields.get("claim")) for document in documents), time)


def _claim_fields(claim: Sighting) -> dict[str, Any]:
    return {"rank": _string(rank(claim)), "claim": _string(canonical(claim).decode())}


def _held(document: _Document, time: datetime | None) -> _Held:
    """Say what is known of a row; a rank that blocks no claim at that time does not count."""
    return _Held(version=document.update_time, rank=standing(_text(document.fields.get("rank")), time))


def _string(text: str) -> dict[str, str]:
    return {"stringValue": text}


def _integer(count: int) -> dict[str, str]:
    return {"integerValue": str(count)}


def _text(value: Any) -> str | None:
    found = value.get("stringValue") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def _layout(value: Any) -> int | None:
    """Give the layout that a number names, where it is the one that is known here."""
    return FORMAT if value == _integer(FORMAT) else None


def _decoded(answer: Answer, kind: type[S]) -> S:
    try:
        return parse(answer.body, kind)
    except msgspec.DecodeError as error:
        raise Unanswered("the answer is not what was asked for, or cut short: look for a proxy in between") from error


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:  # a time that cannot be read is no time
        return None
    return found if found.tzinfo is not None else None


def _told(answer: Answer) -> tuple[str, str]:
    """Give Google's own word for what went wrong (``FAILED_PRECONDITION``), and what else it says."""
    try:
        body = parse(answer.body, Any)
    except msgspec.DecodeError:
        return "", ""
    body = body[0] if isinstance(body, list) and body else body
    error = body.get("error") if isinstance(body, dict) else None
    word, says = (error.get(name) if isinstance(error, dict) else None for name in ("status", "message"))
    return word if isinstance(word, str) else "", says if isinstance(says, str) else ""
