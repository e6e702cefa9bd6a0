"""A running trader on a real broker, with implausible records on all its topics."""

from pathlib import Path

import pytest
from line import poison
from line.trader import MINUTE, TraderLine

from tradebot.platform.topic import read_topic
from tradebot.records import DeadLetter, ForecastRecord, decode

pytestmark = pytest.mark.kafka


def inject(line: TraderLine) -> int:
    """Writes poison to the trader's topics; returns how many windows and forecasts."""
    now = line.exchange_time()
    good = ForecastRecord(
        "BTCUSD", "FastProphet", "poisoned", now, now, now, MINUTE, [9.3] * 60, [], []
    )
    windows, forecasts = poison.windows(now), poison.forecasts(good)
    for topic, values in (
        (line.topics.liquidity, windows),
        (line.topics.forecasts, forecasts),
        (line.topics.feed, poison.feed(now)),
    ):
        for value in values:
            line._producer.produce(topic, value, key=b"BTCUSD")
    line._producer.flush(10)
    return len(windows) + len(forecasts)


def test_poison_on_every_topic_costs_no_decision_also_after_a_restart(
    tmp_path: Path, kafka_address: str
) -> None:
    with TraderLine(tmp_path, speed=60, kafka=kafka_address) as line:
        injected = inject(line)
        line.start()
        line.wait(lambda: len(line.of_kind("decision")) >= 2)
        injected += inject(line)
        before = len(line.of_kind("decision"))
        line.wait(lambda: len(line.of_kind("decision")) >= before + 3)
        line.kill()
        injected += inject(line)
        line.start()
        before = len(line.of_kind("decision"))
        line.wait(lambda: len(line.of_kind("decision")) >= before + 3)
        ends = sorted(d["body"]["window_end"] for d in line.of_kind("decision"))
        assert ends == list(range(ends[0], ends[-1] + 1, MINUTE)), "each window, and no other"
        status = line.status()
        assert status is not None and status["window_end"] < poison.FAR
        assert {d["body"]["digest"] for d in line.of_kind("decision")} <= {"wave", ""}
        letters = {
            (letter.topic, letter.partition, letter.offset)
            for letter in (
                decode(value, DeadLetter)
                for value in read_topic(line.settings, line.topics.dead_letters)
            )
        }
        assert len(letters) == injected, "each once by its place"
