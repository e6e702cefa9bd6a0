"""The building blocks that dashboards share: numbers, charts, lists and colours."""

from tradebot.recorder.kibana.description import (
    Formula,
    Layer,
    Metric,
    Panel,
    Search,
    Time,
)
from tradebot.records import DocType

BID, ASK, AMBER, INK, BLUE = "#2bb39a", "#e5684f", "#e0a03c", "#69707d", "#4c8dd6"


def number(
    title: str, source: DocType, metric: Metric | Formula, where: str = "", width: int = 8
) -> Panel:
    """Returns a panel with one number over all documents on the page."""
    layer = Layer(source, (metric,), by=None, where=where)
    return Panel(title, "metric", (layer,), width=width, height=6)


def count(title: str, source: DocType, where: str = "", width: int = 8) -> Panel:
    """Returns a panel with the number of documents."""
    return number(title, source, Metric("count", decimals=0), where, width)


def chart(title: str, *layers: Layer) -> Panel:
    """Returns a chart as wide as half a row."""
    return Panel(title, "xy", layers, width=24)


def line(source: DocType, *metrics: Metric | Formula, where: str = "") -> Layer:
    """Returns a layer with a line over time for each metric."""
    return Layer(source, metrics, where=where)


MINUTES = Time(interval="1m")


ORDERS = Search(
    "Orders",
    DocType.ORDER,
    (
        "bot", "symbol", "side", "original_amount", "executed_amount", "avg_execution_price",
        "state", "reason", "latency_seconds", "decision_id",
    ),
)  # fmt: skip
FILLS = Search(
    "Fills",
    DocType.FILL,
    ("bot", "symbol", "side", "amount", "price", "fee", "fee_currency", "liquidity", "decision_id"),
)
DECISIONS = Search(
    "Decisions",
    DocType.DECISION,
    ("bot", "action", "signal", "gate", "reason", "ratio", "delta", "mid", "decision_id"),
)
HALTS = Search("Halts", DocType.HALT, ("bot", "state", "reason", "because", "by"))
