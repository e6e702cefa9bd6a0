"""Metrics that every stage has. A stage's own are in `metrics.py` of its folder.

Names follow Prometheus' conventions: base units, `_total` for counters, `_seconds` for times. There
are few labels: bot, symbol, stage.
"""

from prometheus_client import Counter, Gauge, Info

from tradebot import __version__

READY = Gauge("tradebot_ready", "1 while all readiness checks of the stage pass", ["stage"])
DEAD_LETTERS = Counter(
    "tradebot_dead_letters_total",
    "Records written to the dead letters, by stage and by the record's topic",
    ["stage", "topic"],
)
BUILD = Info("tradebot_build", "Version of tradebot")
BUILD.info({"version": __version__})
