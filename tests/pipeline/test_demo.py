"""The whole pipeline as a user starts it: it trades, survives kills, and leaves nothing running."""

import uuid
from collections import Counter
from pathlib import Path

import pytest
from demo_process import Demo

from tradebot.platform.settings import StageSettings
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import Topics
from tradebot.records import DocType, LiquidityRecord, decode

KILLED = ("ingest", "liquidity", "forecast", "trader", "recorder", "dashboard")


def test_the_line_trades_and_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--speed", "60")
    try:
        demo.wait_ready()
        demo.wait_decisions(5)
        pids = list(demo.children())
        summary = demo.end()
    finally:
        demo.abandon()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert summary["windows"] >= 5
    assert summary["decisions"] >= 5
    assert summary["errors"] == 0, _errors(demo.state)
    assert summary["restarts"] == 0


@pytest.mark.kafka
@pytest.mark.slow
def test_kill_9_of_each_stage_loses_no_window_and_doubles_no_order(
    tmp_path: Path, kafka_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = f"demo{uuid.uuid4().hex[:8]}-"
    monkeypatch.setenv("TRADEBOT_TOPIC_PREFIX", prefix)
    demo = Demo(tmp_path, "--speed", "60", "--kafka", kafka_address)
    try:
        demo.wait_ready()
        for name in KILLED:
            demo.kill(name)
            demo.wait_decisions(3)
        summary = demo.end()
    finally:
        demo.abandon()
    assert summary["restarts"] == len(KILLED)

    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    values = read_topic(settings, Topics.of(settings).liquidity)
    records = [decode(value, LiquidityRecord) for value in values]
    windows = Counter((record.window_end, record.type) for record in records)
    assert set(windows.values()) == {1}
    ends = sorted({end for end, _ in windows})
    assert all(windows[end, kind] for end in ends for kind in ("ask", "bid", "price_volume"))
    assert ends == list(range(ends[0], ends[-1] + 1, 60_000))

    store = SqliteStore(demo.state / "documents.sqlite")
    decisions = sorted(d["window_end"] for d in store.latest(DocType.DECISION, 10_000))
    assert len(decisions) == len(set(decisions))
    assert decisions == [end for end in ends if decisions[0] <= end <= decisions[-1]]
    orders = store.latest(DocType.ORDER, 10_000)
    assert len({order["client_order_id"] for order in orders}) == len(orders)
    store.close()


def _errors(state: Path) -> str:
    lines = [
        line
        for log in (state / "logs").glob("*.log")
        for line in log.read_text().splitlines()
        if '"error"' in line
    ]
    return "\n".join(lines[:5])
