"""Stores of documents: their interface and their settings."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Protocol

import msgspec

from tradebot.platform.settings import StageSettings
from tradebot.records import DocType

LAST: Final = 2**53
"""Milliseconds after every document: the end of a range that has none."""


class StoreSettings(StageSettings, frozen=True, kw_only=True):
    """Where documents are stored: settings of the recorder and of every reader."""

    state_dir: Annotated[Path, "folder of documents.sqlite"] = Path(".tradebot")
    elasticsearch: Annotated[str, "Elasticsearch's URL; default: documents go to SQLite"] = ""
    elasticsearch_username: Annotated[str, "Elasticsearch user"] = ""
    elasticsearch_password_file: Annotated[str, "file with the user's password"] = ""
    elasticsearch_ca_file: Annotated[str, "the server's certificate authority, a PEM file"] = ""
    index_prefix: Annotated[
        str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$"), "prefix of every index"
    ] = "tradebot"


class StoredDocument(msgspec.Struct, frozen=True):
    """A document in its stored form.

    `source` is its JSON: the body's fields together with `bot`, `symbol`, `ts`, `doc_type` and, if
    known, `environment`.
    """

    id: str
    doc_type: DocType
    ts: int
    bot: str
    symbol: str
    source: bytes


class Refusal(msgspec.Struct, frozen=True):
    """A document that the store refuses permanently, and why."""

    document: StoredDocument
    reason: str


class StoreUnavailableError(Exception):
    """The store does not accept documents now; the same write may succeed later."""


class DocumentStore(Protocol):
    """Keeps each document once: of two with the same id, the one with the later `ts` stays."""

    def set_up(self, replicas: int) -> None:
        """Creates or upgrades what holds the documents; safe to repeat.

        Raises:
            StoreUnavailableError: the store does not respond.
            SettingsError: it refuses, with its reason.
        """
        ...

    def write(self, documents: Sequence[StoredDocument]) -> list[Refusal]:
        """Stores the documents durably; returns those refused permanently.

        Raises:
            StoreUnavailableError: some may be stored, some not; write all of them again.
        """
        ...

    def latest(
        self, doc_type: DocType, limit: int, *, bot: str | None = None, symbol: str | None = None
    ) -> list[dict[str, Any]]:
        """The newest `limit` documents of a kind, newest first, each with its `_id`.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        ...

    def find(self, field: Literal["_id", "decision_id"], value: str) -> list[dict[str, Any]]:
        """Returns the documents of that id or decision, at most 1,000, each with its `_id`.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        ...

    def between(
        self,
        doc_type: DocType,
        start: int,
        end: int,
        *,
        bot: str | None = None,
        symbol: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yields the documents of a kind with `start` <= `ts` < `end`, oldest first.

        Each has its `_id`. However many there are, few are held at a time.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        ...

    def prune(self, retention_days: int) -> int:
        """Deletes documents that many days older than the newest of their kind; returns the count.

        Raises:
            StoreUnavailableError: the store cannot prune now; a retry may succeed.
        """
        ...

    def close(self) -> None:
        """Closes the connection."""
        ...
