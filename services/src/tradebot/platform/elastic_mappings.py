"""Elasticsearch's templates for documents, derived from the Structs that describe them.

Unknown fields are refused (`dynamic: strict`): Elasticsearch would otherwise choose the type of an
undeclared field by its first value. Money is `double`: documents are for reading, and 15 digits
are enough for any price or balance. Times are dates, identifiers and words are keywords.
"""

import types
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from tradebot.documents import BODIES
from tradebot.records import PERMANENT, DocType

VERSION = 5
"""Increase it with every change of the mappings; the templates carry it."""

TIMES = frozenset(
    {"ts", "window_start", "window_end", "fitted_at", "history_end", "start", "timestamps"}
)
"""Integer fields that are times in milliseconds UTC."""

UNSEARCHED = frozenset({"inputs"})
"""Texts that are shown only, never searched or counted."""

DATE = {"type": "date", "format": "epoch_millis"}


def mapping(doc_type: DocType) -> dict[str, Any]:
    """The mapping of a kind's index."""
    properties = {
        "bot": {"type": "keyword"},
        "symbol": {"type": "keyword"},
        "base": {"type": "keyword"},
        "quote": {"type": "keyword"},
        "ts": DATE,
        "doc_type": {"type": "keyword"},
        "environment": {"type": "keyword"},
    }
    return {
        "dynamic": "strict",
        "_meta": {"managed_by": "tradebot", "version": VERSION},
        "properties": properties | _properties(BODIES[doc_type]),
    }


def template(doc_type: DocType, prefix: str, replicas: int) -> dict[str, Any]:
    """The index template of a kind."""
    return {
        "index_patterns": [f"{prefix}-{doc_type}-*"],
        "priority": 500,
        "version": VERSION,
        "_meta": {"managed_by": "tradebot", "version": VERSION},
        "template": {
            "settings": {
                "number_of_shards": 1,
                "number_of_replicas": replicas,
                "refresh_interval": "1s",
            },
            "mappings": mapping(doc_type),
            "aliases": {f"{prefix}-{doc_type}": {}},
        },
    }


def index_name(prefix: str, doc_type: DocType, ts: int) -> str:
    """Returns the index of a document: one per month, or a single one for permanent kinds.

    An order keeps its id while its `ts` changes; with monthly indices its states could end up in
    two of them. The `ts` of other kinds is a function of what they record.

    >>> index_name("tradebot", DocType.LIQUIDITY, 1_602_770_086_000)
    'tradebot-liquidity-2020.10'
    """
    if doc_type in PERMANENT:
        return f"{prefix}-{doc_type}-all"
    return f"{prefix}-{doc_type}-{_month(ts)}"


def _month(ts: int) -> str:
    moment = datetime.fromtimestamp(ts / 1000, UTC)
    return f"{moment.year:04}.{moment.month:02}"


def _properties(kind: type[msgspec.Struct]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {name: _field(name, hint) for name, hint in hints.items() if name != "__match_args__"}


def _field(name: str, hint: Any) -> Mapping[str, Any]:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner = [part for part in get_args(hint) if part is not type(None)]
        return _field(name, inner[0])
    if origin is list:
        return _field(name, get_args(hint)[0])
    if origin is Literal:
        return {"type": "keyword"}
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return {"dynamic": "strict", "properties": _properties(hint)}
    if hint is str and name in UNSEARCHED:
        return {"type": "keyword", "index": False, "doc_values": False}
    if hint is int and name in TIMES:
        return DATE
    return {"type": {str: "keyword", bool: "boolean", int: "long", float: "double"}[hint]}
