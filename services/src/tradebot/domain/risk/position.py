"""The report's position rule: buy once, then sell all."""

from typing import Final

from tradebot.domain.situation import Inputs, Proposal, Settings, State, Verdict

GATE: Final = "position"


def check(state: State, _inputs: Inputs, _settings: Settings, proposal: Proposal) -> Verdict:
    """A buy passes if the bot has not already bought, a sell if there is base to sell."""
    if proposal.side == "buy":
        reason = "has already bought" if state.bought else "has not bought yet"
        return Verdict(gate=GATE, passed=not state.bought, reason=reason)
    passed = state.base > 0
    reason = f"{state.base} of base to sell" if passed else "nothing to sell"
    return Verdict(gate=GATE, passed=passed, reason=reason)
