"""Stores of documents: what is asked of one, and where it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import msgspec

from tradebot.platform.settings import StageSettings
from tradebot.records import DocType


class StoreSettings(StageSettings, frozen=True, kw_only=True):
    """Where documents are stored: what the recorder and every reader of documents take."""

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

    `source` is its JSON: the body's fields with `bot`, `symbol`, `ts`, `doc_type` and, where it is
    known, `environment` alongside them.
    """

    id: str
    doc_type: DocType
    ts: int
    bot: str
    symbol: str
    source: bytes


class Refusal(msgspec.Struct, frozen=True):
    """A document that the store will never take, and why."""

    document: StoredDocument
    reason: str


class StoreUnavailableError(Exception):
    """The store does not take documents now; the same write may succeed later."""


class DocumentStore(Protocol):
    """Keeps each document once: of two with the same id the one with the later `ts` stays."""

    def set_up(self, replicas: int) -> None:
        """Makes or upgrades what holds the documents; harmless when repeated.

        Raises:
            StoreUnavailableError: the store does not respond.
            SettingsError: it refuses, with its reason.
        """
        ...

    def write(self, documents: Sequence[StoredDocument]) -> list[Refusal]:
        """Stores the documents durably; returns those that it refused permanently.

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
        """The documents, at most 1,000, of that id or of that decision, each with its `_id`.

        Raises:
            StoreUnavailableError: the store does not respond.
        """
        ...

    def prune(self, retention_days: int) -> int:
        """Deletes what is older than its kind's newest by more; returns how many went.

        Raises:
            StoreUnavailableError: it cannot now; the same may succeed later.
        """
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...
