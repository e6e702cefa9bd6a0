"""The pages of the records on topics and of the stored documents, from their Structs."""

import ast
import inspect
import re
import textwrap
from types import ModuleType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from reference.table import code, table
from tradebot import documents, records

RECORDS = """# Records

A record is what crosses a Kafka topic. Values are JSON in UTF-8. Times are integer milliseconds
UTC, except `timestamp` of a window, which is in whole seconds. The venue's prices and amounts are
decimal strings. Topic names can have a prefix. Readers ignore fields that they do not know.
"""

DOCUMENTS = """# Stored documents

The recorder stores each document with `bot`, `symbol`, `base`, `quote`, `ts`, `doc_type`,
`environment` and the fields below. Numbers are floats, for reading; no order is computed from them.
In Elasticsearch, documents of type `decision` are behind the alias `PREFIX-decision`, and so on.
See [Documents](../documents.md) for how they get there, each once.
"""


def records_page() -> str:
    """Returns the page of records."""
    parts = [RECORDS]
    for kind in _structs(records):
        parts += [f"## {kind.__name__}\n", _docstring(kind), _table(kind)]
    return "\n".join(parts)


def documents_page() -> str:
    """Returns the page of documents."""
    parts = [DOCUMENTS]
    for name, body in documents.BODIES.items():
        parts += [f"## {name}\n", _docstring(body), _table(body)]
    parts.append("## Parts of documents\n")
    for kind in _structs(documents):
        if kind not in documents.BODIES.values() and kind.__name__ != "Body":
            parts += [f"### {kind.__name__}\n", _docstring(kind), _table(kind)]
    return "\n".join(parts)


def _structs(module: ModuleType) -> list[type[msgspec.Struct]]:
    """Returns the Structs that a module defines, in its order."""
    return [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and kind.__module__ == module.__name__
    ]


def _docstring(kind: type) -> str:
    return re.sub(r"(?m)^ {4}", "", inspect.getdoc(kind) or "") + "\n"


def _table(kind: type[msgspec.Struct]) -> str:
    hints = get_type_hints(kind, include_extras=True)
    notes = _notes(kind)
    fields = msgspec.structs.fields(kind)
    head = ["field", "type", "default"]
    rows = [
        [code(field.encode_name), code(_type(hints[field.name])), _default(field)]
        for field in fields
    ]
    if any(field.name in notes for field in fields):
        head.append("what it is")
        rows = [[*row, notes.get(field.name, "")] for row, field in zip(rows, fields, strict=True)]
    return table(head, rows) if rows else ""


def _notes(kind: type) -> dict[str, str]:
    """Returns the string below each field that has one."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    notes = {}
    for field, note in zip(body.body, body.body[1:], strict=False):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(note, ast.Expr) and isinstance(note.value, ast.Constant):
            notes[field.target.id] = " ".join(str(note.value.value).split()).replace("|", "\\|")
    return notes


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return ""
    if field.default_factory is not msgspec.NODEFAULT:
        return "empty"
    return "null" if field.default is None else code(repr(field.default).replace("'", '"'))


def _type(hint: Any) -> str:
    """Writes a type as JSON has it.

    >>> _type(int | None), _type(tuple[str, ...])
    ('integer or null', 'list of string')
    """
    if get_origin(hint) is Annotated:
        return _type(get_args(hint)[0])
    if get_origin(hint) is Literal:
        return " or ".join(f'"{choice}"' for choice in get_args(hint))
    if get_origin(hint) in (list, tuple, frozenset, set):
        inner = [part for part in get_args(hint) if part is not Ellipsis]
        return f"list of {' or '.join(dict.fromkeys(map(_type, inner)))}"
    if get_origin(hint) is dict or str(get_origin(hint)).endswith("Mapping'>"):
        return "object"
    if get_args(hint):  # a union
        return " or ".join(dict.fromkeys(map(_type, get_args(hint))))
    names = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}
    return names.get(hint, getattr(hint, "__name__", str(hint)))
