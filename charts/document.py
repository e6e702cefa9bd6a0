"""Generates the chart's values.schema.json and the table in its README from values.yaml, and the
reference of a TradeBot's fields, docs/resource.md, from the CRD.

The comment above a key describes it; a line `# @schema {...}` refines the type of its default. The
values of the stages come from files/stages.yaml. `--check` writes nothing and fails if a file is
out of date.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import resource_page
import yaml

CHART = Path(__file__).parent / "tradebot"
BEGIN, END = "<!-- values -->", "<!-- end of values -->"

QUANTITY = "([0-9]+|[0-9]*[.][0-9]+)(m|k|[KMGTPE]i|[MGTPE])?"
LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
OBJECT = "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
BYTE = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
CIDR = (
    f"{BYTE}([.]{BYTE}){{3}}/(3[0-2]|[12]?[0-9])"
    "|[0-9a-fA-F]*:[0-9a-fA-F:.]*/(12[0-8]|1[01][0-9]|[1-9]?[0-9])"
)
SERVER = "([A-Za-z0-9._-]+|[[][0-9a-fA-F:.]+[]]):[0-9]{1,5}"
URL = "https?://[^/:@\\s]+(:[0-9]{1,5})?(/\\S*)?"


def text(pattern: str, *, empty: bool = False) -> dict[str, Any]:
    """Returns the schema of strings that match a pattern, or may be empty."""
    return {"type": "string", "pattern": f"^({pattern})?$" if empty else f"^({pattern})$"}


def table(of: dict[str, Any], names: str = "") -> dict[str, Any]:
    """Returns the schema of a mapping, from one schema of its values and a pattern of names."""
    if not names:
        return {"type": "object", "additionalProperties": of}
    named = {f"^({names})$": of}
    return {"type": "object", "patternProperties": named, "additionalProperties": False}


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of an object with exactly these fields."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def reference(name: str) -> dict[str, str]:
    """Returns a reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}


OBJECTS = {"type": "array", "items": {"type": "object"}}
EXTRAS = {
    "labels": reference("labels"),
    "annotations": table({"type": "string"}),
    "env": table({"$ref": "#/$defs/variable"}, "[-._A-Za-z][-._A-Za-z0-9]*"),
    "envFrom": OBJECTS,
    "volumes": OBJECTS,
    "volumeMounts": OBJECTS,
    "sidecars": OBJECTS,
    "pod": {"type": "object"},
}
AMOUNTS = table(reference("quantity"), "cpu|memory|ephemeral-storage|hugepages-.+|.+/.+")
DEFINITIONS = {
    "quantity": text(QUANTITY) | {"type": ["string", "number"]},
    "size": text(QUANTITY, empty=True),
    "resources": closed(
        {"requests": AMOUNTS, "limits": AMOUNTS, "claims": {"type": "array"}},
    ),
    "claim": closed({"size": reference("size"), "class": reference("objectOrNone")}),
    "labels": table(text("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", empty=True)),
    "prefix": text("[a-z]([-a-z0-9]*[a-z0-9])?", empty=True),
    "object": text(OBJECT),
    "objectOrNone": text(OBJECT, empty=True),
    "namespace": text(LABEL),
    "namespaceOrNone": text(LABEL, empty=True),
    "cidr": text(CIDR),
    "cidrOrNone": text(CIDR, empty=True),
    "variable": {
        "oneOf": [{"type": "string"}, closed({"valueFrom": {"type": "object", "minProperties": 1}})]
    },
    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
    "servers": text(f"{SERVER}(,{SERVER})*", empty=True),
    "url": text(URL, empty=True),
    "duration": text("([0-9]+(ms|[smhdwy]))+"),
    "podExtras": closed(EXTRAS),
    "stage": closed(EXTRAS | {"resources": reference("resources")}),
}


class Described:
    """Comments and schema hints by dotted key."""

    def __init__(self, text: str) -> None:
        self.text: dict[str, str] = {}
        self.hint: dict[str, dict[str, Any]] = {}
        comment: list[str] = []
        path: list[tuple[int, str]] = []
        for line in text.splitlines():
            if not line.strip():
                comment = []
            elif line.strip().startswith("#"):
                comment.append(line.strip().removeprefix("#").strip())
            elif found := re.match(r"( *)([A-Za-z]+):", line):
                indent, key = len(found[1]), found[2]
                path = [item for item in path if item[0] < indent] + [(indent, key)]
                self._note(".".join(name for _, name in path), comment)
                comment = []

    def _note(self, key: str, comment: list[str]) -> None:
        words = [line for line in comment if not line.startswith("@schema")]
        self.text[key] = " ".join(words)
        for line in comment:
            if line.startswith("@schema"):
                self.hint[key] = json.loads(line.removeprefix("@schema"))


def schema_of(value: Any, key: str, described: Described) -> dict[str, Any]:
    """Returns the schema of one value."""
    schema: dict[str, Any] = {}
    if described.text.get(key):
        schema["description"] = described.text[key]
    if key in described.hint:
        return schema | described.hint[key]
    if isinstance(value, dict) and value:
        schema |= {"type": "object", "additionalProperties": False}
        schema["properties"] = {
            name: schema_of(item, f"{key}.{name}".lstrip("."), described)
            for name, item in value.items()
        }
        return schema
    if isinstance(value, dict):
        return schema | {"type": "object", "additionalProperties": {"type": "string"}}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return schema | {"type": kinds[type(value)]}


def rows(value: Any, key: str, described: Described) -> list[str]:
    """Returns the table's rows of one value."""
    if isinstance(value, dict) and value and key not in described.hint:
        made = []
        for name, item in value.items():
            made += rows(item, f"{key}.{name}".lstrip("."), described)
        return made
    return [f"| `{key}` | `{json.dumps(value)}` | {described.text.get(key, '')} |"]


def _add_stages(values: dict[str, Any], described: Described) -> None:
    """Adds the values of each stage that has its own pods for bots, from the table of stages."""
    for name, stage in yaml.safe_load((CHART / "files" / "stages.yaml").read_text()).items():
        if stage.get("bots") or stage.get("job"):
            values["stages"][name] = {"resources": stage["resources"]}
            described.text[f"stages.{name}"] = stage["summary"]
            described.hint[f"stages.{name}"] = reference("stage")


def documents() -> dict[Path, str]:
    """Returns the content of each file."""
    source = (CHART / "values.yaml").read_text()
    values, described = yaml.safe_load(source), Described(source)
    _add_stages(values, described)
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "tradebot"}
    schema |= schema_of(values, "", described)
    # An umbrella chart switches this one by `enabled`, and shares `global` with it.
    schema["properties"] |= {"global": {"type": "object"}, "enabled": {"type": "boolean"}}
    schema["$defs"] = DEFINITIONS
    table = ["| value | default | description |", "|---|---|---|", *rows(values, "", described)]
    readme = (CHART / "README.md").read_text()
    head, tail = readme.split(BEGIN)[0], readme.split(END)[1]
    files = {
        CHART / "values.schema.json": json.dumps(schema, indent=2) + "\n",
        CHART / "files/defaults.json": json.dumps(values, indent=2) + "\n",
        CHART / "README.md": f"{head}{BEGIN}\n" + "\n".join(table) + f"\n{END}{tail}",
    }
    if resource_page.PAGE.parent.is_dir():  # a copy of the chart alone has no docs
        files[resource_page.PAGE] = resource_page.page()
    return files


def main() -> int:
    """Writes the files, or checks them."""
    stale = [
        path for path, text in documents().items() if not path.exists() or path.read_text() != text
    ]
    if "--check" in sys.argv:
        for path in stale:
            sys.stderr.write(f"{path.name} is stale: run python charts/document.py\n")
        return 1 if stale else 0
    for path in stale:
        path.write_text(documents()[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
