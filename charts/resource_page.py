"""Writes docs/resource.md, the reference of a TradeBot's fields, from the CRD's descriptions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CRD = Path(__file__).parent / "tradebot/files/crds/tradebots.tradebot.dev.yaml"
PAGE = Path(__file__).parents[1] / "docs/resource.md"

HEAD = """# The TradeBot resource

Every field of a TradeBot, with its default. `python charts/document.py` writes this page from the CRD, so
`kubectl explain tradebot.spec` shows the same texts. [kubernetes.md](kubernetes.md) shows how to use them.

Only `spec.symbol` is required. Amounts and fractions are decimal strings, because a resource holds no
floats; `spec.forecast.modelOptions` takes numbers as the model's own documentation writes them.

What a bot cannot set is the release's, because many bots share it: the pods of ingest and liquidity, the
brokers, the topics' names and the emulator. [The chart's README](../charts/tradebot/README.md) lists those
values.

"""


def page() -> str:
    """Returns the page."""
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    return (
        HEAD
        + _section("Settings: spec", "spec", spec)
        + "\n## Rules between settings\n\nThe API server refuses a TradeBot that breaks one:\n\n"
        + "".join(f"- {rule}\n" for rule in dict.fromkeys(_rules(spec)))
        + "\n"
        + _section("State: status", "status", status, defaults=False)
    )


def _section(title: str, name: str, node: dict[str, Any], *, defaults: bool = True) -> str:
    head = "| field | default | description |\n|---|---|---|\n"
    if not defaults:
        head = "| field | description |\n|---|---|\n"
    lines = []
    for path, field in _fields(name, node):
        text = " ".join(field.get("description", "").split()).replace("|", "\\|")
        default = f"{_default(field)} | " if defaults else ""
        lines.append(f"| `{path}` | {default}{text}{_choices(field)} |\n")
    return f"## {title}\n\n{head}{''.join(lines)}"


def _fields(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields each field below `node`, an item of a list as `name[]`."""
    for name, child in node.get("properties", {}).items():
        place = f"{path}.{name}"
        yield place, child
        yield from _fields(place, child)
        yield from _fields(f"{place}[]", child.get("items", {}))


def _default(field: dict[str, Any]) -> str:
    if "default" not in field or field.get("properties"):
        return ""
    return f"`{json.dumps(field['default'])}`"


def _choices(field: dict[str, Any]) -> str:
    return f" One of {', '.join(field['enum'])}." if "enum" in field else ""


def _rules(node: dict[str, Any]) -> Iterator[str]:
    """Yields the sentences of rules on objects, which compare several fields."""
    if node.get("type") == "object":
        for rule in node.get("x-kubernetes-validations", []):
            yield " ".join(rule["message"].split())
    for child in node.get("properties", {}).values():
        yield from _rules(child)
