"""No order before the account agrees with the venue's and every earlier intent is resolved."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "reconciliation"
HOLDS: Final[Holds] = "all"


def check(state: State, _inputs: Inputs, _settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes once reconciled, with no unresolved order."""
    if not state.reconciled:
        reason = "the bot has not reconciled with the venue"
        return Verdict(gate=GATE, passed=False, reason=reason)
    if state.unresolved:
        reason = f"the result of {state.unresolved} earlier order(s) is unknown"
        return Verdict(gate=GATE, passed=False, reason=reason)
    return Verdict(gate=GATE, passed=True, reason="reconciled, with no unknown orders")
