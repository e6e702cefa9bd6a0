"""The page of the TradeBot resource, from its CRD."""

import json
from pathlib import Path
from typing import Any

import yaml

from reference.table import cell, code, table

CRD = Path(__file__).parents[3] / "charts/tradebot/files/crds/tradebots.tradebot.dev.yaml"

INTRODUCTION = """# The TradeBot resource

`{api}`, kind `{kind}`, short name `{short}`. Only `spec.symbol` is required. Fractions and
amounts are decimal strings in quotes, never floating-point numbers. `kubectl explain
tradebot.spec` shows the same text.
"""


def page() -> str:
    """Returns the page."""
    crd = yaml.safe_load(CRD.read_text())["spec"]
    version = crd["versions"][-1]
    schema = version["schema"]["openAPIV3Schema"]["properties"]
    names = crd["names"]
    parts = [
        INTRODUCTION.format(
            api=f"{crd['group']}/{version['name']}",
            kind=names["kind"],
            short=", ".join(names.get("shortNames", [])),
        ),
        "## spec\n",
        _fields(schema["spec"]),
        "## Rules across fields\n",
        "The API server refuses a TradeBot that breaks one of these, with this sentence:\n",
        "\n".join(f"- {rule['message']}" for rule in _rules(schema["spec"])) + "\n",
        "## status\n",
        _fields(schema["status"], defaults=False),
        "## Columns\n",
        table(
            ["column", "shows", "with"],
            [
                [cell(column["name"]), code(column["jsonPath"]), _when(column)]
                for column in version["additionalPrinterColumns"]
            ],
        ),
    ]
    return "\n".join(parts)


def _when(column: dict[str, Any]) -> str:
    return "`kubectl get tb -o wide`" if column.get("priority") else "`kubectl get tb`"


def _fields(schema: dict[str, Any], *, defaults: bool = True) -> str:
    rows = [
        [code(path), _type(field), _default(field), cell(field.get("description", ""))]
        for path, field in _walk(schema, "")
    ]
    if not defaults:
        return table(["field", "type", "what it is"], [[a, b, d] for a, b, _, d in rows])
    return table(["field", "type", "default", "what it does"], rows)


def _walk(schema: dict[str, Any], path: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        found.append((here, field))
        found += _walk(field, here)
        if field.get("type") == "array":
            found += _walk(field["items"], f"{here}[]")
    return found


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " \\| ".join(code(choice) for choice in field["enum"])
    kind = "integer or string" if field.get("x-kubernetes-int-or-string") else field.get("type", "")
    least, greatest = field.get("minimum"), field.get("maximum")
    if least is not None and greatest is not None:
        return f"{kind}, {least} to {greatest}"
    return f"{kind}, at least {least}" if least is not None else str(kind)


def _default(field: dict[str, Any]) -> str:
    if "default" not in field or field.get("properties"):
        return ""
    return code(json.dumps(field["default"]))


def _rules(schema: dict[str, Any]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = list(schema.get("x-kubernetes-validations", []))
    for field in schema.get("properties", {}).values():
        if field.get("type") == "object":
            rules += _rules(field)
    return [rule for rule in rules if "message" in rule]
