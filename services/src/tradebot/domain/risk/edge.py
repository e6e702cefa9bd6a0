"""No buy whose forecast gain does not cover the fees of a trip plus an edge.

The gain is that of the forecast's present rise up to its turn, where the strategy would sell. An
edge of 0 is the original rule: the gate is off, and fees may exceed every gain.
"""

from math import expm1
from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "edge"
HOLDS: Final[Holds] = "buys"


def check(_state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes if gain − 2 × taker fee is at least `min_edge_bps`, or if that is 0."""
    prediction = inputs.prediction
    if prediction is None and settings.proposer and settings.min_edge_bps == 0:
        return Verdict(gate=GATE, passed=True, reason="there is no forecast; no edge is required")
    if prediction is None:
        return Verdict(gate=GATE, passed=False, reason="there is no forecast")
    gain = expm1(prediction.log_price_turn - prediction.log_price) * 10_000
    fees = 2 * float(inputs.taker_fee_bps)
    text = f"forecast gain {gain:.2f} bps, fees {fees:.0f} bps"
    if settings.min_edge_bps == 0:
        return Verdict(gate=GATE, passed=True, reason=f"{text}; no edge is required")
    passed = gain - fees >= settings.min_edge_bps
    reason = f"{text}; the required edge is {settings.min_edge_bps} bps"
    return Verdict(gate=GATE, passed=passed, reason=reason)
