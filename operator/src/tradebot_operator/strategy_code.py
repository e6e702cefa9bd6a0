"""What the operator needs to know of strategies' code in ConfigMaps.

The operator never runs a strategy. It hashes the file, so that an edit restarts the stage, and
parses it, to see whether bots may share the stage: a strategy of arrays knows no position, so one
process serves all bots with the same file, parameters, symbol and resolution. A class sees its
bot's account, and each bot gets its own.
"""

import ast
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from tradebot_operator.pods import Trouble

LARGEST = 1 << 20
"""Largest strategy file in bytes."""
SUFFIX = ".py"


class Code(msgspec.Struct, frozen=True):
    """A strategy's file: its digest, whether bots may share its stage, and its size in bytes."""

    digest: str
    shared: bool
    size: int


class CodeMap(msgspec.Struct, frozen=True):
    """The Python files of a ConfigMap, by key; `binary` are the keys that are not text."""

    namespace: str
    name: str
    uid: str
    codes: Mapping[str, Code]
    binary: tuple[str, ...] = ()


def code_map(body: Mapping[str, Any]) -> CodeMap:
    """Returns the strategies in a ConfigMap."""
    metadata, data = body["metadata"], body.get("data") or {}
    return CodeMap(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        codes={key: code(text) for key, text in data.items() if key.endswith(SUFFIX)},
        binary=tuple(body.get("binaryData") or {}),
    )


def code(text: str) -> Code:
    """Analyses a strategy's file.

    >>> code("def signals(bars): ...").shared, code("class A:\\n def on_bar(self, m): ...").shared
    (True, False)
    """
    content = text.encode()
    shared = len(content) <= LARGEST and _is_of_arrays(text)
    return Code(hashlib.sha256(content).hexdigest()[:16], shared, len(content))


def _is_of_arrays(text: str) -> bool:
    """Whether the file has a function `signals`. One that cannot be parsed counts as a class: its
    stage reports the error.
    """
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(isinstance(each, ast.FunctionDef) and each.name == "signals" for each in module.body)


def found(name: str, key: str, listed: CodeMap | None) -> Code | Trouble:
    """Returns the strategy in `key` of the ConfigMap `name`, or why there is none."""
    if listed is None:
        return Trouble(
            "ConfigMapMissing",
            f"ConfigMap {name} does not exist: create it in this namespace with "
            f"kubectl create configmap {name} --from-file={key}",
        )
    if key in listed.binary:
        return Trouble("NotText", f"{key} in ConfigMap {name} is not UTF-8 text")
    if key not in listed.codes:
        known = ", ".join(sorted(listed.codes)) or "no Python file"
        return Trouble(
            "KeyMissing",
            f"ConfigMap {name} has no key {key}, but {known}: set spec.strategy.file.key to a key "
            "that it has",
        )
    code = listed.codes[key]
    if code.size > LARGEST:
        return Trouble(
            "FileTooLarge",
            f"{key} in ConfigMap {name} has {code.size:,} bytes: a strategy may have at most "
            f"{LARGEST:,}",
        )
    return code
