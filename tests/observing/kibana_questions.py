"""The queries of Kibana's dashboards to Elasticsearch, and the rows of the results.

Derived from the saved objects as Lens does it: buckets in the order of the columns, each number
with its own filter, shifted columns at their target time, and formulas computed row by row.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from elasticsearch import Elasticsearch

from tradebot.recorder.kibana.objects import saved_objects

AGGREGATIONS = {"average": "avg", "unique_count": "cardinality"}
SHIFTS = {"": 0, "1m": 60_000, "1h": 3_600_000, "1d": 86_400_000}

Row = dict[str, Any]


class Layer(msgspec.Struct, frozen=True):
    """A layer of a panel: its columns by their ids, its index, and its query."""

    columns: dict[str, dict[str, Any]]
    index: str
    where: str


class Picture(msgspec.Struct, frozen=True):
    """A panel of a dashboard, without its fixed lines."""

    dashboard: str
    title: str
    kind: str
    layers: tuple[Layer, ...]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.title} ({self.kind})"


class Numbers(msgspec.Struct, frozen=True):
    """The numbers of one column of a panel, by row."""

    picture: Picture
    layer: Layer
    column: str

    @property
    def shown(self) -> dict[str, Any]:
        """The column in the saved object."""
        return self.layer.columns[self.column]

    def __str__(self) -> str:
        return f"{self.picture}: {self.shown['label']}"


class Pages:
    """The saved objects for indices of a prefix."""

    def __init__(self, prefix: str) -> None:
        self.objects = {(o["type"], o["id"]): o for o in saved_objects(prefix)}
        self.prefix = prefix

    def index(self, data_view: str) -> str:
        """Returns the indices of a data view."""
        return str(self.objects["index-pattern", data_view]["attributes"]["title"])

    def pictures(self) -> Iterator[Picture]:
        for (kind, identifier), each in self.objects.items():
            if kind == "dashboard":
                for panel in json.loads(each["attributes"]["panelsJSON"]):
                    if panel["type"] == "lens":
                        yield self._picture(identifier, panel)

    def _picture(self, dashboard: str, panel: dict[str, Any]) -> Picture:
        lens = panel["embeddableConfig"]["attributes"]
        sources = {r["name"]: r["id"] for r in lens["references"]}
        state = lens["state"]
        layers = state["datasourceStates"]["formBased"]["layers"]
        return Picture(
            dashboard.removeprefix("tradebot-"),
            panel["title"],
            lens["visualizationType"],
            tuple(
                Layer(
                    layer["columns"],
                    self.index(sources[f"indexpattern-datasource-layer-{name}"]),
                    state["query"]["query"],
                )
                for name, layer in layers.items()
                if name != "lines"
            ),
        )

    def numbers(self) -> Iterator[Numbers]:
        """Yields all number columns of all panels."""
        for picture in self.pictures():
            for layer in picture.layers:
                for name, column in layer.columns.items():
                    if not column["isBucketed"] and column["operationType"] != "math":
                        yield Numbers(picture, layer, name)

    def searches(self) -> Iterator[dict[str, Any]]:
        yield from (o for (kind, _), o in self.objects.items() if kind == "search")


def kql(text: str) -> dict[str, Any]:
    """Converts the few forms of KQL that the dashboards use to a query."""
    parts = []
    for part in filter(None, text.split(" and ")):
        match = re.fullmatch(r"(not )?(\w+): ?(\S+)", part)
        assert match is not None, part
        negated, field, value = match.groups()
        query = {"exists": {"field": field}} if value == "*" else {"term": {field: value}}
        parts.append({"bool": {"must_not": [query]}} if negated else query)
    return {"bool": {"filter": parts}}


def rows(server: Elasticsearch, layer: Layer) -> list[Row]:
    """Returns the layer's columns, one row per bucket; a missing number is `None`."""
    table: dict[tuple[Any, ...], Row] = {}
    for shift in {c.get("timeShift", "") for c in layer.columns.values() if "sourceField" in c}:
        for row in _asked(server, layer, shift):
            key = tuple(row.get(n) for n, c in layer.columns.items() if c["isBucketed"])
            table.setdefault(key, {}).update(row)
    empty = dict.fromkeys(layer.columns)
    found = [empty | row for row in table.values()]
    for row in found:
        for name, column in layer.columns.items():
            if column["operationType"] == "math":
                row[name] = _worked_out(column["params"]["tinymathAst"], row)
            elif column["operationType"] == "formula":
                row[name] = row[column["references"][0]]
    return found


def _asked(server: Elasticsearch, layer: Layer, shift: str) -> Iterator[Row]:
    """Yields the rows of the columns with that shift, at their target time."""
    asked = {
        name: column
        for name, column in layer.columns.items()
        if column["isBucketed"]
        or ("sourceField" in column and column.get("timeShift", "") == shift)
    }
    aggregations = {n: _number(c) for n, c in asked.items() if not c["isBucketed"]}
    buckets = [name for name, column in asked.items() if column["isBucketed"]]
    for name in reversed(buckets):
        aggregations = {name: _bucket(asked[name], aggregations)}
    answer = server.search(
        index=layer.index, size=0, query=kql(layer.where), aggs=aggregations, track_total_hits=True
    )
    for row in _flat(answer["aggregations"], buckets, asked):
        for name in buckets:
            if asked[name]["operationType"] == "date_histogram":
                row[name] += SHIFTS[shift]
        yield row


def _number(column: dict[str, Any]) -> dict[str, Any]:
    operation, field = column["operationType"], column["sourceField"]
    if operation == "count":
        made: dict[str, Any] = {"value_count": {"field": "doc_type"}}
    elif operation == "last_value":
        # Kibana uses top_metrics, which the test server lacks.
        made = {"top_hits": {"size": 1, "sort": [{"ts": "desc"}], "_source": [field]}}
    elif operation == "percentile":
        made = {"percentiles": {"field": field, "percents": [column["params"]["percentile"]]}}
    else:
        made = {AGGREGATIONS.get(operation, operation): {"field": field}}
    if "filter" in column:
        return {"filter": kql(column["filter"]["query"]), "aggs": {"filtered": made}}
    return made


def _bucket(column: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    field, params = column["sourceField"], column["params"]
    if column["operationType"] == "date_histogram":
        interval = params["interval"].replace("auto", "30m")
        asked: dict[str, Any] = {"date_histogram": {"field": field, "fixed_interval": interval}}
    else:
        by, direction = params["orderBy"], params["orderDirection"]
        first = "_key" if by["type"] == "alphabetical" else by["columnId"]
        asked = {"terms": {"field": field, "size": params["size"]}}
        if first == "_key" or "top_hits" not in inner.get(first, {"top_hits": {}}):
            asked["terms"]["order"] = {first: direction}
    return asked | {"aggs": inner}


def _flat(answer: dict[str, Any], buckets: list[str], asked: dict[str, Any]) -> Iterator[Row]:
    if buckets:
        for bucket in answer[buckets[0]]["buckets"]:
            for row in _flat(bucket, buckets[1:], asked):
                yield {buckets[0]: bucket["key"]} | row
        return
    yield {n: _value(answer[n]) for n, c in asked.items() if not c["isBucketed"] and n in answer}


def _value(answer: dict[str, Any]) -> float | None:
    answer = answer.get("filtered", answer)
    if "hits" in answer:
        found = [v for hit in answer["hits"]["hits"] for v in hit["_source"].values()]
        return found[0] if found else None
    if "values" in answer:
        return next(iter(answer["values"].values()))
    value: float | None = answer["value"]
    return value


def _worked_out(node: Any, row: Row) -> float | None:
    """Evaluates a formula's tree; `None` if a part is."""
    if isinstance(node, int | float):
        return node
    if isinstance(node, str):
        part: float | None = row[node]
        return part
    values = [_worked_out(each, row) for each in node["args"]]
    if any(value is None for value in values):
        return None
    known = [value for value in values if value is not None]
    match node["name"]:
        case "abs":
            return abs(known[0])
        case "subtract":
            return known[0] - known[1]
        case "divide":
            return known[0] / known[1] if known[1] else None
        case "multiply":
            return math.prod(known)
    raise AssertionError(node["name"])
