"""Metrics of the strategy stage."""

from prometheus_client import Counter, Gauge, Histogram

PROPOSALS = Counter(
    "tradebot_strategy_proposals_total", "Proposals published, by side", ["proposer", "side"]
)
FAILURES = Counter(
    "tradebot_strategy_failures_total", "Bars at which the strategy failed", ["proposer"]
)
FAILING = Gauge(
    "tradebot_strategy_failing", "1 if the strategy failed at the newest bar", ["proposer"]
)
STARTS = Counter(
    "tradebot_strategy_process_starts_total", "Starts of the strategy's process", ["proposer"]
)
BARS = Gauge("tradebot_strategy_bars", "Bars that the strategy sees", ["proposer"])
LAST_BAR = Gauge("tradebot_strategy_last_bar_end_seconds", "End of the newest bar", ["proposer"])
SECONDS = Histogram(
    "tradebot_strategy_bar_seconds",
    "Real seconds from a closed bar to its delivered proposal",
    ["proposer"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30),
)


def from_zero(proposer: str) -> None:
    """Starts each counter: an increase is seen only against a value that was there."""
    for side in ("buy", "sell", "hold"):
        PROPOSALS.labels(proposer, side)
    for each in (FAILURES, STARTS):
        each.labels(proposer)
    FAILING.labels(proposer).set(0)
