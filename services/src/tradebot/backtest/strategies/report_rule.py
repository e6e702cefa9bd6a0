"""The report's rule in a backtest: once through the trader's own `decide`, once as arrays.

Both read the same columns, a row a bar. The first is what the live bot does, gate by gate; the
second is the bare rule for the compiled engine. A test holds them together.
"""

import math
from decimal import Decimal

import msgspec
import numpy as np
import numpy.typing as npt

from tradebot.backtest.costs import Costs
from tradebot.backtest.engines.arithmetic import touch
from tradebot.backtest.orders import Floats, Orders, Sizing
from tradebot.backtest.strategy import Execution, Market, Strategy
from tradebot.domain.account import fold
from tradebot.domain.account.fold import Account
from tradebot.domain.account.trip import Traded
from tradebot.domain.decision import Decision, decide
from tradebot.domain.money import ZERO
from tradebot.domain.order_state import Fill
from tradebot.domain.risk import marks
from tradebot.domain.situation import (
    BPS,
    Exits,
    Increments,
    Inputs,
    Prediction,
    Quote,
    Settings,
    State,
    Window,
)


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule reads at each bar's close; row i knows nothing of later bars.

    `log_price` (n,) is the forecast for the bar's end and `log_price_next` for one step later, both
    `nan` where no forecast covers them; `history_end` (n,) int64 is the last minute that the model
    saw, ms. `ratio` (n,) is bid flow / ask flow, `nan` where a side was empty, and `complete` (n,)
    whether the whole window was seen.
    """

    log_price: Floats
    log_price_next: Floats
    history_end: npt.NDArray[np.int64]
    ratio: Floats
    complete: npt.NDArray[np.bool_]

    @property
    def delta(self) -> Floats:
        """forecast(t + 1) − forecast(t)."""
        return self.log_price_next - self.log_price


def orders(columns: Columns, rules: Settings) -> Orders:
    """The bare rule as arrays: buy on a rise inside the band, sell on a fall.

    It has the report's gates only: complete windows, the band, and the position rule that the
    engine applies. Gates that count (cooldown, orders an hour, losses) need the event engine.
    """
    delta, low, high = columns.delta, rules.band_min_bps / 1e4, rules.band_max_bps / 1e4
    inside = columns.complete & (columns.ratio >= low) & (columns.ratio <= high)
    side = np.zeros(len(delta), np.int8)
    side[(delta > 0) & inside] = 1
    side[delta < 0] = -1
    return Orders(
        side=side,
        size=np.full(len(delta), float(rules.risk_fraction)),
        sizing=Sizing.FRACTION,
        reach_bps=float(rules.slippage_bps),
    )


class ReportRule(Strategy):
    """Decides each bar as the trader decides each window.

    Args:
        columns: forecasts and liquidity, a row a bar.
        rules: the trader's settings.
        step_ms: length of a bar; a window ends with its bar.
    """

    def __init__(self, columns: Columns, rules: Settings, costs: Costs, step_ms: int) -> None:
        self.decisions: list[Decision] = []
        self._columns = columns
        self._rules = rules
        self._costs = costs
        self._step = step_ms
        self._increments = Increments(
            amount_step=_exact(costs.amount_step),
            price_step=_exact(costs.price_step),
            minimum=_exact(costs.minimum),
        )
        self.account: Account | None = None
        """Folded from the fills; opened at the first bar."""
        self._halted = ""
        self._signal_at = 0

    def on_fill(self, execution: Execution) -> None:
        """Books the fill, on the market's steps."""
        assert self.account is not None, "the account is opened at the first bar"
        self.account = fold.booked(self.account, self._traded(execution))

    def on_bar(self, market: Market) -> None:
        """Asks `decide` and places its order; one order is in flight at most."""
        if market.live_orders:
            return
        if self.account is None:
            self.account = Account(base=_exact(market.position), quote=_exact(market.cash))
        end = market.ts + self._step
        quote = Quote(
            bid=_exact(touch(-1, market.close, self._costs.spread_bps)),
            ask=_exact(touch(1, market.close, self._costs.spread_bps)),
        )
        state = self._state(self.account)
        decision = decide(state, self._inputs(market, end, quote), self._rules)
        self.decisions.append(decision)
        self._halted = self._halted or decision.halt
        self._signal_at = end if decision.usable else self._signal_at
        equity = marks.equity_of(state, quote, self._rules)
        mid = None if equity is None else quote.mid
        self.account = fold.marked(self.account, end, equity, mid)
        if decision.action == "hold" or decision.price is None:
            return
        place = market.buy if decision.action == "buy" else market.sell
        if place(amount=float(decision.amount), limit=float(decision.price), at_once=True):
            self.account = fold.ordered(self.account, end)

    def _state(self, account: Account) -> State:
        like = State(base=ZERO, quote=ZERO, halted=self._halted, signal_at=self._signal_at)
        return fold.state_of(account, like, self._increments.minimum)

    def _traded(self, execution: Execution) -> Traded:
        fill = Fill(
            trade_id=execution.number,
            price=_nearest(execution.price, self._increments.price_step),
            amount=_nearest(execution.amount, self._increments.amount_step),
            fee=_exact(execution.fee),
            fee_currency="",
            taker=True,
            ts=execution.ts,
        )
        return Traded(
            side="buy" if execution.side > 0 else "sell",
            fill=fill,
            fee_in_base=False,
            name="",
            mid=fill.price,
            minimum=self._increments.minimum,
        )

    def _inputs(self, market: Market, end: int, quote: Quote) -> Inputs:
        row, columns = market.index, self._columns
        ratio = float(columns.ratio[row])
        return Inputs(
            now=end,
            window=Window(
                end=end,
                ratio=None if math.isnan(ratio) else ratio,
                complete=bool(columns.complete[row]),
            ),
            prediction=self._prediction(row),
            quote=quote,
            increments=self._increments,
            taker_fee_bps=_exact(self._costs.tiers[0].taker_bps),
        )

    def _prediction(self, row: int) -> Prediction | None:
        columns = self._columns
        now, following = float(columns.log_price[row]), float(columns.log_price_next[row])
        if math.isnan(now) or math.isnan(following):
            return None
        return Prediction(
            model="backtest",
            digest="",
            history_end=int(columns.history_end[row]),
            evaluated=True,
            log_price=now,
            log_price_next=following,
            log_price_turn=following,
        )


def bare(rules: Settings) -> Settings:
    """The same rules without the gates that the original did not have."""
    return msgspec.structs.replace(
        rules,
        min_edge_bps=0,
        collar_bps=int(BPS),
        cooldown_ms=0,
        max_orders_per_hour=None,
        max_daily_loss=None,
        max_drawdown=None,
        max_model_age_ms=2**62,
        exits=Exits(),
    )


def _nearest(value: float, step: Decimal) -> Decimal:
    """The multiple of `step` that a float of the engine represents."""
    return (_exact(value) / step).to_integral_value() * step


def _exact(value: float) -> Decimal:
    return Decimal(repr(float(value)))
