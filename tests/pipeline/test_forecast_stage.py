"""The forecast stage as a user runs it: trades from one topic, forecasts to another."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.history.bars import MINUTE
from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.settings import StageSettings
from tradebot.records import DeadLetter, ForecastRecord, TradeRecord, decode, encode

START = 1_600_000_020_000 // MINUTE * MINUTE
ROWS = 600


def write_history(path: Path, rows: int = ROWS) -> int:
    """Writes a file of minutes; returns its last minute."""
    lines = ["ts,open,high,low,close,volume,weighted"]
    for row in range(rows):
        price = 10_000 + row % 7
        lines.append(f"{START + row * MINUTE},{price},{price + 1},{price - 1},{price},1,{price}")
    path.write_text("\n".join(lines))
    return START + (rows - 1) * MINUTE


class Line:
    """A broker, the stage on it, and what the stage published."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = EmbeddedBroker()
        self.settings = StageSettings(kafka=self.broker.address, kafka_embedded=True)
        self.producer = kafka.producer(self.settings)
        kafka.ensure_topics(self.settings, ["gemini-trades", "forecasts", "dead-letters"])
        self.consumer = kafka.consumer(self.settings, "test")
        self.consumer.subscribe(["forecasts"])
        self.history_end = write_history(folder / "history.csv")
        self.log = folder / "log.txt"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self, *flags: str, model: str = "Drift") -> None:
        command = [
            *(sys.executable, "-m", "tradebot", "forecast", "--kafka", self.broker.address),
            *("--kafka-embedded", "--history-source", "Claim", "--model", model),
            *("--history-file", str(self.folder / "history.csv"), "--speed", "60"),
            *("--state-dir", str(self.folder / "state"), "--evaluate-folds", "0"),
            *("--log-format", "json", "--log-level", "debug", *flags),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log)

    def trade(self, tid: int, minute: int) -> None:
        record = TradeRecord("BTCUSD", tid, "10003", "1", "bid", minute + 500)
        self.producer.produce("gemini-trades", encode(record), key="BTCUSD")
        self.producer.flush(5)

    def forecast(self) -> ForecastRecord:
        """Returns the next published forecast."""

        def published() -> ForecastRecord | None:
            message = self.consumer.poll(0.2)
            if message is None or message.error() is not None:
                return None
            record = decode(message.value() or b"", ForecastRecord)
            assert message.key() == f"BTCUSD/{record.model}".encode()
            return record

        forecast = until(published, pause=0, told=self.log.read_text)
        assert forecast is not None
        return forecast

    def logged(self, event: str) -> list[dict[str, object]]:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry.get("event") == event]

    def http(self, path: str) -> str:
        port = self.logged("health and metrics are served")[-1]["port"]
        return httpx.get(f"http://127.0.0.1:{port}{path}").text

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        self.process = None
        return code


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    made = Line(tmp_path)
    yield made
    if made.process:
        made.process.kill()
        made.process.wait()
    made.consumer.close()
    made.broker.close()


def children(pid: int) -> list[int]:
    """Returns live processes whose parent is `pid`."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if re.search(rf"^PPid:\s+{pid}$", text, re.MULTILINE) and "zombie" not in text:
            found.append(int(status.parent.name))
    return found


def ended(pid: int) -> bool:
    """Whether a process has ended, or is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][1] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_forecast_covers_the_coming_minutes_of_exchange_time(line: Line) -> None:
    line.start("--horizon-minutes", "120")
    first = line.forecast()
    assert first.start == line.history_end + MINUTE
    assert first.step_ms == MINUTE
    assert len(first.log_price) == len(first.lower) == len(first.upper) == 120
    assert all(low < high for low, high in zip(first.lower, first.upper, strict=True))
    assert (first.history_end, first.rows) == (line.history_end, ROWS)
    assert not first.evaluated


def test_each_new_minute_brings_a_forecast_that_knows_it(line: Line) -> None:
    line.start()
    line.forecast()
    for step in range(1, 5):
        line.trade(step, line.history_end + step * MINUTE)
    newest = line.forecast()
    while newest.history_end < line.history_end + 3 * MINUTE:
        newest = line.forecast()
    assert newest.start >= newest.history_end + MINUTE
    assert newest.start % MINUTE == 0
    ready = json.loads(line.http("/readyz"))
    assert ready["ready"], ready
    assert 'tradebot_forecast_published_total{model="Drift",symbol="BTCUSD"}' in line.http(
        "/metrics"
    )


BAD = [
    b"not json",
    b'{"symbol":"\xff"}',
    b"\xff" * 900_000,
    b"[" * 100_000,
    encode(TradeRecord("BTCUSD", 90, "dear", "1", "bid", START)),
    encode(TradeRecord("BTCUSD", 91, "0", "1", "bid", START + 2000 * MINUTE)),
    encode(TradeRecord("BTCUSD", 92, "5", "1", "bid", 10**18)),
]


def test_records_that_are_not_trades_are_rejected_and_stop_nothing(line: Line) -> None:
    line.start()
    line.forecast()
    for bad in BAD:
        line.producer.produce("gemini-trades", bad, key="BTCUSD")
    for step in range(1, 4):
        line.trade(step, line.history_end + step * MINUTE)
    assert line.forecast().history_end > line.history_end
    letters = kafka.consumer(line.settings, "letters")
    letters.subscribe(["dead-letters"])
    told: list[str] = []
    while len(told) < len(BAD):
        message = letters.poll(5)
        if message is not None and message.error() is None:
            told.append(decode(message.value(), DeadLetter).value)
    letters.close()
    assert sorted(told) == sorted(bad[:32_768].decode(errors="replace") for bad in BAD)


def test_a_broker_that_goes_away_makes_it_unready_with_the_reason_and_does_not_end_it(
    line: Line,
) -> None:
    line.start()
    line.forecast()
    line.broker.close()
    until(lambda: "no broker responds" in line.http("/readyz"), told=line.log.read_text)
    assert line.process and line.process.poll() is None
    assert "rdkafka" not in line.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_stage_and_its_model_cleanly(line: Line, number: int) -> None:
    line.start()
    line.forecast()
    assert line.process
    below = children(line.process.pid)
    assert below
    assert line.stop(number) == 0
    until(lambda: all(map(ended, below)))


def test_a_killed_stage_leaves_no_model_running(line: Line) -> None:
    line.start()
    line.forecast()
    assert line.process
    below = children(line.process.pid)
    line.stop(signal.SIGKILL)
    until(lambda: all(map(ended, below)))


def test_a_model_that_dies_is_started_again_while_the_stage_keeps_serving(line: Line) -> None:
    line.start()
    line.forecast()
    assert line.process
    entry = line.logged("model process")[-1]
    os.kill(int(str(entry["pid"])), signal.SIGKILL)
    for step in range(1, 4):
        line.trade(step, line.history_end + step * MINUTE)
    newest = line.forecast()
    assert newest.history_end > line.history_end
    assert line.process.poll() is None
    assert any("restarting it" in str(entry["reason"]) for entry in line.logged("no new forecast"))


def test_after_a_restart_the_last_model_serves_without_a_fit(line: Line) -> None:
    line.start()
    first = line.forecast()
    line.stop()
    line.start()
    again = line.forecast()
    assert (again.digest, again.fitted_at) == (first.digest, first.fitted_at)
    assert len(line.logged("model restored")) == 1


def test_a_missing_history_file_is_one_clear_sentence(line: Line) -> None:
    line.start("--history-file", "nowhere.csv")
    assert line.process
    assert line.process.wait(PATIENCE_SECONDS) == 2
    line.process = None
    said = line.log.read_text()
    assert "nowhere.csv does not exist: use the path of" in said
    assert "Traceback" not in said


def test_minutes_that_a_dying_model_took_with_it_are_handed_to_the_next(line: Line) -> None:
    line.start("--state-dir", "")
    line.forecast()
    for step in range(1, 4):
        line.trade(step, line.history_end + step * MINUTE)
    while line.forecast().history_end < line.history_end + 2 * MINUTE:
        pass
    os.kill(int(str(line.logged("model process")[-1]["pid"])), signal.SIGKILL)
    for step in range(4, 7):
        line.trade(step, line.history_end + step * MINUTE)
    newest = line.forecast()
    while newest.history_end < line.history_end + 5 * MINUTE:
        newest = line.forecast()
    after = (newest.history_end - line.history_end) // MINUTE
    assert newest.rows == ROWS + after - 1  # the first minute of trades was incomplete
