"""Halts the bot when the day's loss exceeds its limit."""

from typing import Final

from tradebot.domain.risk.marks import day_of, equity_of
from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "daily_loss"
HOLDS: Final[Holds] = "windows"


def check(state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Fails and halts once equity is `max_daily_loss` (a fraction) below the UTC day's start."""
    limit, marks = settings.max_daily_loss, state.marks
    if limit is None:
        return Verdict(gate=GATE, passed=True, reason="no limit is set")
    equity = equity_of(state, inputs.quote, settings)
    if equity is None:
        return Verdict(gate=GATE, passed=True, reason="no valid price to measure with")
    if marks is None or marks.day != day_of(inputs.window.end):
        return Verdict(gate=GATE, passed=True, reason="the day has just started")
    if marks.day_equity <= 0:
        return Verdict(gate=GATE, passed=True, reason="the day started with no equity")
    loss = 1 - equity / marks.day_equity
    reason = f"the day's loss is {loss:.2%} of equity; the limit is {limit:.2%}"
    return Verdict(gate=GATE, passed=loss < limit, reason=reason, halts=loss >= limit)
