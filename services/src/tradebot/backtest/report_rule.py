"""The report's rule in a backtest through the trader's own `decide`, gate by gate.

`tradebot.strategies.report` is the bare rule as arrays. Both read the same columns of the bars; a
test compares their decisions.
"""

import math
from decimal import Decimal

import msgspec

from tradebot.backtest.costs import Costs
from tradebot.backtest.engines.arithmetic import touch
from tradebot.domain.account import fold
from tradebot.domain.account.fold import Account
from tradebot.domain.account.trip import Traded
from tradebot.domain.decision import Decision, decide
from tradebot.domain.money import ZERO, exact
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
from tradebot.strategies.interface import Bars, Execution, Market, Strategy


class ReportRule(Strategy):
    """Decides each bar as the trader decides each window.

    Args:
        bars: with flows, and with the forecasts of `model`; a window ends with its bar.
        rules: the trader's settings.
    """

    def __init__(
        self, bars: Bars, rules: Settings, costs: Costs, model: str = "FastProphet"
    ) -> None:
        self.decisions: list[Decision] = []
        self._ratio, self._complete = bars.ratio, bars.complete
        self._model = model
        self._predictions = bars.forecast(model)
        self._rules = rules
        self._costs = costs
        self._increments = Increments(
            amount_step=exact(costs.amount_step),
            price_step=exact(costs.price_step),
            minimum=exact(costs.minimum),
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
        """Calls `decide` and places its order; at most one order is in flight."""
        if market.live_orders:
            return
        if self.account is None:
            self.account = Account(base=exact(market.position), quote=exact(market.cash))
        end = market.ts + market.step
        quote = Quote(
            bid=exact(touch(-1, market.close, self._costs.spread_bps)),
            ask=exact(touch(1, market.close, self._costs.spread_bps)),
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
            fee=exact(execution.fee),
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
        row = market.index
        ratio = float(self._ratio[row])
        return Inputs(
            now=end,
            window=Window(
                end=end,
                ratio=None if math.isnan(ratio) else ratio,
                complete=bool(self._complete[row]),
            ),
            prediction=self._prediction(row),
            quote=quote,
            increments=self._increments,
            taker_fee_bps=exact(self._costs.tiers[0].taker_bps),
        )

    def _prediction(self, row: int) -> Prediction | None:
        columns = self._predictions
        now, following = float(columns.log_price[row]), float(columns.log_price_next[row])
        if math.isnan(now) or math.isnan(following):
            return None
        return Prediction(
            model=self._model,
            digest="",
            history_end=int(columns.history_end[row]),
            evaluated=True,
            log_price=now,
            log_price_next=following,
            log_price_turn=following,
        )


def bare(rules: Settings) -> Settings:
    """Returns the same rules without the gates that the original lacked."""
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
    """Returns the multiple of `step` that a float of the engine represents."""
    return (exact(value) / step).to_integral_value() * step
