"""Documents in Elasticsearch: templates, bulk writes, each document once.

A write uses the document's `ts` as its external version, so neither a second delivery nor a late
one can replace a newer state.
"""

import contextlib
import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from elasticsearch import ApiError, AuthenticationException, AuthorizationException, Elasticsearch
from elasticsearch.exceptions import BadRequestError, NotFoundError, TransportError

from tradebot.platform.elastic_mappings import index_name, mapping, template
from tradebot.platform.settings import SettingsError
from tradebot.platform.store import (
    Refusal,
    StoredDocument,
    StoreSettings,
    StoreUnavailableError,
)
from tradebot.records import PERMANENT, DocType

BULK_BYTES = 2**20
"""Approximate size of a bulk request; larger ones are no faster and use memory on both sides."""

BACKOFF_SECONDS = (0.1, 0.3, 1.0)
"""Waits between tries of one write, before jitter; after them the caller decides."""

PAGE = 1000
"""Documents of one answer while many are read."""

_VIEW = "2m"
"""How long Elasticsearch keeps a view of the index after the last page was read."""

CONFLICT = 409

HINDRANCES = frozenset(
    {
        "cluster_block_exception",  # read-only: set by a user, or because the disk is full
        "index_closed_exception",
        "index_not_found_exception",  # and creating it is not allowed
        "validation_exception",  # too many shards for a new index
    }
)
"""Refusals not caused by the document: once an operator fixes the cause, it is accepted."""


def client(settings: StoreSettings) -> Elasticsearch:
    """Returns a client of the settings' server.

    Raises:
        SettingsError: the URL, the password's file or the CA's file cannot be used.
    """
    # The client logs each failure as well; the caller gets what matters.
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)
    options: dict[str, Any] = {"request_timeout": 30, "max_retries": 0}
    if settings.elasticsearch_username:
        options["basic_auth"] = (settings.elasticsearch_username, _password(settings))
    if settings.elasticsearch_ca_file:
        if not Path(settings.elasticsearch_ca_file).is_file():
            raise SettingsError(
                f"elasticsearch_ca_file is {settings.elasticsearch_ca_file!r}, which is not a "
                "file; set it to the path of a PEM file"
            )
        options["ca_certs"] = settings.elasticsearch_ca_file
    try:
        return Elasticsearch(settings.elasticsearch, **options)
    except (ValueError, OSError) as error:
        raise SettingsError(
            f"elasticsearch is {settings.elasticsearch!r}: {error}; use a URL such as "
            "http://127.0.0.1:9200"
        ) from None


def _password(settings: StoreSettings) -> str:
    try:
        return Path(settings.elasticsearch_password_file).read_text().strip()
    except OSError as error:
        raise SettingsError(
            f"elasticsearch_password_file is {settings.elasticsearch_password_file!r}: "
            f"{error.strerror}; set it to the path of a file with the password"
        ) from None


class ElasticStore:
    """Stores documents on the settings' server."""

    def __init__(
        self, settings: StoreSettings, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client(settings)
        self._prefix = settings.index_prefix
        self._sleep = sleep

    def set_up(self, replicas: int) -> None:
        """See `DocumentStore`: creates templates, and updates the mappings of existing indices."""
        try:
            for kind in DocType:
                self._client.indices.put_index_template(
                    name=f"{self._prefix}-{kind}", **template(kind, self._prefix, replicas)
                )
                self._upgrade(kind)
        except TransportError as error:
            raise StoreUnavailableError(_sentence(error)) from error
        except ApiError as error:
            if _passing(error.status_code, error.error):
                raise StoreUnavailableError(_sentence(error)) from error
            raise SettingsError(f"Elasticsearch rejects the setup: {_sentence(error)}") from error

    def _upgrade(self, kind: DocType) -> None:
        pattern = f"{self._prefix}-{kind}-*"
        if kind in PERMANENT:
            name = index_name(self._prefix, kind, 0)
            if not self._client.indices.exists(index=name):
                self._create(name)
        if self._client.indices.get(index=pattern, filter_path="*.aliases").body:
            fields = mapping(kind)
            self._client.indices.put_mapping(
                index=pattern,
                properties=fields["properties"],
                dynamic=fields["dynamic"],
                meta=fields["_meta"],
            )
            self._client.indices.put_alias(index=pattern, name=f"{self._prefix}-{kind}")

    def _create(self, index: str) -> None:
        try:
            self._client.indices.create(index=index)
        except BadRequestError as error:
            # Another process that sets up the store was faster.
            if error.error != "resource_already_exists_exception":
                raise

    def write(self, documents: Sequence[StoredDocument]) -> list[Refusal]:
        """See `DocumentStore`; waits a little, with jitter, while the server is busy."""
        refused: list[Refusal] = []
        for part in _parts(documents):
            waiting = list(part)
            for wait in (*BACKOFF_SECONDS, None):
                waiting, reason = self._write_once(waiting, refused)
                if not waiting:
                    break
                if wait is None:
                    raise StoreUnavailableError(reason)
                self._sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  # jitter, no secret
        return refused

    def _write_once(
        self, documents: Sequence[StoredDocument], refused: list[Refusal]
    ) -> tuple[list[StoredDocument], str]:
        """Writes once; returns the documents to retry and why. Adds to `refused`."""
        # The client accepts bytes, but its types do not say so.
        lines: list[Any] = [line for d in documents for line in (self._action(d), d.source)]
        try:
            answer = self._client.bulk(
                operations=lines,
                filter_path="errors,items.*.status,items.*.error.type,items.*.error.reason,"
                "items.*.error.caused_by.reason",
            )
        except (AuthenticationException, AuthorizationException) as error:
            raise StoreUnavailableError(_sentence(error)) from error
        except TransportError as error:
            return list(documents), _sentence(error)
        except ApiError as error:
            if _passing(error.status_code, error.error):
                return list(documents), _sentence(error)
            if _of_content(error):
                return self._write_apart(documents, refused, error)
            raise StoreUnavailableError(_sentence(error)) from error
        if not answer["errors"]:
            return [], ""
        return _sort_out(documents, answer["items"], refused)

    def _write_apart(
        self, documents: Sequence[StoredDocument], refused: list[Refusal], error: ApiError
    ) -> tuple[list[StoredDocument], str]:
        """Splits a request that was refused as a whole, down to single documents."""
        if len(documents) == 1:
            refused.append(Refusal(documents[0], _sentence(error)))
            return [], ""
        middle = len(documents) // 2
        left, why = self._write_once(documents[:middle], refused)
        right, also = self._write_once(documents[middle:], refused)
        return left + right, why or also

    def _action(self, document: StoredDocument) -> bytes:
        action = {
            "_index": index_name(self._prefix, document.doc_type, document.ts),
            "_id": document.id,
            "version": document.ts,
            "version_type": "external_gte",
        }
        return msgspec.json.encode({"index": action})

    def latest(
        self, doc_type: DocType, limit: int, *, bot: str | None = None, symbol: str | None = None
    ) -> list[dict[str, Any]]:
        """See `DocumentStore`; documents of the last second may be missing."""
        try:
            answer = self._client.search(
                index=f"{self._prefix}-{doc_type}",
                size=limit,
                query={"bool": {"filter": _terms(bot, symbol)}},
                sort=[{"ts": {"order": "desc", "unmapped_type": "date"}}],
                ignore_unavailable=True,
            )
        except NotFoundError:
            return []
        except (TransportError, ApiError) as error:
            raise StoreUnavailableError(_sentence(error)) from error
        return [{"_id": hit["_id"], **hit["_source"]} for hit in answer["hits"]["hits"]]

    def find(self, field: Literal["_id", "decision_id"], value: str) -> list[dict[str, Any]]:
        """See `DocumentStore`; documents of the last second may be missing."""
        try:
            answer = self._client.search(
                index=f"{self._prefix}-*", size=1000, query={"term": {field: value}}
            )
        except NotFoundError:
            return []
        except (TransportError, ApiError) as error:
            raise StoreUnavailableError(_sentence(error)) from error
        return [{"_id": hit["_id"], **hit["_source"]} for hit in answer["hits"]["hits"]]

    def between(
        self,
        doc_type: DocType,
        start: int,
        end: int,
        *,
        bot: str | None = None,
        symbol: str | None = None,
    ) -> Iterator[dict[str, Any]]:
        """See `DocumentStore`: one view of the index, in pages; new documents do not move it."""
        filters: list[dict[str, Any]] = [{"range": {"ts": {"gte": start, "lt": end}}}]
        filters += _terms(bot, symbol)
        index, pit = f"{self._prefix}-{doc_type}", ""
        try:
            pit = self._client.open_point_in_time(index=index, keep_alive=_VIEW)["id"]
            after: list[Any] | None = None
            while True:
                answer = self._client.search(
                    pit={"id": pit, "keep_alive": _VIEW},
                    size=PAGE,
                    query={"bool": {"filter": filters}},
                    sort=[{"ts": {"order": "asc", "unmapped_type": "date"}}, "_shard_doc"],
                    search_after=after,
                    track_total_hits=False,
                )
                hits = answer["hits"]["hits"]
                for hit in hits:
                    yield {"_id": hit["_id"], **hit["_source"]}
                if len(hits) < PAGE:
                    return
                pit, after = answer["pit_id"], hits[-1]["sort"]
        except NotFoundError:
            return
        except (TransportError, ApiError) as error:
            raise StoreUnavailableError(_sentence(error)) from error
        finally:
            if pit:
                with contextlib.suppress(TransportError, ApiError):
                    self._client.close_point_in_time(id=pit)

    def prune(self, retention_days: int) -> int:
        """See `DocumentStore`: deletes whole months; returns how many documents they held."""
        gone = 0
        try:
            for kind in DocType:
                if kind not in PERMANENT:
                    for name in self._expired(kind, retention_days):
                        gone += self._client.count(index=name)["count"]
                        self._client.indices.delete(index=name)
        except (TransportError, ApiError) as error:
            raise StoreUnavailableError(_sentence(error)) from error
        return gone

    def _expired(self, kind: DocType, retention_days: int) -> list[str]:
        newest = self.latest(kind, 1)
        if not newest:
            return []
        oldest_kept = index_name(self._prefix, kind, newest[0]["ts"] - retention_days * 86_400_000)
        names = self._client.indices.get(index=f"{self._prefix}-{kind}-*", filter_path="*.aliases")
        return [name for name in names.body if name < oldest_kept]

    def close(self) -> None:
        """See `DocumentStore`."""
        self._client.close()


def _terms(bot: str | None, symbol: str | None) -> list[dict[str, Any]]:
    wanted = {"bot": bot, "symbol": symbol}
    return [{"term": {name: value}} for name, value in wanted.items() if value is not None]


def _parts(documents: Sequence[StoredDocument]) -> Iterator[list[StoredDocument]]:
    """Splits the documents into requests of at most `BULK_BYTES`."""
    part: list[StoredDocument] = []
    size = 0
    for document in documents:
        if part and size + len(document.source) > BULK_BYTES:
            yield part
            part, size = [], 0
        part.append(document)
        size += len(document.source)
    if part:
        yield part


def _sort_out(
    documents: Sequence[StoredDocument], items: Sequence[dict[str, Any]], refused: list[Refusal]
) -> tuple[list[StoredDocument], str]:
    again: list[StoredDocument] = []
    why = ""
    for document, item in zip(documents, items, strict=True):
        result = item["index"]
        status = result["status"]
        if status < 300 or status == CONFLICT:  # a conflict: a newer state is stored already
            continue
        error = result.get("error", {})
        kind = error.get("type", "error")
        reason = f"{kind} ({status}): {error.get('reason', 'no reason given')}"
        if cause := error.get("caused_by", {}).get("reason"):
            reason += f": {cause}"
        if _passing(status, kind) or status in (401, 403):
            again.append(document)
            why = reason
        else:
            refused.append(Refusal(document, reason))
    return again, why


def _passing(status: int, kind: str) -> bool:
    """Whether a retry may succeed."""
    return status == 429 or status >= 500 or kind in HINDRANCES


def _of_content(error: ApiError) -> bool:
    """Whether the request's content is the cause: its size, or Elasticsearch says so."""
    own = isinstance(error.body, dict) and "error" in error.body
    return error.status_code == 413 or (error.status_code == 400 and own)


def _sentence(error: Exception) -> str:
    if isinstance(error, ApiError):
        return f"Elasticsearch returned {error.status_code}: {error.message} {error.info}"[:500]
    text, cause = str(error), str(error.__cause__ or "")
    return f"Elasticsearch does not respond: {text if cause in text else f'{text}: {cause}'}"
