"""The forecast stage on a real broker: whole records with their keys, only committed ones."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.history.bars import MINUTE
from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import tail
from tradebot.platform.topics import Topics
from tradebot.records import ForecastRecord, TradeRecord, decode, encode
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.settings import TraderSettings

pytestmark = pytest.mark.kafka

START = 1_600_000_020_000 // MINUTE * MINUTE
ROWS = 300


def history(folder: Path) -> str:
    """Writes a file of minutes up to the one before the first trade."""
    lines = ["ts,open,high,low,close,volume,weighted"]
    lines += [f"{START + row * MINUTE},5,6,4,5,1,{5 + row % 3}" for row in range(ROWS)]
    path = folder / "history.csv"
    path.write_text("\n".join(lines))
    return str(path)


def test_trades_of_the_broker_become_forecasts_that_know_them(
    kafka_address: str, tmp_path: Path
) -> None:
    prefix = f"fc{time.time_ns()}."
    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    topics = Topics.of(settings)
    kafka.ensure_topics(settings, [topics.trades, topics.forecasts])
    producer = kafka.producer(settings)
    end = START + (ROWS - 1) * MINUTE
    for step in range(1, 6):
        trade = TradeRecord("BTCUSD", step, "5", "1", "bid", end + step * MINUTE)
        producer.produce(topics.trades, encode(trade), key="BTCUSD")
    producer.flush(10)
    command = [sys.executable, "-m", "tradebot", "forecast", "--kafka", kafka_address]
    command += ["--topic-prefix", prefix, "--history-source", "Claim", "--evaluate-folds", "0"]
    command += ["--history-file", history(tmp_path), "--speed", "60"]
    stage = subprocess.Popen(command)
    consumer = kafka.consumer(settings, f"{prefix}test")
    consumer.subscribe([topics.forecasts])

    def knows_all() -> bool:
        message = consumer.poll(0.5)
        if message is None or message.error():
            return False
        record = decode(message.value() or b"", ForecastRecord)
        assert message.key() == b"BTCUSD/FastProphet"
        assert len(record.log_price) == len(record.lower) == len(record.upper) == 1440
        return record.history_end >= end + 4 * MINUTE

    try:
        until(knows_all, pause=0)
    finally:
        stage.send_signal(signal.SIGTERM)
        code = stage.wait(PATIENCE_SECONDS)
        consumer.close()
    assert code == 0


def test_a_trader_follows_its_forecaster_of_two_that_share_a_topic(
    kafka_address: str, tmp_path: Path
) -> None:
    prefix = f"fc{time.time_ns()}."
    settings = TraderSettings(kafka=kafka_address, topic_prefix=prefix, forecaster="hour")
    topics = Topics.of(settings)
    command = [sys.executable, "-m", "tradebot", "forecast", "--kafka", kafka_address]
    command += ["--topic-prefix", prefix, "--history-source", "Claim", "--evaluate-folds", "0"]
    command += ["--history-file", history(tmp_path)]
    kafka.ensure_topics(settings, [topics.trades, topics.forecasts])
    stages = [
        subprocess.Popen([*command, "--forecaster", name, "--horizon-minutes", minutes])
        for name, minutes in (("hour", "60"), ("day", "1440"))
    ]
    reader = tail(settings, "test", {topics.forecasts: 50})
    mine = Forecasts("BTCUSD", "FastProphet", "hour")
    heard: dict[bytes, bool] = {}

    def both_were_heard() -> bool:
        message = reader.poll(0.5)
        if message is not None and not message.error():
            heard[message.key() or b""] = mine.take(decode(message.value() or b"", ForecastRecord))
        return len(heard) == 2

    try:
        until(both_were_heard, pause=0, told=lambda: heard)
    finally:
        for stage in stages:
            stage.terminate()
            stage.wait(PATIENCE_SECONDS)
        reader.close()
    assert heard == {b"BTCUSD/FastProphet/hour": True, b"BTCUSD/FastProphet/day": False}
    start = START + ROWS * MINUTE
    assert mine.at(start + 58 * MINUTE) is not None
    assert mine.at(start + 90 * MINUTE) is None, "only the other looks so far"
