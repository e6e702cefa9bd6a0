"""The whole line as a person starts it: it trades, survives kills, and leaves nothing running."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from tradebot.platform.kafka import Topics, consumer
from tradebot.platform.settings import StageSettings
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.records import DocType, LiquidityRecord, decode

KILLED = ("ingest", "liquidity", "forecast", "trader", "recorder", "dashboard")


class Demo:
    """A demo in the background, in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.state = folder / "state"
        self.log = folder / "demo.log"
        self._out = folder / "out"
        with self._out.open("w") as out, self.log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "tradebot", "demo", "--json", "--no-open", "--port", "0",
                    "--state-dir", str(self.state), *arguments,
                ],
                stdout=out,
                stderr=log,
            )  # fmt: skip

    def children(self) -> dict[int, str]:
        """Process ids of the stages, and which each is."""
        text = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        found = {}
        for pid in map(int, text.split()):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"tradebot" in words:
                found[pid] = words[words.index(b"tradebot") + 1].decode()
        return found

    def wait_ready(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while "all stages are ready" not in self.log.read_text():
            assert time.monotonic() < until, self.log.read_text()
            assert self._process.poll() is None, self.log.read_text()
            time.sleep(0.2)

    def wait_decisions(self, count: int, seconds: float) -> None:
        """Until so many decisions are stored beyond those that are."""
        store, until = SqliteStore(self.state / "documents.sqlite"), time.monotonic() + seconds
        goal = len(store.latest(DocType.DECISION, 10_000)) + count
        while len(store.latest(DocType.DECISION, 10_000)) < goal:
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.2)
        store.close()

    def kill(self, name: str) -> None:
        """kill -9."""
        for pid, stage in self.children().items():
            if stage == name:
                os.kill(pid, signal.SIGKILL)

    def end(self) -> tuple[dict[str, Any], float]:
        """Ctrl-C; the summary, and the seconds until all had ended."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        assert self._process.wait(20) == 0, self.log.read_text()
        took = time.monotonic() - began
        summary: dict[str, Any] = json.loads(self._out.read_text().splitlines()[-1])
        return summary, took

    def abandon(self) -> None:
        """For a test that failed: nothing is left running."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(20)


def test_the_line_trades_and_ctrl_c_ends_all_of_it_in_five_seconds(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--speed", "60")
    try:
        demo.wait_ready(120)
        demo.wait_decisions(5, 60)
        pids = list(demo.children())
        summary, took = demo.end()
    finally:
        demo.abandon()
    assert took < 5
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
        demo.wait_ready(120)
        for name in KILLED:
            demo.kill(name)
            demo.wait_decisions(3, 60)
        summary, _ = demo.end()
    finally:
        demo.abandon()
    assert summary["restarts"] == len(KILLED)

    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    windows = Counter((r.window_end, r.type) for r in _read_all(settings))
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


def _read_all(settings: StageSettings) -> list[LiquidityRecord]:
    topic = Topics.of(settings).liquidity
    reader = consumer(settings, "check")
    partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
    found: list[LiquidityRecord] = []
    for partition in partitions:
        _, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        reader.assign([TopicPartition(topic, partition, 0)])
        while any(p.offset < high for p in reader.position([TopicPartition(topic, partition)])):
            message = reader.poll(2)
            if message is None:
                break
            if message.error() is None:
                found.append(decode(message.value() or b"", LiquidityRecord))
    reader.close()
    return found


def _errors(state: Path) -> str:
    lines = [
        line
        for log in (state / "logs").glob("*.log")
        for line in log.read_text().splitlines()
        if '"error"' in line
    ]
    return "\n".join(lines[:5])
