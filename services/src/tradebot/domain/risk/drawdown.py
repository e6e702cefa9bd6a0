"""Halts the bot when equity has fallen too far from its peak."""

from typing import Final

from tradebot.domain.risk.marks import equity_of
from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "drawdown"
HOLDS: Final[Holds] = "windows"


def check(state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Fails and halts once equity is `max_drawdown` (a fraction) below its peak."""
    limit, marks = settings.max_drawdown, state.marks
    if limit is None:
        return Verdict(gate=GATE, passed=True, reason="no limit is set")
    equity = equity_of(state, inputs.quote, settings)
    if equity is None:
        return Verdict(gate=GATE, passed=True, reason="no valid price to measure with")
    if marks is None or marks.peak_equity <= 0:
        return Verdict(gate=GATE, passed=True, reason="there is no peak yet")
    fall = 1 - equity / marks.peak_equity
    reason = f"equity is {fall:.2%} below its peak; the limit is {limit:.2%}"
    return Verdict(gate=GATE, passed=fall < limit, reason=reason, halts=fall >= limit)
