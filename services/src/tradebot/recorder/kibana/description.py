"""What a dashboard is described by: panels of layers of columns.

`objects` makes of it what Kibana imports. Fields are those of the documents; a `where` is KQL.
"""

from typing import Literal

import msgspec

from tradebot.records import DocType

Source = DocType | Literal["*"]
"""The kind of document that a layer reads, or all of them."""

Operation = Literal[
    "average", "sum", "min", "max", "count", "last_value", "percentile", "unique_count"
]


class Metric(msgspec.Struct, frozen=True):
    """One number of the documents of a bucket."""

    operation: Operation
    field: str = ""
    label: str = ""
    where: str = ""
    shift: str = ""
    """How long after its own time it is shown, such as `1h`: a forecast lies where it points. Lens
    lays it alongside the others only if it is a multiple of the buckets' width."""
    percentile: int = 0
    decimals: int = 2
    colour: str = ""
    right: bool = False
    """Whether it has the right axis."""


class Formula(msgspec.Struct, frozen=True):
    """Arithmetic over metrics: `name` is one of subtract, divide, multiply, abs."""

    name: Literal["subtract", "divide", "multiply", "abs"]
    arguments: tuple["Metric | Formula | float", ...]
    label: str = ""
    decimals: int = 2
    colour: str = ""
    right: bool = False


class Terms(msgspec.Struct, frozen=True):
    """A bucket for each value of a field, the greatest by the layer's first number first."""

    field: str
    label: str = ""
    size: int = 10
    newest: bool = False
    """Whether the last by name come first instead: an id that ends in a time is named so."""


class Time(msgspec.Struct, frozen=True):
    """Buckets of time, as wide as the page's span asks for or as `interval` says, such as `1m`.

    Kibana widens any that make more than a thousand buckets.
    """

    field: str = "ts"
    interval: str = "auto"


class Layer(msgspec.Struct, frozen=True):
    """Numbers of one source, by time or by values."""

    source: Source
    metrics: tuple[Metric | Formula, ...]
    by: Time | Terms | None = Time()
    split: Terms | None = None
    where: str = ""
    series: Literal["line", "bar", "bar_stacked", "area"] = "line"


Kind = Literal["xy", "metric", "pie", "table"]


class Panel(msgspec.Struct, frozen=True):
    """One picture; `lines` are horizontal lines at fixed values, as name and value.

    `opens` is the id of the dashboard that a click on a value offers, filtered by that value.
    """

    title: str
    kind: Kind
    layers: tuple[Layer, ...]
    width: int
    height: int = 12
    lines: tuple[tuple[str, float], ...] = ()
    opens: str = ""


class Search(msgspec.Struct, frozen=True):
    """Documents of a kind as a table, newest first."""

    title: str
    source: DocType
    columns: tuple[str, ...]
    width: int = 48
    height: int = 14
    where: str = ""


class Dashboard(msgspec.Struct, frozen=True):
    """A page; panels flow from left to right in 48 columns, a row as high as its first."""

    id: str
    title: str
    description: str
    panels: tuple[Panel | Search, ...]
    span: str = "now-24h"
