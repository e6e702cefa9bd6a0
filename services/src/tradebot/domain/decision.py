"""The decision for one window: one pure function for live, paper, replay and backtest.

The rules are the report's. The side is the forecast's at the window's timestamp. The bot buys only
if it has not already bought and the liquidity ratio is inside the band. A sell sells what the bot
bought, or the whole base balance if `holdings` is `All`, as in the report. Orders are limits that
fill at once or not at all. The gates of `domain/risk` then check the order: each gives a verdict
with its reason, all verdicts are kept, and the first that fails gives the decision's reason.

Exits come before the signal. If an exit of `domain/exits` closes the position, it is sold whatever
the forecast; only gates that make a sale impossible or unsafe hold it back. A check between
windows is a decision without a prediction: it can halt and exit, and has no signal.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradebot.domain import wanting
from tradebot.domain.exits import policies, pricing
from tradebot.domain.money import ZERO
from tradebot.domain.risk import size
from tradebot.domain.risk.gates import BUY_GATES, EXIT_GATES, GATES, SELL_GATES, WATCHES, Gate
from tradebot.domain.situation import (
    Action,
    Exits,
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
    "Exits",
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
"""All values of a decision's `gate`, in the order in which they are checked."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What to do for a window, and why.

    `gate` is what held the signal or the exit back, one of `REASONS_TO_HOLD`, or empty. `halt` is
    the reason to halt the bot, or empty. `exit` names the exit that closes the position, or is
    empty; with an exit, `price` is the lowest that it may sell at. `usable` is true if window and
    forecast could be traded on.
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
    exit: str = ""
    usable: bool = False


def decide(state: State, inputs: Inputs, settings: Settings) -> Decision:
    """Decides for the window, or the check between windows, of `inputs`."""
    prediction = inputs.prediction
    delta = prediction.delta if prediction is not None and prediction.plausible else None
    wish = wanting.wish_of(inputs, settings, delta)
    signal = wish.side
    wanted = wanting.order_of(signal, state, inputs, settings)
    watches = tuple(gate.check(state, inputs, settings, wanted) for gate in WATCHES)
    halts = next((verdict.reason for verdict in watches if verdict.halts), "")
    exits = policies.judge(state, inputs, settings, halts)
    leaving = next((verdict for verdict in exits if not verdict.passed), None)
    if leaving is not None:
        wanted = _propose_exit(leaving.gate, state, inputs, settings)
    gates = EXIT_GATES if leaving is not None else _gates(signal)
    verdicts = tuple(gate.check(state, inputs, settings, wanted) for gate in gates)
    failed = _first_failed(watches, verdicts, wanted, settings, leaving)
    acts = leaving is not None or signal != "hold"
    reason = wish.reason if leaving is None else leaving.reason
    held = failed is not None or not acts
    return Decision(
        action="hold" if held else wanted.side,
        signal=signal,
        gate=failed.gate if failed is not None else "" if acts else NO_SIGNAL,
        reason=failed.reason if failed is not None else reason,
        verdicts=(*watches, *exits, *verdicts),
        amount=ZERO if held else wanted.amount,
        price=None if held else wanted.price,
        delta=delta,
        mid=None if inputs.quote is None else inputs.quote.mid,
        halt=halts,
        exit="" if leaving is None else leaving.gate,
        usable=wanting.usable(state, inputs, settings, wanted, delta),
    )


def _gates(signal: Action) -> tuple[Gate, ...]:
    if signal == "hold":
        return ()
    return BUY_GATES if signal == "buy" else SELL_GATES


def _first_failed(
    watches: tuple[Verdict, ...],
    verdicts: tuple[Verdict, ...],
    wanted: Proposal,
    settings: Settings,
    leaving: Verdict | None,
) -> Verdict | None:
    """Returns the gate that holds the order back. A breached limit never holds back what makes
    the position smaller, unless `on_breach` is Hold."""
    smaller = leaving is not None or wanted.side == "sell"
    if not (smaller and settings.on_breach != "Hold"):
        verdicts = (*watches, *verdicts)
    return next((verdict for verdict in verdicts if not verdict.passed), None)


def _propose_exit(leaving: str, state: State, inputs: Inputs, settings: Settings) -> Proposal:
    """Proposes to sell all that may be sold, down to the exit's floor."""
    start = pricing.anchor(inputs.quote, settings, leaving)
    step = inputs.increments.price_step
    return Proposal(
        side="sell",
        amount=size.of_sell(state, inputs, settings),
        price=None if start is None else pricing.floor_price(start, settings, step),
        exit=leaving,
    )
