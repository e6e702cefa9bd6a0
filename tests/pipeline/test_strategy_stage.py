"""The strategy stage as a process on a real Kafka: one proposal for each bar, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from observing.prometheus_watch import Prometheus
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.history.minutes import MINUTE
from tradebot.history.topic import partition_of
from tradebot.platform.kafka import ensure_topics, producer
from tradebot.platform.settings import StageSettings
from tradebot.platform.topic import read_topic
from tradebot.platform.topics import CONFIG, Topics
from tradebot.records import DeadLetter, MinuteRecord, ProposalRecord, decode, encode

START = 1_700_006_400_000

EVEN = '''
"""Buys at each even minute, sells at each odd one; fails where the price is 13."""

import numpy as np

from tradebot.strategies import Bars, Orders

WARMUP = 3


def signals(bars: Bars) -> Orders:
    if bars.close[-1] == 13:
        raise ValueError("thirteen")
    side = np.where(bars.ts // 60_000 % 2 == 0, 1, -1).astype(np.int8)
    return Orders(side=side, size=np.full(len(side), 0.25))
'''


def minute(number: int, price: float = 100.0) -> MinuteRecord:
    start = START + number * MINUTE
    return MinuteRecord(
        "BTCUSD", start, price, price, price, price, 1.0, price, 3.0, 2.0, 1.5, True
    )


class Line:
    """A stage between topics that the test writes and reads."""

    def __init__(self, folder: Path, kafka: str) -> None:
        self.settings = StageSettings(kafka=kafka, topic_prefix=f"{uuid4().hex[:8]}-")
        self.topics = Topics.of(self.settings)
        for name, plain in ((self.topics.minutes, "minutes"), (self.topics.accounts, "accounts")):
            ensure_topics(self.settings, [name], config=CONFIG[plain])
        ensure_topics(self.settings, [self.topics.proposals, self.topics.dead_letters])
        self.file = folder / "even.py"
        self.file.write_text(EVEN)
        self.log = folder / "strategy.log"
        self.producer: Producer = producer(self.settings)
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, *records: MinuteRecord) -> None:
        for record in records:
            self.write_raw(record.key, encode(record))

    def write_raw(self, key: bytes, value: bytes) -> None:
        where = partition_of("BTCUSD", 4)
        self.producer.produce(self.topics.minutes, value, key, partition=where)
        self.producer.flush(PATIENCE_SECONDS)

    def start(self) -> None:
        command = [sys.executable, "-m", "tradebot", "strategy", "--kafka", self.settings.kafka]
        command += ["--topic-prefix", self.settings.topic_prefix, "--strategy", str(self.file)]
        command += ["--resolution", "1m", "--proposer", "even", "--bar-seconds", "60"]
        command += ["--start-seconds", "120", "--log-format", "json"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def proposals(self) -> list[ProposalRecord]:
        found = read_topic(self.settings, self.topics.proposals)
        return sorted((decode(value, ProposalRecord) for value in found), key=lambda p: p.bar_end)

    def wait_for(self, number: int) -> list[ProposalRecord]:
        """The proposals, once that of minute `number` is there."""
        end = START + (number + 1) * MINUTE
        until(lambda: any(each.bar_end == end for each in self.proposals()))
        return self.proposals()

    def port(self) -> int:
        """The newest process's port of health and metrics."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line[:1] == "{"]
        ports = [line["port"] for line in lines if line.get("event", "").startswith("health")]
        return int(ports[-1])

    def reasons(self) -> dict[str, str]:
        """Why the stage is not ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port()}/readyz") as answer:
                return dict(json.load(answer)["reasons"])
        except urllib.error.HTTPError as error:
            return dict(json.load(error)["reasons"])


@pytest.fixture
def line(tmp_path: Path, kafka_address: str) -> Iterator[Line]:
    made = Line(tmp_path, kafka_address)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.kill()


def ends(proposals: list[ProposalRecord]) -> list[int]:
    return [(each.bar_end - START) // MINUTE - 1 for each in proposals]


def test_each_bar_has_one_proposal_through_a_kill_and_a_restart(line: Line) -> None:
    line.write(*map(minute, range(5)))
    line.start()
    first = line.wait_for(4)
    assert ends(first) == [4], "of the past only the newest bar"
    line.write(minute(5), minute(6))
    line.wait_for(6)
    line.kill()
    line.write(minute(7), minute(8))
    line.start()
    line.wait_for(8)
    line.write(minute(8), minute(9))
    found = line.wait_for(9)
    assert ends(found) == [4, 5, 6, 7, 8, 9]
    assert [each.side for each in found] == ["buy", "sell"] * 3
    assert {(each.bot, each.strategy, each.digest) for each in found} == {
        ("even", "even", found[0].digest)
    }
    assert len({each.inputs for each in found}) == 6
    assert line.stop() == 0


def test_warm_up_is_waited_for_with_a_reason_and_proposed_as_a_hold(line: Line) -> None:
    line.write(minute(0))
    line.start()
    (found,) = line.wait_for(0)
    assert (found.side, found.failing) == ("hold", "")
    assert found.reason.startswith("even is warming up: 1 of 3 bars")
    until(lambda: "warming up" in line.reasons().get("strategy", ""))
    line.write(minute(1), minute(2))
    assert line.wait_for(2)[-1].side == "buy"
    until(lambda: "strategy" not in line.reasons())


def test_a_failure_costs_one_proposal_and_shows_until_the_next_bar(line: Line) -> None:
    line.write(*map(minute, range(4)))
    line.start()
    line.wait_for(3)
    line.write(minute(4, 13.0))
    failed = line.wait_for(4)[-1]
    assert failed.side == "hold"
    assert "even.py, line 13: ValueError: thirteen" in failed.failing
    until(lambda: line.reasons().get("strategy", "").startswith("StrategyFailing: "))
    line.write(minute(5))
    assert line.wait_for(5)[-1].side == "sell"
    until(lambda: "strategy" not in line.reasons())


def test_poison_among_the_minutes_changes_no_proposal_and_goes_to_the_dead_letters(
    line: Line,
) -> None:
    line.write(*map(minute, range(4)))
    line.start()
    line.wait_for(3)
    line.write_raw(b"BTCUSD/7", b"{")
    line.write_raw(b"BTCUSD/8", encode(minute(4)).replace(b"BTCUSD", b"ETHUSD"))
    far = encode(minute(4)).replace(str(START + 4 * MINUTE).encode(), b"4070908800000")
    line.write_raw(b"BTCUSD/9", far)
    line.write(minute(4), minute(5))
    assert ends(line.wait_for(5)) == [3, 4, 5]
    until(lambda: len(read_topic(line.settings, line.topics.dead_letters)) == 3)
    letters = read_topic(line.settings, line.topics.dead_letters)
    assert {decode(letter, DeadLetter).stage for letter in letters} == {"strategy"}


def test_a_past_that_comes_after_the_start_is_learnt_and_only_its_newest_bar_proposed_on(
    line: Line,
) -> None:
    """Ingest may need longer to write thirty days of candles than the stage waits for them."""
    line.write(*map(minute, range(5)))
    line.start()
    line.wait_for(4)
    assert line.process is not None
    line.process.send_signal(signal.SIGSTOP)  # so that it reads them together
    line.write(*map(minute, range(5, 205)))
    line.process.send_signal(signal.SIGCONT)
    line.wait_for(204)
    line.write(minute(205))
    assert ends(line.wait_for(205)) == [4, 204, 205]


@pytest.mark.slow
def test_a_strategy_that_raises_fires_its_alert_until_it_succeeds(
    line: Line, tmp_path: Path, prometheus: str
) -> None:
    line.write(*map(minute, range(5)))
    line.start()
    line.wait_for(4)
    watch = Prometheus(tmp_path, prometheus, [f"127.0.0.1:{line.port()}"])
    try:
        until(lambda: watch.healths() == ["up"])
        assert "TradebotStrategyFailing" not in watch.firing()
        line.write(minute(5, price=13))
        until(lambda: "TradebotStrategyFailing" in watch.firing())
        line.write(minute(6))
        until(lambda: "TradebotStrategyFailing" not in watch.firing())
    finally:
        watch.end()
