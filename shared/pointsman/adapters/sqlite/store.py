"""A store in one sqlite file: safe between threads and processes of one machine, and as durable as its disk."""

import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from pointsman.adapters.failures import unanswered
from pointsman.adapters.stored import FORMAT, entry_unreadable, register_row, rows_read
from pointsman.adapters.threads import Turns
from pointsman.core.errors import PointsmanError, bounded
from pointsman.core.fabric import Cloud
from pointsman.core.rows import newest, rank, winning
from pointsman.core.sightings import Sighting
from pointsman.core.values import canonical
from pointsman.ports.stores import ROWS_LIMIT, Listed, Refusal, Reply, Row, RowsRead, RowUnreadable, StoreDown

PAGE = 1_000
"""Names that one page lists."""
BUSY_SECONDS = 3.0
"""How long another process's write is waited for."""
MAKERS = 8
"""How often a file is turned to its log of writes, while others who make the same file are in the way."""
NAMES_LIMIT = 80
"""Most letters of the names of tables that an error tells."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS registers (register TEXT PRIMARY KEY, format INTEGER, promised TEXT, accepted TEXT, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sightings (prefix TEXT, row TEXT, rank TEXT, claim TEXT, PRIMARY KEY (prefix, row)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entries (digest TEXT PRIMARY KEY, entry BLOB, until TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_until ON entries (until);
"""
_WAL = "PRAGMA journal_mode = WAL"
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_COLUMNS = ("promised", "accepted", "value")
_HELD = "format, promised, accepted, value"
_READ = f"SELECT {_NOW}, {_HELD} FROM (SELECT 1) LEFT JOIN registers ON register = ?"  # noqa: S608 - constants only
_PREPARE = f"""
INSERT INTO registers VALUES (?, {FORMAT}, ?, '', NULL)
ON CONFLICT DO UPDATE SET promised = excluded.promised WHERE promised <= excluded.promised AND format = {FORMAT}
RETURNING {_NOW}, {_HELD}"""  # noqa: S608 - constants only
_ACCEPT = f"""
INSERT INTO registers VALUES (?, {FORMAT}, ?, ?, ?)
ON CONFLICT DO UPDATE SET promised = excluded.promised, accepted = excluded.accepted, value = excluded.value
WHERE promised <= excluded.promised AND format = {FORMAT}
RETURNING {_NOW}, {_HELD}"""  # noqa: S608 - constants only
_DROP = f"DELETE FROM entries WHERE digest IN (SELECT digest FROM entries WHERE until < {_NOW} LIMIT 16)"  # noqa: S608 - constants only
_REGISTERS = "SELECT register FROM registers WHERE register > ? ORDER BY register LIMIT ?"
_ENTRIES = "SELECT digest FROM entries WHERE digest > ? ORDER BY digest LIMIT ?"
_NOTE = "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?)"
_TABLES = """
SELECT one.name, held.name, held.pk FROM sqlite_master AS one, pragma_table_info(one.name) AS held
WHERE one.type = 'table' AND one.name NOT LIKE 'sqlite!_%' ESCAPE '!'"""

_NOTHING_WRITTEN = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PERM", "SQLITE_AUTH"}

_MENDS = {
    "SQLITE_FULL": "the disk is full: make room; what it holds is whole, and nothing was written",
    "SQLITE_CANTOPEN": "its file cannot be opened or made: check the path, and the rights to its folder",
    "SQLITE_READONLY": "its file or folder may not be written to: mend the rights",
    "SQLITE_ERROR": "its tables are not those of a store: mend the path",
    "SQLITE_NOTADB": "its file is something else than a store: mend the path",
}

T = TypeVar("T")


class SqliteStore:
    """Keeps ``ports.stores.Store`` in a file (WAL, synchronous=FULL). The file is opened, and made, on first use."""

    def __init__(self, name: str, path: Path, *, busy: float = BUSY_SECONDS) -> None:
        self.name = name
        self._path = path
        self._busy = busy
        self._lock = threading.Lock()
        self._turns = Turns()
        self._open: sqlite3.Connection | None = None

    async def read(self, register: str) -> Reply:
        """Read a row."""
        return await self._run(lambda db: self._reply(register, db.execute(_READ, (register,)).fetchone()), writing=False)

    async def prepare(self, register: str, ballot: str, seen: Reply) -> Reply | Refusal:
        """Promise a ballot; ballots are compared here, so ``seen`` is not needed."""
        del seen
        return await self._run(lambda db: self._write(db, register, _PREPARE, (register, ballot)), writing=True)

    async def accept(self, register: str, ballot: str, value: str, seen: Reply) -> Reply | Refusal:
        """Accept a value; ballots are compared here, so ``seen`` is not needed."""
        del seen
        return await self._run(lambda db: self._write(db, register, _ACCEPT, (register, ballot, ballot, value)), writing=True)

    async def note(self, prefix: Cloud, sightings: Sequence[Sighting]) -> None:
        """Write claims, all of them in one transaction."""
        claims = newest(sightings)
        if claims:
            await self._run(lambda db: self._note(db, prefix, claims), writing=True)

    async def rows(self, prefix: Cloud) -> RowsRead:
        """Read all claims under a prefix."""
        return await self._run(lambda db: self._rows(db, prefix), writing=False)

    async def put_entry(self, digest: str, entry: bytes, until: datetime | None = None) -> None:
        """Keep a journal entry, and drop some whose time is over."""
        end = None if until is None else f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
        await self._run(lambda db: _put_entry(db, digest, entry, end), writing=True)

    async def entry(self, digest: str) -> bytes | None:
        """Give a journal entry back."""
        found = await self._run(lambda db: db.execute("SELECT entry FROM entries WHERE digest = ?", (digest,)).fetchone(), writing=False)
        if found is not None and not isinstance(found[0], bytes):
            raise entry_unreadable(self.name, digest)
        return None if found is None else bytes(found[0])

    async def registers(self, after: str = "") -> Listed:
        """Name rows of registers."""
        return await self._run(lambda db: _page(db, _REGISTERS, after), writing=False)

    async def entries(self, after: str = "") -> Listed:
        """Name journal entries."""
        return await self._run(lambda db: _page(db, _ENTRIES, after), writing=False)

    def found(self) -> str:
        """Say what lies at the path by now, and leave it as it is. Raises ``StoreDown`` when that cannot be a store."""
        try:
            mode = self._path.stat().st_mode
        except FileNotFoundError:
            return "is not there yet"
        except OSError as error:
            raise StoreDown(f"{self.name} cannot be used ({error.strerror}): mend the path, or the rights to its folders") from error
        if not stat.S_ISREG(mode):
            raise StoreDown(f"{self.name} cannot be used: what lies there is no file: mend the path")
        with self._translated(writing=False), closing(self._there()) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("PRAGMA user_version = 1")  # which takes the right to write
            db.execute("ROLLBACK")
            held = _tables(db)
        strange = ", ".join(sorted(name for name, columns in held.items() if columns != _own_tables().get(name)))
        if strange:
            raise StoreDown(f"{self.name} cannot be used: it holds other tables ({bounded(strange, NAMES_LIMIT)}): mend the path")
        return "holds a store already, which was opened and not changed" if held else "holds nothing yet"

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None

    async def _run(self, act: Callable[[sqlite3.Connection], T], *, writing: bool) -> T:
        def locked() -> T:
            with self._lock, self._translated(writing=writing):
                return act(self._connection())

        return await self._turns.run(self._path, locked)

    def _there(self) -> sqlite3.Connection:
        """Open the file as it is, and make none."""
        where = f"file:{quote(str(self._path.absolute()))}?mode=rw"
        return sqlite3.connect(where, uri=True, timeout=self._busy, isolation_level=None)

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            db = sqlite3.connect(self._path, timeout=self._busy, isolation_level=None, check_same_thread=False)
            try:
                _set_up(db)
            except BaseException:
                db.close()
                raise
            self._open = db
        return self._open

    @contextmanager
    def _translated(self, *, writing: bool) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._failure(error, writing=writing) from error

    def _failure(self, error: sqlite3.Error, *, writing: bool) -> PointsmanError:
        code = getattr(error, "sqlite_errorname", None)
        if code is None:
            why = f"sqlite could not deal with what it was asked or holds ({type(error).__name__}), look for who else writes into its file"
            return unanswered(self.name, why, writing=writing)
        for known, mend in _MENDS.items():
            if code.startswith(known):
                return StoreDown(f"{self.name} cannot be used ({code}): {mend}")
        if any(code.startswith(known) for known in _NOTHING_WRITTEN):
            return StoreDown(f"{self.name} cannot be used ({code}): check that its file is writable and not held by another program")
        return unanswered(self.name, f"sqlite failed ({code}), check the disk", writing=writing)

    def _write(self, db: sqlite3.Connection, register: str, statement: str, values: tuple[str, ...]) -> Reply | Refusal:
        written = db.execute(statement, values).fetchone()
        if written is not None:
            return self._reply(register, written)
        return Refusal(held=self._reply(register, db.execute(_READ, (register,)).fetchone()))

    def _reply(self, register: str, columns: tuple[Any, ...]) -> Reply:
        time, layout, *held = columns
        absent = layout is None and held == [None] * 3
        row = Row() if absent else register_row(self.name, register, layout, dict(zip(_COLUMNS, held, strict=True)))
        return Reply(row=row, store_time=datetime.fromisoformat(time))

    def _note(self, db: sqlite3.Connection, prefix: Cloud, claims: dict[str, Sighting]) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            time, held = _time(db), dict(db.execute("SELECT row, rank FROM sightings WHERE prefix = ?", (prefix,)).fetchall())
            won = [winning(claim, held.get(row), time) for row, claim in claims.items()]
            db.executemany(_NOTE, [(prefix, one.row, rank(one), canonical(one).decode()) for one in won if one is not None])
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _rows(self, db: sqlite3.Connection, prefix: Cloud) -> RowsRead:
        time = _time(db)
        found = db.execute("SELECT claim FROM sightings WHERE prefix = ? LIMIT ?", (prefix, ROWS_LIMIT + 1)).fetchall()
        return rows_read(self.name, (text for (text,) in found), time)


def _set_up(db: sqlite3.Connection) -> None:
    """Make a connection and its file a store's. Raises ``sqlite3.Error``."""
    db.text_factory = _text_or_bytes
    for _ in range(MAKERS - 1):
        with suppress(sqlite3.OperationalError):
            db.execute(_WAL)
            break
        db.execute("BEGIN EXCLUSIVE")  # sqlite waits here, and not for the log of writes, until whoever else has the file leaves it
        db.execute("ROLLBACK")
    db.execute(_WAL)
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)


def _put_entry(db: sqlite3.Connection, digest: str, entry: bytes, until: str | None) -> None:
    db.execute("INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", (digest, entry, until))
    db.execute(_DROP)


def _own_tables() -> dict[str, set[tuple[str, int]]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_SCHEMA)
        return _tables(db)


def _tables(db: sqlite3.Connection) -> dict[str, set[tuple[str, int]]]:
    """Give the tables of a file by name, with their columns and which of those are the key."""
    found: dict[str, set[tuple[str, int]]] = {}
    for table, column, key in db.execute(_TABLES):
        found.setdefault(table, set()).add((column, key))
    return found


def _time(db: sqlite3.Connection) -> datetime:
    return datetime.fromisoformat(db.execute(f"SELECT {_NOW}").fetchone()[0])


def _text_or_bytes(held: bytes) -> str | bytes:
    """Give a text, and what somebody wrote as one and is none as its bytes, which no reader takes for its own."""
    try:
        return held.decode()
    except UnicodeDecodeError:
        return held


def _page(db: sqlite3.Connection, statement: str, after: str) -> Listed:
    """List names. What is no text is no name of ours; a whole page of those cannot be passed. Raises ``RowUnreadable``."""
    found = [name for (name,) in db.execute(statement, (after, PAGE))]
    names = tuple(name for name in found if isinstance(name, str))
    if not names and len(found) == PAGE:
        raise RowUnreadable(f"the file holds {PAGE} names or more that are no text: look who wrote them, and delete them")
    return Listed(names=names, after=names[-1] if len(found) == PAGE else None)
