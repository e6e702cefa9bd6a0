"""No buy on an incomplete window."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "completeness"
HOLDS: Final[Holds] = "buys"


def check(_state: State, inputs: Inputs, _settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes for a window without a connect, a gap or a late start."""
    if inputs.window.complete:
        return Verdict(gate=GATE, passed=True, reason="the window is complete")
    reason = "the window had a connect, a gap or a late start"
    return Verdict(gate=GATE, passed=False, reason=reason)
