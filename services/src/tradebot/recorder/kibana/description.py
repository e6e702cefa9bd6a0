"""How a dashboard is described: panels of layers of columns.

`objects` turns a description into Kibana's saved objects. Fields are those of documents; a `where`
is KQL.
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
    """One number computed from the documents of a bucket."""

    operation: Operation
    field: str = ""
    label: str = ""
    where: str = ""
    shift: str = ""
    """How long after its own time to show it, such as `1h`: a forecast appears at its target time.
    Lens aligns it with the others only if it is a multiple of the buckets' width."""
    percentile: int = 0
    decimals: int = 2
    colour: str = ""
    right: bool = False
    """Whether it uses the right axis."""


class Formula(msgspec.Struct, frozen=True):
    """Arithmetic on metrics: `name` is one of subtract, divide, multiply, abs."""

    name: Literal["subtract", "divide", "multiply", "abs"]
    arguments: tuple["Metric | Formula | float", ...]
    label: str = ""
    decimals: int = 2
    colour: str = ""
    right: bool = False


class Terms(msgspec.Struct, frozen=True):
    """A bucket for each value of a field, sorted by the layer's first number, largest first."""

    field: str
    label: str = ""
    size: int = 10
    newest: bool = False
    """Sort by name, last first, instead: for ids that end in a time."""


class Time(msgspec.Struct, frozen=True):
    """Buckets of time, of a width that suits the page's range, or of `interval`, such as `1m`.

    Kibana widens them if there would be more than a thousand.
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
    """One chart; `lines` are horizontal lines at fixed values, as name and value.

    `opens` is the id of the dashboard to open, filtered by the value that the user clicks.
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
    """A page. Panels fill rows of 48 columns from the left; a row is as high as its first panel."""

    id: str
    title: str
    description: str
    panels: tuple[Panel | Search, ...]
    span: str = "now-24h"
