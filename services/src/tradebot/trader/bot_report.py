"""The content of a TradeBot's `status.bot`: money, last decision, and remaining limits."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from tradebot.domain.decision import Decision, Settings
from tradebot.domain.money import ZERO, plain
from tradebot.domain.risk.marks import day_of
from tradebot.domain.situation import HOUR_MS
from tradebot.records import ForecastRecord
from tradebot.trader.journal.ledger import Ledger


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    pass


class LastDecision(_Part, frozen=True, kw_only=True):
    """The newest decision. `since` is the first window with the same decision."""

    action: str
    reason: str
    since: str
    gate: str = ""
    exit: str = ""


class LastFill(_Part, frozen=True, kw_only=True):
    """The newest fill. The fee is in quote currency."""

    side: str
    price: str
    amount: str
    fee: str
    time: str


class LimitsLeft(_Part, frozen=True, kw_only=True):
    """How much the bot may still lose, in quote currency, and its orders left this hour."""

    daily_loss: str | None = None
    drawdown: str | None = None
    orders_this_hour: int | None = None


class ModelCard(_Part, frozen=True, kw_only=True):
    """The fitted model behind the newest forecast; `score` as in `ForecastRecord`.

    The rest is of models that are trained at intervals, as in `TrainingRecord`.
    """

    name: str
    digest: str
    fitted_at: str
    evaluated: bool
    rows: int = 0
    score: str | None = None
    window_start: str | None = None
    window_end: str | None = None
    holdout_score: str | None = None
    persistence_score: str | None = None
    previous_score: str | None = None
    rejected_score: str | None = None
    next_retraining: str | None = None


class BotReport(_Part, frozen=True, kw_only=True):
    """The bot's state. Amounts are decimal strings, in quote currency except `position`."""

    position: str
    equity: str
    realised: str
    unrealised: str
    profit: str
    fees: str
    trades_today: int
    limits_left: LimitsLeft
    open_since: str | None = None
    last_decision: LastDecision | None = None
    last_fill: LastFill | None = None
    model: ModelCard | None = None

    def settled(self) -> "BotReport":
        """Returns the report without what changes in an idle bot: numbers in a reason, a refit."""
        decision, model = self.last_decision, self.model
        return msgspec.structs.replace(
            self,
            last_decision=decision and msgspec.structs.replace(decision, reason=""),
            model=model and msgspec.structs.replace(model, digest="", fitted_at="", rows=0),
        )


class Latest(msgspec.Struct, frozen=True):
    """The newest decision, and the end (ms) of the first window in which it was the same."""

    decision: Decision
    since: int

    def then(self, decision: Decision, window_end: int) -> "Latest":
        """Returns the latest after another decision."""
        return Latest(decision, self.since if _alike(self.decision, decision) else window_end)


def _alike(one: Decision, other: Decision) -> bool:
    return (one.action, one.gate, one.exit) == (other.action, other.gate, other.exit)


def bot_report(
    ledger: Ledger,
    rules: Settings,
    *,
    mid: Decimal,
    price_step: Decimal,
    now: int,
    latest: Latest | None,
    forecast: ForecastRecord | None,
) -> BotReport:
    """What the books say at `mid`, in quote currency rounded to the symbol's price step.

    Args:
        now: the venue's time, ms.
        latest: the newest decision of this process.
        forecast: the newest that the bot follows.
    """

    def money(amount: Decimal) -> str:
        return plain(amount.quantize(price_step) if price_step else amount)

    trip, equity = ledger.trip, ledger.quote + ledger.base * mid
    unrealised = trip.unrealised(mid) if trip else ZERO
    held = ledger.base if rules.holdings == "All" else trip.open_amount if trip else ZERO
    return BotReport(
        position=plain(held),
        equity=money(equity),
        realised=money(ledger.realised),
        unrealised=money(unrealised),
        profit=money(ledger.realised + unrealised),
        fees=money(ledger.fees),
        trades_today=_trades_on(ledger, day_of(now)),
        limits_left=_limits_left(ledger, rules, money, equity=equity, now=now),
        open_since=_time(trip.opened) if trip else None,
        last_decision=_decision(latest),
        last_fill=_fill(ledger, money),
        model=_card(forecast),
    )


def _trades_on(ledger: Ledger, day: int) -> int:
    """How many of the bot's orders have a fill on that UTC day."""
    orders = (placed.order for placed in ledger.orders.values())
    return sum(any(day_of(fill.ts) == day for fill in order.fills) for order in orders)


def _limits_left(
    ledger: Ledger,
    rules: Settings,
    money: Callable[[Decimal], str],
    *,
    equity: Decimal,
    now: int,
) -> LimitsLeft:
    def loss(limit: Decimal | None, start: Decimal) -> str | None:
        return None if limit is None else money(max(ZERO, equity - start * (1 - limit)))

    marks, limit = ledger.marks, rules.max_orders_per_hour
    sent = sum(at > now - HOUR_MS for at in ledger.orders_at)
    today = marks is not None and marks.day == day_of(now)
    return LimitsLeft(
        daily_loss=loss(rules.max_daily_loss, marks.day_equity if marks and today else equity),
        drawdown=loss(rules.max_drawdown, marks.peak_equity if marks else equity),
        orders_this_hour=None if limit is None else max(0, limit - sent),
    )


def _decision(latest: Latest | None) -> LastDecision | None:
    if latest is None:
        return None
    made = latest.decision
    return LastDecision(
        action=made.action,
        reason=made.reason,
        since=_time(latest.since),
        gate=made.gate,
        exit=made.exit,
    )


def _fill(ledger: Ledger, money: Callable[[Decimal], str]) -> LastFill | None:
    if not ledger.recent:
        return None
    traded = ledger.recent[-1]
    return LastFill(
        side=traded.side,
        price=plain(traded.fill.price),
        amount=plain(traded.fill.amount),
        fee=money(traded.fee),
        time=_time(traded.fill.ts),
    )


def _card(forecast: ForecastRecord | None) -> ModelCard | None:
    if forecast is None:
        return None
    card = ModelCard(
        name=forecast.model,
        digest=forecast.digest,
        fitted_at=_time(forecast.fitted_at),
        evaluated=forecast.evaluated,
        rows=forecast.rows,
        score=_score(forecast.score),
    )
    trained = forecast.training
    if trained is None:
        return card
    return msgspec.structs.replace(
        card,
        window_start=_time(trained.window_start),
        window_end=_time(trained.window_end),
        holdout_score=_score(trained.score),
        persistence_score=_score(trained.persistence),
        previous_score=_score(trained.previous),
        rejected_score=_score(trained.rejected),
        next_retraining=_time(trained.next_at),
    )


def _score(nats: float | None) -> str | None:
    return None if nats is None else f"{nats:.4f}"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
