"""No buy on a forecast whose model has not seen recent prices."""

from tradebot.domain.situation import Inputs, Proposal, Settings, State, Verdict


def check(_state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes while the last minute that the model saw is younger than `max_model_age_ms`."""
    if inputs.prediction is None:
        return Verdict(gate="model", passed=False, reason="there is no forecast")
    age = inputs.now - inputs.prediction.history_end
    passed = age <= settings.max_model_age_ms
    reason = (
        f"the model's last minute is {age / 1000:.0f} s old;"
        f" the limit is {settings.max_model_age_ms / 1000:.0f} s"
    )
    return Verdict(gate="model", passed=passed, reason=reason)
