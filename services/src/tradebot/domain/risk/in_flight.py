"""No second order for a signal while one of the same side rests at the venue."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "in_flight"
HOLDS: Final[Holds] = "signals"


def check(state: State, _inputs: Inputs, _settings: Settings, proposal: Proposal) -> Verdict:
    """Passes if no maker order of this side rests."""
    if state.waiting == proposal.side:
        reason = f"a maker order to {proposal.side} rests at the venue"
        return Verdict(gate=GATE, passed=False, reason=reason)
    return Verdict(gate=GATE, passed=True, reason="no order of this side rests at the venue")
