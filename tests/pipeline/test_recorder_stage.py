"""The recorder's process stores everything once, whatever happens to it or its store."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer
from line.day import TradingDay
from msgspec.structs import astuple
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.settings import StageSettings
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.topics import Topics
from tradebot.records import DeadLetter, DocType, LiquidityRecord, decode, encode

TOPICS = Topics()


@pytest.fixture
def broker() -> Iterator[StageSettings]:
    broker = EmbeddedBroker()
    settings = StageSettings(kafka=broker.address, kafka_embedded=True)
    kafka.ensure_topics(settings, astuple(TOPICS))
    yield settings
    broker.close()


class Process:
    """`tradebot recorder` over the broker."""

    def __init__(self, settings: StageSettings, folder: Path, *more: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "tradebot", "recorder", "--kafka", settings.kafka,
                "--kafka-embedded", "--state-dir", str(folder), "--http-port", str(self.port),
                *more,
            ]
        )  # fmt: skip

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}")

    def wait_ready(self) -> None:
        wait_until(lambda: self.get("/readyz").status_code == 200)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_SECONDS) == 0

    def rejected(self) -> int:
        """Returns how many records of windows it rejected since it started."""
        name = 'tradebot_dead_letters_total{stage="recorder",topic="faust.out"} '
        lines = self.get("/metrics").text.splitlines()
        return sum(int(float(line[len(name) :])) for line in lines if line.startswith(name))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def wait_until(true: Callable[[], bool]) -> None:
    def answers() -> bool:
        try:
            return true()
        except httpx.HTTPError:
            return False

    until(answers)


def produce(settings: StageSettings, day: TradingDay, minutes: int) -> set[str]:
    """Writes minutes of the pipeline to the topics; returns the ids of the documents."""
    producer = kafka.producer(settings)
    ids = set()
    for window, forecast, documents in day.minutes(minutes):
        for record in window:
            producer.produce(TOPICS.liquidity, key=day.symbol, value=encode(record))
        producer.produce(TOPICS.forecasts, key="BTCUSD/FastProphet", value=encode(forecast))
        for document in documents:
            producer.produce(TOPICS.documents, key=document.id, value=encode(document))
            ids.add(document.id)
    producer.flush()
    return ids


def stored(folder: Path) -> dict[DocType, list[dict[str, object]]]:
    store = SqliteStore(folder / "documents.sqlite")
    found = {kind: store.latest(kind, 100_000) for kind in DocType}
    store.close()
    return found


def test_documents_windows_and_forecasts_are_stored_each_once(
    broker: StageSettings, tmp_path: Path
) -> None:
    ids = produce(broker, TradingDay(), 40)
    recorder = Process(broker, tmp_path)
    wait_until(lambda: len(stored(tmp_path)[DocType.LIQUIDITY]) == 40)
    wait_until(lambda: len(stored(tmp_path)[DocType.FORECAST]) == 40)
    wait_until(lambda: ids <= {d["_id"] for ds in stored(tmp_path).values() for d in ds})
    recorder.stop()
    assert sum(len(ds) for ds in stored(tmp_path).values()) == len(ids) + 80


def test_killed_at_any_moment_it_loses_nothing_and_doubles_nothing(
    broker: StageSettings, tmp_path: Path
) -> None:
    # Short forecasts: the embedded broker keeps five megabytes per partition.
    day, ids = TradingDay(steps=60), set()
    producer = kafka.producer(broker)
    for windows in (1, 71):  # before and after it has stored everything
        ids |= produce(broker, day, 30)
        recorder = Process(broker, tmp_path)
        wait_until(lambda n=windows: len(stored(tmp_path)[DocType.LIQUIDITY]) >= n)
        ids |= produce(broker, day, 10)
        # At the kill one more window has two of its records; the third comes later.
        window, _, _ = day.close_minute()
        send(producer, window[:2])
        before = recorder.rejected()
        producer.produce(TOPICS.liquidity, key="BTCUSD", value=b"not a record")
        producer.flush()
        wait_until(lambda r=recorder, n=before: r.rejected() > n)  # it has read what came first
        recorder.kill()
        send(producer, window[2:])
    recorder = Process(broker, tmp_path)
    wait_until(lambda: len(stored(tmp_path)[DocType.LIQUIDITY]) == 82)
    wait_until(lambda: ids <= {d["_id"] for ds in stored(tmp_path).values() for d in ds})
    recorder.stop()
    found = stored(tmp_path)
    assert len(found[DocType.LIQUIDITY]) == 82
    assert len(found[DocType.FORECAST]) == 80
    assert {d["_id"] for ds in found.values() for d in ds if d["bot"]} == ids


def send(producer: Producer, records: list[LiquidityRecord]) -> None:
    for record in records:
        producer.produce(TOPICS.liquidity, key="BTCUSD", value=encode(record))
    producer.flush()


def test_what_cannot_be_read_is_rejected_with_the_reason_and_stops_nothing(
    broker: StageSettings, tmp_path: Path
) -> None:
    day, producer = TradingDay(), kafka.producer(broker)
    for topic in (TOPICS.documents, TOPICS.liquidity, TOPICS.forecasts):
        producer.produce(topic, key="BTCUSD", value=b"\xff not a record")
    producer.flush()
    produce(broker, day, 5)
    recorder = Process(broker, tmp_path)
    wait_until(lambda: len(stored(tmp_path)[DocType.LIQUIDITY]) == 5)
    wait_until(lambda: 'topic="forecasts"} 1.0' in recorder.get("/metrics").text)
    recorder.stop()
    command = [sys.executable, "-m", "tradebot", "recorder", "--dead-letters"]
    command += ["--kafka", broker.kafka, "--kafka-embedded"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    letters = [decode(line.encode(), DeadLetter) for line in printed.splitlines()]
    assert len(letters) == 3
    assert {letter.topic for letter in letters} == {"trade-documents", "faust.out", "forecasts"}
    assert all(letter.error and letter.stage == "recorder" for letter in letters)
    assert all("not a record" in letter.value for letter in letters)


def test_without_its_store_it_is_unready_with_the_reason_and_ends_on_a_signal(
    broker: StageSettings, tmp_path: Path
) -> None:
    produce(broker, TradingDay(), 2)
    recorder = Process(broker, tmp_path, "--elasticsearch", "http://127.0.0.1:1")
    wait_until(lambda: "store" in recorder.get("/readyz").json()["reasons"])
    assert recorder.get("/livez").status_code == 200
    recorder.stop()


def test_set_up_says_what_it_did(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tradebot", "recorder", "--setup", "--state-dir", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert "set up" in ended.stdout
    assert (tmp_path / "documents.sqlite").exists()
