"""Decides a recorded run again under other rules, and trades on its own account.

The windows, prices and forecasts are the recording's; balances, position, orders and losses are
those of the decisions made here. An order fills at once and whole, at the best price of its window,
with the account's taker fee. A window's decision depends on earlier ones only through that account.
A person's pauses are kept. What happened between windows is known only where the bot decided
something there, so an exit is seen at the next window at the latest.
"""

from decimal import Decimal

import msgspec
from msgspec.structs import replace

from tradebot.backtest.replay import Recording, inputs_of, seen_of
from tradebot.domain.account import fold
from tradebot.domain.account.fold import Account
from tradebot.domain.account.trip import Traded
from tradebot.domain.decision import Decision, decide
from tradebot.domain.money import ZERO
from tradebot.domain.order_state import Fill
from tradebot.domain.risk import marks
from tradebot.domain.situation import Inputs, Settings, State, Stored


class Foretold(msgspec.Struct, frozen=True, kw_only=True):
    """A window's decision; `window_end` is its time, ms UTC."""

    window_end: int
    decision: Decision


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """A run under one set of rules: its decisions, orders, and profit in quote currency."""

    rows: list[Foretold]
    orders: int
    profit: Decimal


def foretell(recording: Recording, rules: Settings | None = None) -> Course:
    """Decides every window of the recording.

    Args:
        rules: for every window; by default each window's own.
    """
    run = _Run(fold.opening(seen_of(recording.decisions[0]).state))
    rows = []
    for stored in recording.decisions:
        seen = seen_of(stored)
        inputs = inputs_of(recording, stored, seen)
        decision = run.decide(inputs, seen, rules or seen.settings)
        rows.append(Foretold(window_end=int(stored["window_end"]), decision=decision))
    return Course(rows=rows, orders=run.orders, profit=run.profit)


class _Run:
    """The account, and what the trader itself would remember."""

    def __init__(self, account: Account) -> None:
        self.orders = 0
        self._account = account
        self._start = (account.base, account.quote)
        self._first_mid: Decimal | None = None
        self._mid = ZERO
        self._signal_at: int | None = None
        self._halted = ""
        self._was_halted = False

    @property
    def profit(self) -> Decimal:
        """The gain in value, at the first and the last price."""
        base, quote = self._start
        first = self._first_mid or ZERO
        return self._account.quote - quote + self._account.base * self._mid - base * first

    def decide(self, inputs: Inputs, seen: Stored, rules: Settings) -> Decision:
        """Decides, trades and accounts for one window."""
        end, minimum = inputs.window.end, inputs.increments.minimum
        if self._was_halted and not seen.state.halted:
            self._halted = ""  # a person resumed the bot
        self._was_halted = bool(seen.state.halted)
        state = self._state(seen.state, minimum)
        decision = decide(state, inputs, rules)
        self._halted = self._halted or decision.halt
        self._signal_at = end if decision.usable else self._signal_at
        if decision.action != "hold":
            self._trade(decision, inputs, end)
        equity = marks.equity_of(state, inputs.quote, rules)
        mid = None if equity is None else decision.mid
        if mid is not None:
            self._first_mid, self._mid = self._first_mid or mid, mid
        self._account = fold.marked(self._account, end, equity, mid)
        return decision

    def _state(self, seen: State, minimum: Decimal) -> State:
        signal_at = seen.signal_at if self._signal_at is None else self._signal_at
        like = replace(seen, halted=self._halted, signal_at=signal_at, waiting="")
        return fold.state_of(self._account, like, minimum)

    def _trade(self, decision: Decision, inputs: Inputs, end: int) -> None:
        assert inputs.quote is not None, "no order without prices"
        buys = decision.action == "buy"
        price = inputs.quote.ask if buys else inputs.quote.bid
        fee = price * decision.amount * inputs.taker_fee_bps / 10_000
        self.orders += 1
        fill = Fill(
            trade_id=self.orders, price=price, amount=decision.amount, fee=fee, fee_currency="",
            taker=True, ts=inputs.now or end,
        )  # fmt: skip
        self._account = fold.ordered(self._account, end)
        self._account = fold.booked(
            self._account,
            Traded(
                side="buy" if buys else "sell",
                fill=fill,
                fee_in_base=False,
                name="",
                mid=decision.mid or price,
                minimum=inputs.increments.minimum,
            ),
        )
