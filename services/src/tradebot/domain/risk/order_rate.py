"""A limit on orders per hour; a buy leaves room for the sell that follows it."""

from typing import Final

from tradebot.domain.situation import HOUR_MS, Holds, Inputs, Proposal, Settings, State, Verdict

GATE: Final = "order_rate"
HOLDS: Final[Holds] = "buys"


def check(state: State, inputs: Inputs, settings: Settings, proposal: Proposal) -> Verdict:
    """Passes while the last hour has room for the order; a buy needs room for two."""
    limit = settings.max_orders_per_hour
    count = sum(1 for at in state.orders_at if at > inputs.window.end - HOUR_MS)
    if limit is None:
        return Verdict(gate=GATE, passed=True, reason=f"{count} in the last hour; no limit")
    room = max(1, limit - 1) if proposal.side == "buy" else limit
    reason = f"{count} orders in the last hour; the limit is {limit}"
    return Verdict(gate=GATE, passed=count < room, reason=reason)
