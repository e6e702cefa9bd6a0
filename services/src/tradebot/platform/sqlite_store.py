"""Documents in one SQLite file: the store of a single machine."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from tradebot.platform.private import make_private
from tradebot.platform.settings import SettingsError
from tradebot.platform.store import Refusal, StoredDocument, StoreUnavailableError
from tradebot.records import PERMANENT, DocType

DAY_MS = 86_400_000

_SCHEMA = """
create table if not exists documents (
    id text primary key,
    doc_type text not null,
    ts integer not null,
    bot text not null,
    symbol text not null,
    source text not null
) without rowid;
create index if not exists documents_by_time on documents (doc_type, ts);
"""

_UPSERT = """
insert into documents values (?, ?, ?, ?, ?, ?)
on conflict (id) do update
set doc_type = excluded.doc_type, ts = excluded.ts, bot = excluded.bot,
    symbol = excluded.symbol, source = excluded.source
where excluded.ts >= documents.ts
"""


class SqliteStore:
    """Stores documents in `path`, which is created if missing.

    Args:
        patience: seconds to wait for another process that writes.

    Raises:
        SettingsError: the file cannot be created, or is not such a database.
    """

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            make_private(path)
            self._connection = sqlite3.connect(path, timeout=patience, check_same_thread=False)
            # Readers never wait for the writer, and a commit survives a crash of the process.
            self._connection.execute("pragma journal_mode = wal")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(
                f"cannot store documents in {path}: {error}; choose a writable folder with "
                "--state-dir"
            ) from None

    def set_up(self, replicas: int) -> None:
        """See `DocumentStore`; opening the file has created the tables."""

    def write(self, documents: Sequence[StoredDocument]) -> list[Refusal]:
        """See `DocumentStore`; SQLite refuses no document."""
        rows = [(d.id, d.doc_type, d.ts, d.bot, d.symbol, d.source.decode()) for d in documents]
        try:
            with self._connection:
                self._connection.executemany(_UPSERT, rows)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"SQLite cannot write documents: {error}") from error
        return []

    def latest(
        self, doc_type: DocType, limit: int, *, bot: str | None = None, symbol: str | None = None
    ) -> list[dict[str, Any]]:
        """See `DocumentStore`."""
        more, values = _terms(bot, symbol)
        query = (
            f"select id, source from documents where doc_type = ?{more} order by ts desc limit ?"  # noqa: S608  # fixed texts
        )
        try:
            rows = self._connection.execute(query, [str(doc_type), *values, limit]).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"SQLite cannot be read: {error}") from error
        return [{"_id": row[0], **msgspec.json.decode(row[1])} for row in rows]

    def find(self, field: Literal["_id", "decision_id"], value: str) -> list[dict[str, Any]]:
        """See `DocumentStore`."""
        column = "id" if field == "_id" else "json_extract(source, '$.decision_id')"
        query = f"select id, source from documents where {column} = ? order by ts limit 1000"  # noqa: S608  # one of the two texts above
        try:
            rows = self._connection.execute(query, [value]).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"SQLite cannot be read: {error}") from error
        return [{"_id": row[0], **msgspec.json.decode(row[1])} for row in rows]

    def between(
        self,
        doc_type: DocType,
        start: int,
        end: int,
        *,
        bot: str | None = None,
        symbol: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """See `DocumentStore`."""
        where, values = "doc_type = ? and ts >= ? and ts < ?", [str(doc_type), start, end]
        more, further = _terms(bot, symbol)
        query = f"select id, source from documents where {where}{more} order by ts, id"  # noqa: S608  # fixed texts
        try:
            for row in self._connection.execute(query, [*values, *further]):
                yield {"_id": row[0], **msgspec.json.decode(row[1])}
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"SQLite cannot be read: {error}") from error

    def prune(self, retention_days: int) -> int:
        """See `DocumentStore`."""
        gone = 0
        try:
            with self._connection:
                for kind in DocType:
                    if kind not in PERMANENT:
                        gone += self._connection.execute(
                            "delete from documents where doc_type = ?1 and ts <"
                            " (select max(ts) from documents where doc_type = ?1) - ?2",
                            (kind, retention_days * DAY_MS),
                        ).rowcount
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"SQLite cannot delete documents: {error}") from error
        return gone

    def close(self) -> None:
        """See `DocumentStore`."""
        self._connection.close()


def _terms(bot: str | None, symbol: str | None) -> tuple[str, list[str]]:
    """Returns further conditions of a query, and their values."""
    given = (("bot", bot), ("symbol", symbol))
    wanted = {column: value for column, value in given if value is not None}
    return "".join(f" and {column} = ?" for column in wanted), list(wanted.values())
