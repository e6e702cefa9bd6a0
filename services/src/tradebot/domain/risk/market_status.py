"""No order while the market accepts none that fill at once."""

from typing import Final

from tradebot.domain.instrument import TAKING
from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "market_status"
HOLDS: Final[Holds] = "all"


def check(_state: State, inputs: Inputs, _settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes while the market is open, or accepts limit orders only."""
    status = inputs.market_status
    if status in TAKING:
        return Verdict(gate=GATE, passed=True, reason=f"the market is {status}")
    reason = f"the venue's market is {status}: it accepts no order that trades at once"
    return Verdict(gate=GATE, passed=False, reason=reason)
