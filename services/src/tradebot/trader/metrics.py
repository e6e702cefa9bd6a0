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
)

WINDOWS = Counter("tradebot_trader_windows_total", "Windows accounted for", ["bot"])
DECISIONS = Counter(
    "tradebot_trader_decisions_total",
    "Decisions, by what was done and the gate that held a signal back",
    ["bot", "action", "gate"],
)
ORDERS = Counter(
    "tradebot_trader_orders_total", "Orders, by what became of them", ["bot", "side", "outcome"]
)
FILLS = Counter("tradebot_trader_fills_total", "Fills booked", ["bot", "side"])
FEES = Counter("tradebot_trader_fees_total", "Fees paid, in quote currency", ["bot"])
AMBIGUOUS = Counter(
    "tradebot_trader_ambiguous_total", "Orders whose answer was lost and was looked up", ["bot"]
)
FLAGS = Counter(
    "tradebot_trader_flags_total",
    "What reconciliation found that should not be: " + ", ".join(FLAG_KINDS),
    ["bot", "kind"],
)
RECONCILIATIONS = Counter(
    "tradebot_trader_reconciliations_total", "Comparisons with the venue", ["bot", "outcome"]
)
CONDITION = Gauge(
    "tradebot_trader_condition", "1 while the condition is true", ["bot", "condition"]
)
EPOCH = Gauge("tradebot_trader_epoch", "Epoch of the lease that this trader holds", ["bot"])
BALANCE = Gauge("tradebot_trader_balance", "Balance by the bot's books", ["bot", "currency"])
EQUITY = Gauge("tradebot_trader_equity", "Equity in quote currency at the last mid", ["bot"])
DRAWDOWN = Gauge(
    "tradebot_trader_drawdown_ratio",
    "Fall of equity from its peak, as a share of the peak, as the limit measures it",
    ["bot"],
)
DRAWDOWN_LIMIT = Gauge(
    "tradebot_trader_drawdown_limit_ratio",
    "Fall of equity from its peak that halts the bot; absent where no limit is set",
    ["bot"],
)
EXPOSURE = Gauge(
    "tradebot_trader_exposure", "Value of the base balance in quote currency, last mid", ["bot"]
)
UNREALISED = Gauge(
    "tradebot_trader_unrealised", "What the open position would gain at the last mid", ["bot"]
)
REALISED = Gauge(
    "tradebot_trader_realised", "Score of all closed round trips, in quote currency", ["bot"]
)
ORDER_SECONDS = Histogram(
    "tradebot_trader_order_seconds",
    "From a decision to the venue's answer to its order",
    ["bot"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
WINDOW_LAG_SECONDS = Gauge(
    "tradebot_trader_window_lag_seconds",
    "Exchange seconds between the newest window's end and its decision",
    ["bot"],
)


def from_zero(bot: str) -> None:
    """Begins each counter: an increase is seen only against a value that was there."""
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
    """Where the bot stands at the last mid; equity and mid are in quote currency."""
    peak = max(equity, ledger.marks.peak_equity) if ledger.marks else equity
    DRAWDOWN.labels(bot).set(float(1 - equity / peak) if peak else 0.0)
    EQUITY.labels(bot).set(float(equity))
    EXPOSURE.labels(bot).set(float(ledger.base * mid))
    UNREALISED.labels(bot).set(float(ledger.trip.unrealised(mid) if ledger.trip else ZERO))
    REALISED.labels(bot).set(float(ledger.realised))
