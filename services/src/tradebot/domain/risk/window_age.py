"""A window that arrives late counts, but is never traded on."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "window_age"
HOLDS: Final[Holds] = "signals"


def check(_state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes while the window ended at most `max_window_age_ms` ago."""
    if inputs.now == 0:
        reason = "the venue's time is not known yet"
        return Verdict(gate=GATE, passed=False, reason=reason)
    age = inputs.now - inputs.window.end
    if age < -settings.max_window_age_ms:
        reason = f"the window ends {-age / 1000:.1f} s in the future"
        return Verdict(gate=GATE, passed=False, reason=reason)
    passed = age <= settings.max_window_age_ms
    reason = (
        f"the window ended {age / 1000:.1f} s ago;"
        f" the limit is {settings.max_window_age_ms / 1000:.0f} s"
    )
    return Verdict(gate=GATE, passed=passed, reason=reason)
