"""The report's liquidity threshold: buying is allowed only inside a band of ratios."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "band"
HOLDS: Final[Holds] = "buys"


def check(_state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes if bid flow / ask flow lies in [band_min_bps, band_max_bps] (10,000 is 1.0)."""
    ratio = inputs.window.ratio
    if ratio is None:
        reason = "one side of the window had no flow, so there is no ratio"
        return Verdict(gate=GATE, passed=False, reason=reason)
    passed = settings.band_min_bps <= ratio * 10_000 <= settings.band_max_bps
    band = f"{settings.band_min_bps / 10_000:g} to {settings.band_max_bps / 10_000:g}"
    place = "inside" if passed else "outside"
    return Verdict(gate=GATE, passed=passed, reason=f"the ratio {ratio:.4f} is {place} {band}")
