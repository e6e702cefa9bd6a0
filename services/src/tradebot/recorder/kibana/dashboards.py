"""The dashboards: Trading, Liquidity, Forecast, Operations, and One trade."""

from tradebot.recorder.kibana.description import (
    Dashboard,
    Formula,
    Layer,
    Metric,
    Panel,
    Terms,
    Time,
)
from tradebot.recorder.kibana.panels import (
    AMBER,
    ASK,
    BID,
    BLUE,
    DECISIONS,
    FILLS,
    HALTS,
    INK,
    MINUTES,
    ORDERS,
    chart,
    count,
    line,
    number,
)
from tradebot.records import DocType

TRADE_ID = "tradebot-trade"

TRADING = Dashboard(
    id="tradebot-trading",
    title="[tradebot] Trading",
    description="Positions, trades and results of the bots.",
    panels=(
        number("Equity", DocType.DECISION, Metric("last_value", "equity"), width=6),
        number("Score of all trips", DocType.SCORE, Metric("last_value", "realised"), width=6),
        count("Round trips", DocType.SCORE, width=6),
        count("Buys", DocType.DECISION, "action: buy", width=6),
        count("Sells", DocType.DECISION, "action: sell", width=6),
        number(
            "Base currency held",
            DocType.BALANCE,
            Metric("last_value", "amount", decimals=8),
            where="not currency: USD",
            width=6,
        ),
        number("Fees paid", DocType.FILL, Metric("sum", "fee"), width=6),
        number("Largest drawdown", DocType.SCORE, Metric("max", "drawdown", decimals=4), width=6),
        Panel(
            "Price with buys and sells",
            "xy",
            (
                line(DocType.TICKER, Metric("average", "last", "Price", colour=INK)),
                line(DocType.FILL, Metric("average", "price", "Buy", "side: buy", colour=BID)),
                line(DocType.FILL, Metric("average", "price", "Sell", "side: sell", colour=ASK)),
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
        chart(
            "Equity",
            Layer(DocType.DECISION, (Metric("average", "equity", "Equity"),), split=Terms("bot")),
        ),
        chart(
            "Score per trip",
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
            width=24,
            height=14,
        ),
        Panel(
            "Trades (click a decision to open it)",
            "table",
            (
                Layer(
                    DocType.FILL,
                    (
                        Metric("sum", "amount", "Amount", decimals=8),
                        Metric("average", "price", "Price"),
                        Metric("sum", "fee", "Fees"),
                    ),
                    by=Terms("decision_id", "Decision", size=100, newest=True),
                    split=Terms("side", "Side"),
                ),
            ),
            width=24,
            height=14,
            opens=TRADE_ID,
        ),
        FILLS,
    ),
)

LIQUIDITY = Dashboard(
    id="tradebot-liquidity",
    title="[tradebot] Liquidity",
    description="Flows of both sides, their ratio and the band, and incomplete windows.",
    panels=(
        count("Windows", DocType.LIQUIDITY),
        count("Incomplete windows", DocType.LIQUIDITY, "complete: false"),
        number("Last ratio", DocType.LIQUIDITY, Metric("last_value", "ratio", decimals=3)),
        number("Median ratio", DocType.LIQUIDITY, Metric("percentile", "ratio", percentile=50)),
        number("Events per window", DocType.LIQUIDITY, Metric("average", "events", decimals=0)),
        count("Buys blocked by the band", DocType.DECISION, "gate: band"),
        Panel(
            "Flows",
            "xy",
            (
                line(
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
                line(DocType.LIQUIDITY, Metric("average", "ratio", "Ratio", colour=INK)),
                line(
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
    """Returns the distance between a forecast and the price at its time."""
    real = Metric("average", "last", where="doc_type: ticker")
    forecast = Metric("average", field, where="doc_type: forecast", shift=shift)
    return Formula("abs", (Formula("subtract", (real, forecast)),), label, colour=colour)


_ERRORS = (
    _error("One minute", "price_next", "1m", BLUE),
    _error("One hour", "price_1h", "1h", AMBER),
    _error("One day", "price_24h", "1d", ASK),
)

_FORECASTS = (
    Metric("average", "price_1h", "Forecast one hour before", shift="1h", colour=AMBER),
    Metric("average", "lower_1h", "Lower bound", shift="1h", colour="#ecd9b4"),
    Metric("average", "upper_1h", "Upper bound", shift="1h", colour="#ecd9b4"),
    Metric("average", "price_next", "Forecast one minute before", shift="1m", colour=BLUE),
)

FORECAST = Dashboard(
    id="tradebot-forecast",
    title="[tradebot] Forecast",
    description="Forecasts compared with actual prices, and the age of the models.",
    span="now-12h",
    panels=(
        count("Forecasts", DocType.FORECAST),
        number("Fitted models", DocType.FORECAST, Metric("unique_count", "digest", decimals=0)),
        number("Next minute", DocType.FORECAST, Metric("last_value", "price_next")),
        number("In one hour", DocType.FORECAST, Metric("last_value", "price_1h")),
        number(
            "Oldest model used, s",
            DocType.DECISION,
            Metric("max", "model_age_seconds", decimals=0),
        ),
        count("Buys blocked by the model", DocType.DECISION, "gate: model"),
        Panel(
            "Forecast and actual price",
            "xy",
            (
                line(DocType.TICKER, Metric("average", "last", "Price", colour=INK)),
                Layer(DocType.FORECAST, _FORECASTS, by=MINUTES),
            ),
            width=48,
            height=16,
        ),
        chart("Error by horizon", Layer("*", _ERRORS, by=MINUTES)),
        chart(
            "Forecast edge",
            line(
                DocType.DECISION,
                Formula("multiply", (Metric("average", "delta"), 10000.0), "Basis points"),
            ),
        ),
        chart(
            "Model age, s",
            Layer(
                DocType.DECISION,
                (Metric("max", "model_age_seconds", "Seconds", decimals=0),),
                split=Terms("model"),
            ),
        ),
        chart(
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
    description="Rejections and their reasons, order latency, reconciliations and halts.",
    panels=(
        count("Decisions", DocType.DECISION, width=6),
        count("Orders", DocType.ORDER, width=6),
        count("Rejected orders", DocType.ORDER, "state: rejected", width=6),
        count("Orders without a fill", DocType.ORDER, "executed_amount: 0", width=6),
        count("Halts", DocType.HALT, "state: halted", width=6),
        number(
            "Reconciliations",
            DocType.DECISION,
            Metric("sum", "reconciliations", decimals=0),
            width=6,
        ),
        count("Decisions while not reconciled", DocType.DECISION, "reconciled: false", width=6),
        number(
            "Order latency p99, s",
            DocType.ORDER,
            Metric("percentile", "latency_seconds", percentile=99, decimals=4),
            width=6,
        ),
        Panel(
            "Holds by gate",
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
        Panel("Order latency, s", "xy", (line(DocType.ORDER, *_LATENCIES),), width=24),
        chart(
            "Reconciliations",
            Layer(
                DocType.DECISION,
                (
                    Metric("sum", "reconciliations", "Comparisons with the venue", colour=BID),
                    Metric(
                        "count",
                        "",
                        "Decisions while not reconciled",
                        "reconciled: false",
                        colour=ASK,
                    ),
                ),
                series="bar",
            ),
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
        HALTS,
        ORDERS,
    ),
)

TRADE = Dashboard(
    id=TRADE_ID,
    title="[tradebot] One trade",
    description="Everything about one decision. Opened by a click on its id in another dashboard.",
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
            "Executions",
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
        DECISIONS,
        ORDERS,
        FILLS,
    ),
)

DASHBOARDS = (TRADING, LIQUIDITY, FORECAST, OPERATIONS, TRADE)
