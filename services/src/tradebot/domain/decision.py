"""The decision for one window: a pure function, the same live, on paper, in replay and backtest.

The rules are the report's. The side is the forecast's at the window's timestamp. A buy happens
only if the bot has not already bought and the liquidity ratio lies inside the band. A sell sells
what the bot bought, or the whole base balance where `holdings` is `All`, as in the report. Orders
are limits that take at once or not at all. Around these stand the gates of `domain/risk`: each
gives a verdict with its reason, all verdicts are kept, and the first that fails names the
decision's reason.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain.money import ZERO, Side, limit_price
from tradebot.domain.risk import size
from tradebot.domain.risk.gates import BUY_GATES, GATES, SELL_GATES, WATCHES, Gate
from tradebot.domain.signal import signal_of
from tradebot.domain.situation import (
    BPS,
    Action,
    Increments,
    Inputs,
    Marks,
    Prediction,
    Proposal,
    Quote,
    Settings,
    State,
    Verdict,
    Window,
)

__all__ = [
    "Decision",
    "Increments",
    "Inputs",
    "Marks",
    "Prediction",
    "Proposal",
    "Quote",
    "Settings",
    "State",
    "Verdict",
    "Window",
    "decide",
]


NO_SIGNAL: Final = "signal"

REASONS_TO_HOLD: Final = (
    NO_SIGNAL,
    *(gate.GATE for gate in GATES),
)
"""What a decision's `gate` may name, in the order in which it is asked."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do for a window, and why.

    `gate` is what held the signal back, one of `REASONS_TO_HOLD`, or empty; `halt` is the reason to
    halt the bot, or empty.
    """

    action: Action
    signal: Action
    gate: str
    reason: str
    verdicts: tuple[Verdict, ...]
    amount: Decimal = ZERO
    price: Decimal | None = None
    delta: float | None = None
    mid: Decimal | None = None
    halt: str = ""


def decide(state: State, inputs: Inputs, settings: Settings) -> Decision:
    """The decision for the window of `inputs`."""
    prediction = inputs.prediction
    delta = prediction.delta if prediction is not None and prediction.plausible else None
    signal = signal_of(delta)
    mid = None if inputs.quote is None else inputs.quote.mid
    proposal = _propose(signal, state, inputs, settings)
    gates = WATCHES if signal == "hold" else WATCHES + _gates(signal)
    verdicts = tuple(gate.check(state, inputs, settings, proposal) for gate in gates)
    failed = next((verdict for verdict in verdicts if not verdict.passed), None)
    halted_by = next((verdict.reason for verdict in verdicts if verdict.halts), "")
    if signal == "hold" or failed is not None:
        gate, reason = (
            (failed.gate, failed.reason) if failed else (NO_SIGNAL, _no_signal(prediction))
        )
        return Decision(
            action="hold",
            signal=signal,
            gate=gate,
            reason=reason,
            verdicts=verdicts,
            delta=delta,
            mid=mid,
            halt=halted_by,
        )
    return Decision(
        action=signal,
        signal=signal,
        gate="",
        reason=f"the forecast {'rises' if signal == 'buy' else 'falls'} over the next step"
        " and every gate is open",
        verdicts=verdicts,
        amount=proposal.amount,
        price=proposal.price,
        delta=delta,
        mid=mid,
    )


def _gates(signal: Action) -> tuple[Gate, ...]:
    return BUY_GATES if signal == "buy" else SELL_GATES


def _no_signal(prediction: Prediction | None) -> str:
    if prediction is None:
        return "no forecast covers this minute and the next"
    if not prediction.plausible:
        return "the forecast's numbers are no logarithms of prices"
    return "the forecast does not move over the next step"


def _propose(signal: Action, state: State, inputs: Inputs, settings: Settings) -> Proposal:
    """The order that the signal asks for: its limit, and as much as risk and limits allow."""
    side: Side = "sell" if signal == "sell" else "buy"
    if inputs.quote is None:
        return Proposal(side=side, amount=ZERO, price=None)
    reach = settings.slippage_bps / BPS
    best = inputs.quote.ask * (1 + reach) if side == "buy" else inputs.quote.bid * (1 - reach)
    price = limit_price(side, best, inputs.increments.price_step)
    amount = (
        size.of_buy(state, inputs, settings, price)
        if side == "buy"
        else size.of_sell(state, inputs, settings)
    )
    return Proposal(side=side, amount=amount, price=price)
