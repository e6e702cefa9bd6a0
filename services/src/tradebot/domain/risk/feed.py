"""No order on a feed that has gone silent, or without a price."""

from typing import Final

from tradebot.domain.situation import Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "feed"
HOLDS: Final[Holds] = "signals"


def check(_state: State, inputs: Inputs, settings: Settings, _proposal: Proposal) -> Verdict:
    """Passes with a sound price, and a feed not silent for `max_silence_ms` (real time)."""
    quote = inputs.quote
    if quote is None:
        return Verdict(gate=GATE, passed=False, reason="the venue's prices are not known")
    if not 0 < quote.bid < quote.ask:
        reason = f"bid {quote.bid} and ask {quote.ask} are not a valid market"
        return Verdict(gate=GATE, passed=False, reason=reason)
    passed = quote.silent_ms <= settings.max_silence_ms
    reason = (
        f"the feed has been silent for {quote.silent_ms / 1000:.1f} s; the limit is "
        f"{settings.max_silence_ms / 1000:.0f} s"
    )
    return Verdict(gate=GATE, passed=passed, reason=reason)
