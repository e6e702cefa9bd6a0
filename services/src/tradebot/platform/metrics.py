"""Metrics that every stage has. A stage's own live in its folder, in `metrics.py`.

Names follow Prometheus' conventions: base units, `_total` for counters, `_seconds` for times;
labels are few: bot, symbol, stage.
"""

from prometheus_client import Counter, Gauge, Info

from tradebot import __version__

READY = Gauge("tradebot_ready", "1 while no readiness gate of the stage is closed", ["stage"])
DEAD_LETTERS = Counter(
    "tradebot_dead_letters_total",
    "Records put aside in the dead-letter topic, by the stage that did it and the record's topic",
    ["stage", "topic"],
)
BUILD = Info("tradebot_build", "The version of tradebot that this process runs")
BUILD.info({"version": __version__})
