"""The dashboards: Trading, Liquidity, Forecast, Operations, and one trade in full."""

from tradebot.recorder.kibana.description import (
    Dashboard,
    Formula,
    Layer,
    Metric,
    Panel,
    Search,
    Terms,
    Time,
)
from tradebot.records import DocType

BID, ASK, AMBER, INK, BLUE = "#2bb39a", "#e5684f", "#e0a03c", "#69707d", "#4c8dd6"


def _number(title: str, source: DocType, metric: Metric | Formula, where: str = "") -> Panel:
    layer = Layer(source, (metric,), by=None, where=where)
    return Panel(title, "metric", (layer,), width=8, height=6)


def _chart(title: str, *layers: Layer) -> Panel:
    """Half a row of the page."""
    return Panel(title, "xy", layers, width=24)


def _line(source: DocType, *metrics: Metric | Formula, where: str = "") -> Layer:
    return Layer(source, metrics, where=where)


_MINUTES = Time(interval="1m")


_ORDERS = Search(
    "Orders",
    DocType.ORDER,
    (
        "bot", "symbol", "side", "original_amount", "executed_amount", "avg_execution_price",
        "state", "reason", "latency_seconds", "decision_id",
    ),
)  # fmt: skip
_FILLS = Search(
    "Fills",
    DocType.FILL,
    ("bot", "symbol", "side", "amount", "price", "fee", "fee_currency", "liquidity", "decision_id"),
)
_DECISIONS = Search(
    "Decisions",
    DocType.DECISION,
    ("bot", "action", "signal", "gate", "reason", "ratio", "delta", "mid", "decision_id"),
)
_HALTS = Search("Halts", DocType.HALT, ("bot", "state", "reason", "because", "by"))

TRADING = Dashboard(
    id="tradebot-trading",
    title="[tradebot] Trading",
    description="What the bots hold, what they traded, and what came of it.",
    panels=(
        _number("Equity", DocType.SCORE, Metric("last_value", "equity")),
        _number("Score of all trips", DocType.SCORE, Metric("last_value", "realised")),
        _number("Round trips", DocType.SCORE, Metric("count", decimals=0)),
        _number("Largest drawdown", DocType.SCORE, Metric("max", "drawdown", decimals=4)),
        _number(
            "Base currency held",
            DocType.BALANCE,
            Metric("last_value", "amount", decimals=8),
            where="not currency: USD",
        ),
        _number("Fees paid", DocType.FILL, Metric("sum", "fee")),
        Panel(
            "Buys and sells on the price",
            "xy",
            (
                _line(DocType.TICKER, Metric("average", "last", "Price", colour=INK)),
                _line(DocType.FILL, Metric("average", "price", "Buy", "side: buy", colour=BID)),
                _line(DocType.FILL, Metric("average", "price", "Sell", "side: sell", colour=ASK)),
            ),
            width=32,
            height=16,
        ),
        Panel(
            "Documents",
            "pie",
            (Layer("*", (Metric("count", label="Documents"),), by=Terms("doc_type", "Kind")),),
            width=8,
            height=16,
        ),
        Panel(
            "Coins",
            "pie",
            (Layer(DocType.BALANCE, (Metric("count", label="Balances"),), by=Terms("currency")),),
            width=8,
            height=16,
        ),
        _chart("Equity", _line(DocType.SCORE, Metric("average", "equity", "Equity", colour=BID))),
        _chart(
            "Score a trip",
            Layer(DocType.SCORE, (Metric("sum", "score", "Score", colour=BLUE),), series="bar"),
        ),
        Panel(
            "Position",
            "xy",
            (
                Layer(
                    DocType.BALANCE,
                    (Metric("last_value", "amount", "Held", decimals=8),),
                    split=Terms("currency"),
                    where="not currency: USD",
                ),
            ),
            width=48,
            height=10,
        ),
        _FILLS,
    ),
)

LIQUIDITY = Dashboard(
    id="tradebot-liquidity",
    title="[tradebot] Liquidity",
    description="The flows of both sides, their ratio against the band, and what was not seen.",
    panels=(
        _number("Windows", DocType.LIQUIDITY, Metric("count", decimals=0)),
        _number(
            "Incomplete windows",
            DocType.LIQUIDITY,
            Metric("count", decimals=0),
            where="complete: false",
        ),
        _number("Last ratio", DocType.LIQUIDITY, Metric("last_value", "ratio", decimals=3)),
        _number("Median ratio", DocType.LIQUIDITY, Metric("percentile", "ratio", percentile=50)),
        _number("Events a window", DocType.LIQUIDITY, Metric("average", "events", decimals=0)),
        _number(
            "Buys held back by the band",
            DocType.DECISION,
            Metric("count", decimals=0),
            where="gate: band",
        ),
        Panel(
            "Flows",
            "xy",
            (
                _line(
                    DocType.LIQUIDITY,
                    Metric("average", "bid", "Bid flow", colour=BID, decimals=0),
                    Metric("average", "ask", "Ask flow", colour=ASK, decimals=0),
                ),
            ),
            width=48,
        ),
        Panel(
            "Ratio and band",
            "xy",
            (
                _line(DocType.LIQUIDITY, Metric("average", "ratio", "Ratio", colour=INK)),
                _line(
                    DocType.DECISION,
                    Formula(
                        "divide", (Metric("average", "band_min_bps"), 10000.0), "From", colour=AMBER
                    ),
                    Formula(
                        "divide", (Metric("average", "band_max_bps"), 10000.0), "To", colour=AMBER
                    ),
                ),
            ),
            width=32,
            height=14,
            lines=(("Even", 1.0),),
        ),
        Panel(
            "Incomplete windows",
            "xy",
            (
                Layer(
                    DocType.LIQUIDITY,
                    (Metric("count", label="Windows", colour=ASK, decimals=0),),
                    split=Terms("symbol"),
                    where="complete: false",
                    series="bar_stacked",
                ),
            ),
            width=16,
            height=14,
        ),
    ),
)


def _error(label: str, field: str, shift: str, colour: str) -> Formula:
    """How far what was forecast for a time lay from the price of that time."""
    real = Metric("average", "last", where="doc_type: ticker")
    said = Metric("average", field, where="doc_type: forecast", shift=shift)
    return Formula("abs", (Formula("subtract", (real, said)),), label, colour=colour)


_ERRORS = (
    _error("One minute", "price_next", "1m", BLUE),
    _error("One hour", "price_1h", "1h", AMBER),
    _error("One day", "price_24h", "1d", ASK),
)

_FORECASTS = (
    Metric("average", "price_1h", "An hour before", shift="1h", colour=AMBER),
    Metric("average", "lower_1h", "Its lower bound", shift="1h", colour="#ecd9b4"),
    Metric("average", "upper_1h", "Its upper bound", shift="1h", colour="#ecd9b4"),
    Metric("average", "price_next", "A minute before", shift="1m", colour=BLUE),
)

FORECAST = Dashboard(
    id="tradebot-forecast",
    title="[tradebot] Forecast",
    description="What the models said, what came, and how old what is traded on is.",
    span="now-12h",
    panels=(
        _number("Forecasts", DocType.FORECAST, Metric("count", decimals=0)),
        _number("Fitted models", DocType.FORECAST, Metric("unique_count", "digest", decimals=0)),
        _number("Next minute", DocType.FORECAST, Metric("last_value", "price_next")),
        _number("In an hour", DocType.FORECAST, Metric("last_value", "price_1h")),
        _number(
            "Oldest model traded on, s",
            DocType.DECISION,
            Metric("max", "model_age_seconds", decimals=0),
        ),
        _number(
            "Held back by the model",
            DocType.DECISION,
            Metric("count", decimals=0),
            where="gate: model",
        ),
        Panel(
            "Predicted against real",
            "xy",
            (
                _line(DocType.TICKER, Metric("average", "last", "Price", colour=INK)),
                Layer(DocType.FORECAST, _FORECASTS, by=_MINUTES),
            ),
            width=48,
            height=16,
        ),
        _chart("Error by horizon", Layer("*", _ERRORS, by=_MINUTES)),
        _chart(
            "Edge that was forecast",
            _line(
                DocType.DECISION,
                Formula("multiply", (Metric("average", "delta"), 10000.0), "Basis points"),
            ),
        ),
        _chart(
            "Age of the model, s",
            Layer(
                DocType.DECISION,
                (Metric("max", "model_age_seconds", "Seconds", decimals=0),),
                split=Terms("model"),
            ),
        ),
        _chart(
            "Forecasts by model",
            Layer(
                DocType.FORECAST,
                (Metric("count", label="Forecasts", decimals=0),),
                split=Terms("model"),
                series="bar_stacked",
            ),
        ),
    ),
)

_LATENCIES = tuple(
    Metric(
        "percentile", "latency_seconds", f"{share} %", percentile=share, decimals=4, colour=colour
    )
    for share, colour in ((50, BID), (95, AMBER), (99, ASK))
)

OPERATIONS = Dashboard(
    id="tradebot-operations",
    title="[tradebot] Operations",
    description="What was rejected and why, how fast the venue answered, restarts and halts.",
    panels=(
        _number("Decisions", DocType.DECISION, Metric("count", decimals=0)),
        _number("Orders", DocType.ORDER, Metric("count", decimals=0)),
        _number(
            "Orders that did nothing",
            DocType.ORDER,
            Metric("count", decimals=0),
            where="executed_amount: 0",
        ),
        _number("Halts", DocType.HALT, Metric("count", decimals=0), where="state: halted"),
        _number(
            "Not reconciled",
            DocType.DECISION,
            Metric("count", decimals=0),
            where="gate: reconciliation",
        ),
        _number(
            "Answer, 99 %, s",
            DocType.ORDER,
            Metric("percentile", "latency_seconds", percentile=99, decimals=4),
        ),
        Panel(
            "What held decisions back",
            "xy",
            (
                Layer(
                    DocType.DECISION,
                    (Metric("count", label="Decisions", decimals=0),),
                    split=Terms("gate", "Gate"),
                    where="action: hold",
                    series="bar_stacked",
                ),
            ),
            width=24,
        ),
        Panel(
            "Orders by state and reason",
            "table",
            (
                Layer(
                    DocType.ORDER,
                    (Metric("count", label="Orders", decimals=0),),
                    by=Terms("state", "State"),
                    split=Terms("reason", "Reason"),
                ),
            ),
            width=24,
        ),
        Panel("Answer to an order, s", "xy", (_line(DocType.ORDER, *_LATENCIES),), width=24),
        Panel(
            "Reconciliations: each start has an epoch",
            "xy",
            (
                Layer(
                    DocType.DECISION,
                    (Metric("max", "epoch", "Epoch", decimals=0),),
                    split=Terms("bot"),
                ),
            ),
            width=24,
        ),
        Panel(
            "Documents by kind",
            "xy",
            (
                Layer(
                    "*",
                    (Metric("count", label="Documents", decimals=0),),
                    split=Terms("doc_type", "Kind"),
                    series="bar_stacked",
                ),
            ),
            width=48,
            height=10,
        ),
        _HALTS,
        _ORDERS,
    ),
)

TRADE = Dashboard(
    id="tradebot-trade",
    title="[tradebot] One trade",
    description="All about one decision: reached by its id, from any list of the others.",
    span="now-90d",
    panels=(
        Panel(
            "Documents of this trade",
            "table",
            (
                Layer(
                    "*",
                    (Metric("count", label="Documents", decimals=0),),
                    by=Terms("decision_id", "Decision"),
                    split=Terms("doc_type", "Kind"),
                ),
            ),
            width=24,
        ),
        Panel(
            "Its executions",
            "xy",
            (
                Layer(
                    DocType.FILL,
                    (Metric("sum", "amount", "Amount", decimals=8),),
                    by=Time(),
                    split=Terms("side"),
                    series="bar",
                ),
            ),
            width=24,
        ),
        _DECISIONS,
        _ORDERS,
        _FILLS,
    ),
)

DASHBOARDS = (TRADING, LIQUIDITY, FORECAST, OPERATIONS, TRADE)
