"""No buy on a forecast whose model was never evaluated or is out of date.

A bot that follows a strategy needs no forecast: a proposal holds for its own bar alone.
"""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "model"
HOLDS: Final[Holds] = "buys"


def check(_state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes if the model is evaluated and its last minute younger than `max_model_age_ms`."""
    if settings.proposer:
        reason = f"the bot follows the proposals of {settings.proposer}, not a forecast"
        return Verdict(gate=GATE, passed=True, reason=reason)
    if inputs.prediction is None:
        return Verdict(gate=GATE, passed=False, reason="there is no forecast")
    if settings.require_evaluation and not inputs.prediction.evaluated:
        reason = f"model {inputs.prediction.model} was not evaluated on unseen minutes"
        return Verdict(gate=GATE, passed=False, reason=reason)
    age = inputs.now - inputs.prediction.history_end
    if age < -settings.max_model_age_ms:  # it would look fresh until time catches up
        reason = f"the model's last minute is {-age / 1000:.0f} s in the future"
        return Verdict(gate=GATE, passed=False, reason=reason)
    passed = age <= settings.max_model_age_ms
    reason = (
        f"the model's last minute is {age / 1000:.0f} s old;"
        f" the limit is {settings.max_model_age_ms / 1000:.0f} s"
    )
    return Verdict(gate=GATE, passed=passed, reason=reason)
