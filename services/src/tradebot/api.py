"""Bots' documents as data frames, for users' own code and notebooks.

>>> from tradebot.api import Store
>>> store = Store(".tradebot")                              # doctest: +SKIP
>>> store.fills(bot="btc", start="2026-11-01")              # doctest: +SKIP

Frames are Polars'; `frame.to_pandas()` gives pandas'. A frame has a row per document, oldest first,
with the document's fields as columns and `time` in UTC. Without documents it is empty.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec
import polars as pl

from tradebot.documents import BODIES
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError, StageSettings
from tradebot.platform.store import LAST, DocumentStore, StoredDocument, StoreSettings
from tradebot.platform.topic import messages
from tradebot.platform.topics import DOCUMENTS
from tradebot.recorder.reading import UnreadableError, document_of
from tradebot.records import DocType

__all__ = ["Store", "moment"]

When = datetime | str | int | None
"""A time: a datetime, ISO text (UTC unless it names a zone), milliseconds, or no bound."""


def moment(when: When, default: int) -> int:
    """Returns the time in milliseconds.

    >>> moment("2026-11-30", 0) == moment(datetime(2026, 11, 30, tzinfo=UTC), 0)
    True

    Raises:
        ValueError: the text is not a date or time in ISO form.
    """
    if when is None:
        return default
    if isinstance(when, int):
        return when
    try:
        found = datetime.fromisoformat(when) if isinstance(when, str) else when
    except ValueError:
        raise ValueError(
            f"{when!r} is not a date or time: write 2026-11-30 or 2026-11-30T08:00:00+00:00"
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1000)


class Store(AbstractContextManager["Store"]):
    """The documents of SQLite, Elasticsearch or Kafka.

    Args:
        place: folder with `documents.sqlite`, or Elasticsearch's URL.
        kafka: bootstrap servers; documents are then read from the topic `trade-documents`, which
            keeps them for a week by default. `place` is not used.
        settings: further settings by name, such as `index_prefix`, `elasticsearch_username`,
            `elasticsearch_password_file`, `kafka_security` or `topic_prefix`.

    Raises:
        SettingsError: there are no documents at the place, or a setting is invalid.
    """

    def __init__(
        self, place: str | Path = ".tradebot", *, kafka: str = "", **settings: Any
    ) -> None:
        self._kafka: StageSettings | None = None
        self._store: DocumentStore | None = None
        if kafka:
            self._kafka = msgspec.convert({"kafka": kafka} | settings, StageSettings)
            return
        address = str(place)
        if address.startswith(("http://", "https://")):
            settings = {"elasticsearch": address} | settings
        elif not (Path(place) / "documents.sqlite").is_file():
            raise SettingsError(
                f"there is no documents.sqlite in {place}: pass the recorder's --state-dir, "
                "Elasticsearch's URL, or kafka="
            )
        else:
            settings = {"state_dir": Path(place)} | settings
        self._store = open_store(msgspec.convert(settings, StoreSettings))

    def documents(
        self,
        kind: str,
        *,
        bot: str | None = None,
        symbol: str | None = None,
        start: When = None,
        end: When = None,
    ) -> pl.DataFrame:
        """Returns the documents of a kind with `start` <= time < `end`.

        Raises:
            ValueError: the kind does not exist, or a time cannot be read.
            StoreUnavailableError: the store does not respond.
        """
        try:
            doc_type = DocType(kind)
        except ValueError:
            kinds = ", ".join(DocType)
            raise ValueError(f"there are no documents of kind {kind!r}: use {kinds}") from None
        bounds = moment(start, 0), moment(end, LAST)
        if self._store is not None:
            found = list(self._store.between(doc_type, *bounds, bot=bot, symbol=symbol))
        else:
            found = list(self._from_kafka(doc_type, *bounds, bot=bot, symbol=symbol))
        return _frame(doc_type, found)

    def fills(self, **which: Any) -> pl.DataFrame:
        """Executions of orders; see `documents` for the arguments of this and the next ones."""
        return self.documents("fill", **which)

    def orders(self, **which: Any) -> pl.DataFrame:
        """Orders, each as the venue last reported it."""
        return self.documents("order", **which)

    def decisions(self, **which: Any) -> pl.DataFrame:
        """A bot's decision for each window, and why."""
        return self.documents("decision", **which)

    def forecasts(self, **which: Any) -> pl.DataFrame:
        """Published forecasts."""
        return self.documents("forecast", **which)

    def windows(self, **which: Any) -> pl.DataFrame:
        """Flows and liquidity ratio of each window."""
        return self.documents("liquidity", **which)

    def equity(self, **which: Any) -> pl.DataFrame:
        """Value of the account at each decision: `time`, `bot`, `equity`, `mid`."""
        decisions = self.decisions(**which)
        return decisions.select("time", "bot", "equity", "mid").filter(
            pl.col("equity").is_not_null()
        )

    def close(self) -> None:
        """Closes the connection."""
        if self._store is not None:
            self._store.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _from_kafka(
        self, doc_type: DocType, start: int, end: int, *, bot: str | None, symbol: str | None
    ) -> Iterator[dict[str, Any]]:
        """Yields the newest state of each document, as a recorder would store it."""
        assert self._kafka is not None
        newest: dict[str, StoredDocument] = {}
        for message in messages(self._kafka, self._kafka.topic_prefix + DOCUMENTS):
            try:
                found = document_of(message.value() or b"")
            except UnreadableError:
                continue  # the recorder put it in the dead letters
            known = newest.get(found.id)
            if known is None or found.ts >= known.ts:
                newest[found.id] = found
        chosen = [
            each
            for each in newest.values()
            if each.doc_type == doc_type
            and start <= each.ts < end
            and bot in (None, each.bot)
            and symbol in (None, each.symbol)
        ]
        for each in sorted(chosen, key=lambda each: (each.ts, each.id)):
            yield {"_id": each.id} | msgspec.json.decode(each.source)


HEAD: Final[dict[str, pl.DataType]] = {
    "time": pl.Datetime("ms", "UTC"),
    "bot": pl.String(),
    "symbol": pl.String(),
}


def _frame(doc_type: DocType, documents: list[dict[str, Any]]) -> pl.DataFrame:
    """Returns a row per document: time, bot, symbol, then the fields of its kind in order."""
    fields = [field.name for field in msgspec.structs.fields(BODIES[doc_type])]
    schema = dict.fromkeys([*HEAD, *fields, "_id"], pl.Null()) | HEAD
    if not documents:
        return pl.DataFrame(schema=schema)
    rows = [{"time": each["ts"]} | each for each in documents]
    frame = pl.from_dicts(rows, infer_schema_length=None)
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in schema.items() if name not in frame.columns
    ]
    times = pl.col("time").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    return frame.with_columns(*missing).with_columns(times).select(*schema)
