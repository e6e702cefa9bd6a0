"""No order whose limit lies far from the mid: a broken book must not make a broken price."""

from typing import Final

from tradebot.domain.situation import BPS, Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "collar"
HOLDS: Final[Holds] = "all"


def check(_state: State, inputs: Inputs, settings: Settings, proposal: Proposal) -> Verdict:
    """Passes if the limit is within `collar_bps` of the mid."""
    if inputs.quote is None or proposal.price is None or inputs.quote.mid <= 0:
        return Verdict(gate=GATE, passed=False, reason="there is no mid to compare with")
    mid = inputs.quote.mid
    distance = abs(proposal.price - mid) / mid * BPS
    reason = (
        f"the limit is {distance:.1f} bps from the mid; the collar is {settings.collar_bps} bps"
    )
    return Verdict(gate=GATE, passed=distance <= settings.collar_bps, reason=reason)
