"""No order while a person or a limit has stopped the bot."""

from tradebot.domain.situation import Inputs, Proposal, Settings, State, Verdict


def check(state: State, _inputs: Inputs, _settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes unless the bot is halted or paused; both are lifted by a person only."""
    if state.halted:
        return Verdict(gate="halt", passed=False, reason=f"halted: {state.halted}")
    if state.paused:
        return Verdict(gate="halt", passed=False, reason=f"paused: {state.paused}")
    return Verdict(gate="halt", passed=True, reason="neither halted nor paused")
