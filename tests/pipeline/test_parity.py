"""The backtest decides a recorded demo again: the same decisions, one by one."""

import uuid
from pathlib import Path

import pytest
from demo_process import Demo
from waving_market import waves

from tradebot.backtest.replay import record, replay
from tradebot.platform.settings import StageSettings
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import Topics
from tradebot.records import DocType, ForecastRecord, decode


@pytest.mark.kafka
@pytest.mark.slow
def test_a_recorded_demo_replays_to_the_same_decisions(
    tmp_path: Path, kafka_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = f"parity{uuid.uuid4().hex[:8]}-"
    monkeypatch.setenv("TRADEBOT_TOPIC_PREFIX", prefix)
    market = waves(tmp_path / "waves.csv")
    demo = Demo(tmp_path, "--speed", "60", "--market", str(market), "--kafka", kafka_address)
    try:
        demo.wait_ready()
        demo.wait_decisions(25)
        demo.wait_actions({"buy", "hold", "sell"})
        demo.end()
    finally:
        demo.abandon()
    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    values = read_topic(settings, Topics.of(settings).forecasts)
    forecasts = [decode(value, ForecastRecord) for value in values]
    store = SqliteStore(demo.state / "documents.sqlite")
    documents = {str(kind): store.latest(kind, 10_000) for kind in DocType}
    store.close()

    compared = replay(record(documents, forecasts))

    assert len(compared) >= 25
    assert [c for c in compared if c.differences] == []
    assert {c.live for c in compared} >= {"buy", "hold", "sell"}
