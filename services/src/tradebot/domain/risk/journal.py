"""No buy while the bot's journal cannot be written; only what reduces risk goes on without it."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "journal"
HOLDS: Final[Holds] = "buys"


def check(state: State, _inputs: Inputs, _settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes while the journal can be written."""
    reason = state.journal_down or "the journal can be written"
    return Verdict(gate=GATE, passed=not state.journal_down, reason=reason)
