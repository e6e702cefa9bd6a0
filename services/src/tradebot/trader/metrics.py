"""The trader's metrics; labels are bot and symbol, as in the documents."""

from decimal import Decimal
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from tradebot.domain.decision import REASONS_TO_HOLD
from tradebot.domain.money import ZERO
from tradebot.domain.order_state import Phase
from tradebot.trader.journal.ledger import Ledger

FLAG_KINDS: Final = (
    "older_epoch",
    "resting",
    "outside_order",
    "outside_trade",
    "outside_balance",
    "broken_trade",
    "two_orders",
    "no_intent",
    "adopted",
)

WINDOWS = Counter("tradebot_trader_windows_total", "Windows processed", ["bot"])
DECISIONS = Counter(
    "tradebot_trader_decisions_total",
    "Decisions, by action and by the gate that blocked the signal",
    ["bot", "action", "gate"],
)
ORDERS = Counter("tradebot_trader_orders_total", "Orders, by outcome", ["bot", "side", "outcome"])
FILLS = Counter("tradebot_trader_fills_total", "Fills booked", ["bot", "side"])
FEES = Counter("tradebot_trader_fees_total", "Fees paid, in quote currency", ["bot"])
AMBIGUOUS = Counter(
    "tradebot_trader_ambiguous_total",
    "Orders whose response was lost and that were looked up",
    ["bot"],
)
FLAGS = Counter(
    "tradebot_trader_flags_total",
    "Problems found by reconciliation: " + ", ".join(FLAG_KINDS),
    ["bot", "kind"],
)
RECONCILIATIONS = Counter(
    "tradebot_trader_reconciliations_total", "Reconciliations with the venue", ["bot", "outcome"]
)
CONDITION = Gauge(
    "tradebot_trader_condition", "1 while the condition is true", ["bot", "condition"]
)
ACTIVE = Gauge(
    "tradebot_trader_active", "1 in the trader that acts for the bot, 0 in its standby", ["bot"]
)
EPOCH = Gauge("tradebot_trader_epoch", "Epoch of the trader's lease", ["bot"])
BALANCE = Gauge("tradebot_trader_balance", "Balance in the bot's account", ["bot", "currency"])
EQUITY = Gauge("tradebot_trader_equity", "Equity in quote currency at the last mid", ["bot"])
DRAWDOWN = Gauge(
    "tradebot_trader_drawdown_ratio",
    "Drawdown from the peak, as the limit measures it",
    ["bot"],
)
DRAWDOWN_LIMIT = Gauge(
    "tradebot_trader_drawdown_limit_ratio",
    "Drawdown at which the bot halts; absent if no limit is set",
    ["bot"],
)
EXPOSURE = Gauge(
    "tradebot_trader_exposure",
    "Value of the base balance in quote currency at the last mid",
    ["bot"],
)
UNREALISED = Gauge(
    "tradebot_trader_unrealised", "Unrealised gain of the open position at the last mid", ["bot"]
)
REALISED = Gauge(
    "tradebot_trader_realised", "Score of all closed round trips, in quote currency", ["bot"]
)
ORDER_SECONDS = Histogram(
    "tradebot_trader_order_seconds",
    "From a decision to the venue's response to its order",
    ["bot"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
WINDOW_LAG_SECONDS = Gauge(
    "tradebot_trader_window_lag_seconds",
    "Exchange seconds from the end of the newest window to its decision",
    ["bot"],
)


def from_zero(bot: str) -> None:
    """Starts each counter at 0: `increase()` needs a first value."""
    for each in (WINDOWS, FEES, AMBIGUOUS):
        each.labels(bot)
    for gate in REASONS_TO_HOLD:
        DECISIONS.labels(bot, "hold", gate)
    for side in ("buy", "sell"):
        DECISIONS.labels(bot, side, "")
        FILLS.labels(bot, side)
        for phase in (Phase.UNPLACED, Phase.OPEN, Phase.CLOSED):
            ORDERS.labels(bot, side, phase.name.lower())
    for kind in FLAG_KINDS:
        FLAGS.labels(bot, kind)
    for outcome in ("certain", "uncertain"):
        RECONCILIATIONS.labels(bot, outcome)


def measure(bot: str, ledger: Ledger, *, equity: Decimal, mid: Decimal) -> None:
    """Sets the bot's gauges at the last mid; equity and mid are in quote currency."""
    peak = max(equity, ledger.marks.peak_equity) if ledger.marks else equity
    DRAWDOWN.labels(bot).set(float(1 - equity / peak) if peak else 0.0)
    EQUITY.labels(bot).set(float(equity))
    EXPOSURE.labels(bot).set(float(ledger.base * mid))
    UNREALISED.labels(bot).set(float(ledger.trip.unrealised(mid) if ledger.trip else ZERO))
    REALISED.labels(bot).set(float(ledger.realised))
