"""Checks saved objects against the shapes of Kibana's own, from `kibana_shapes.yaml`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

SHAPES: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())

PLAIN = {"text": str, "integer": int, "decimal": int | float, "flag": bool}


def faults(value: Any, kind: Any = "=saved by type", at: str = "") -> Iterator[str]:
    """Yields where and how the value differs from the shape, one sentence per fault."""
    if isinstance(kind, dict):
        yield from _keys(value, kind, at)
        return
    holder, of, inner = kind.partition(" of ")
    if of and holder in ("list", "map", "json"):
        yield from _held(value, holder, inner, at)
    elif kind.startswith("="):
        yield from _named(value, kind[1:], at)
    elif kind in PLAIN:
        wrong = not isinstance(value, PLAIN[kind]) or (kind != "flag" and isinstance(value, bool))
        if wrong:
            yield f"{at}: {value!r} is not {kind}"
    elif kind != "anything" and value not in kind.split(" | "):
        yield f"{at}: {value!r} is none of {kind}"


def _named(value: Any, name: str, at: str) -> Iterator[str]:
    name, by, key = name.partition(" by ")
    if by:
        chosen = value.get(key) if isinstance(value, dict) else None
        name = f"{name}/{chosen}"
        if name not in SHAPES:
            yield f"{at}.{key}: there is no {name}"
            return
    yield from faults(value, SHAPES[name], at)


def _held(value: Any, holder: str, inner: str, at: str) -> Iterator[str]:
    if holder == "json":
        try:
            yield from faults(json.loads(value), inner, at)
        except (TypeError, ValueError):
            yield f"{at}: {value!r} is not text that is JSON"
    elif not isinstance(value, list if holder == "list" else dict):
        yield f"{at}: {value!r} is not a {holder}"
    else:
        for key, each in value.items() if holder == "map" else enumerate(value):
            yield from faults(each, inner, f"{at}.{key}")


def _keys(value: Any, shape: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: {value!r} is not a map"
        return
    whole = _with_parents(shape)
    known = {name.rstrip("~"): kind for name, kind in whole.items()}
    yield from (
        f"{at}: {name} is missing" for name in whole.keys() - value.keys() if name[-1] != "~"
    )
    yield from (f"{at}: Kibana's own have no {name}" for name in value.keys() - known.keys())
    for name in value.keys() & known.keys():
        yield from faults(value[name], known[name], f"{at}.{name}")


def _with_parents(shape: dict[str, Any]) -> dict[str, Any]:
    if "<" not in shape:
        return shape
    own = {name: kind for name, kind in shape.items() if name != "<"}
    return _with_parents(SHAPES[shape["<"]]) | own
