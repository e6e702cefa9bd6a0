"""Another package adds a stage, gate, forecaster, strategy or venue by entry points alone.

Each runs as a user runs it, from one package outside this tree.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from confluent_kafka import Consumer
from line import weekend
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.history.bars import MINUTE
from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.settings import StageSettings
from tradebot.records import (
    DocType,
    Document,
    FeedRecord,
    ForecastRecord,
    LiquidityRecord,
    decode,
    encode,
)
from tradebot.trader.inputs.forecasts import Forecasts

START = 1_600_000_020_000 // MINUTE * MINUTE

STAGE = """
from typing import Annotated

from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.platform.stage import running
from tradebot.platform.stages import Demo, Stage
from tradebot.records import LiquidityRecord, decode

STAGE = Stage(
    name="loudness", order=25, summary="the windows' ratios, louder", example="tradebot loudness",
    settings="toy:Settings", run="toy:run", reads=("faust.out",), writes=("loud",), demo=Demo(),
)

class Settings(StageSettings, frozen=True, kw_only=True):
    factor: Annotated[float, "how much louder"] = 10.0

def run(settings):
    with running(STAGE, settings) as frame:
        producer = kafka.producer(settings)
        consumer = kafka.consumer(settings, "loudness")
        consumer.subscribe([settings.topic_prefix + "faust.out"])
        frame.readiness.started()
        while not frame.stopping.is_set():
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                ratio = decode(message.value(), LiquidityRecord).value
                producer.produce(settings.topic_prefix + "loud", str(ratio * settings.factor))
                producer.flush(5)
        consumer.close()
"""

GATE = """
from tradebot.domain.situation import Verdict

GATE, HOLDS = "weekend", "buys"

def check(state, inputs, settings, proposal):
    day = inputs.window.end // 86_400_000 % 7  # 0 is a Thursday
    return Verdict(gate=GATE, passed=day not in (2, 3), reason=f"it is day {day} of the week")
"""

FORECASTER = '''
import numpy as np

from tradebot.forecast.protocol import Path

class Flat:
    """Forecasts the last price forever."""

    name, max_rows, slow, parameters = "Flat", 0, False, {}

    def fit(self, history):
        self.known = len(history)

    def forecast(self, history, start, steps):
        line = np.full(steps, history.log_price[-1])
        return Path(start, line, line - 0.01, line + 0.01)

    def dump(self):
        return b""

    def restore(self, state):
        pass
'''

STRATEGY = """
import numpy as np

from tradebot.strategies import Orders

def signals(bars):
    side = np.where(np.arange(len(bars.ts)) % 2 == 0, 1, -1).astype(np.int8)
    return Orders(side=side, size=np.ones(len(bars.ts)))
"""

ENTRY_POINTS = """
[tradebot.stages]
loudness = toy:STAGE
[tradebot.gates]
weekend = toy_gate
[tradebot.forecasters]
Flat = toy_forecaster:Flat
[tradebot.strategies]
EveryOther = toy_strategy
[tradebot.venues]
toy = toy_venue:Toy
"""


@pytest.fixture
def toys(tmp_path: Path) -> dict[str, str]:
    """Returns the environment of a process with the package installed."""
    place = tmp_path / "site"
    info = place / "toys-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    modules = {
        "toy": STAGE,
        "toy_gate": GATE,
        "toy_forecaster": FORECASTER,
        "toy_strategy": STRATEGY,
        "toy_venue": (Path(__file__).parents[2] / "venues" / "toy.py").read_text(),
    }
    for name, code in modules.items():
        (place / f"{name}.py").write_text(code)
    return os.environ | {"PYTHONPATH": str(place), "OPENBLAS_NUM_THREADS": "1"}


class Broker:
    """The embedded broker, and what is on its topics."""

    def __init__(self) -> None:
        self.host = EmbeddedBroker()
        self.settings = StageSettings(kafka=self.host.address, kafka_embedded=True)
        self._documents: Consumer | None = None
        self.flags = ("--kafka", self.host.address, "--kafka-embedded")

    def close(self) -> None:
        if self._documents is not None:
            self._documents.close()
        self.host.close()

    def send(self, topic: str, value: bytes, symbol: str = "BTCUSD") -> None:
        producer = kafka.producer(self.settings)
        producer.produce(topic, value, key=symbol)
        assert producer.flush(PATIENCE_SECONDS) == 0

    def documents(self) -> list[Document]:
        """Returns all documents not read before."""
        if self._documents is None:
            self._documents = kafka.consumer(self.settings, "documents")
            self._documents.subscribe(["trade-documents"])
        found = self._documents.consume(500, 0.2)
        return [decode(each.value() or b"", Document) for each in found if each.error() is None]

    def first(self, topic: str) -> bytes:
        """Returns the first record of the topic, once it exists."""
        kafka.ensure_topics(self.settings, [topic])
        consumer = kafka.consumer(self.settings, "test")
        consumer.subscribe([topic])

        def read() -> bytes | None:
            message = consumer.poll(0.2)
            return None if message is None or message.error() else message.value()

        value = until(read, pause=0)
        consumer.close()
        assert value is not None
        return value


@pytest.fixture
def broker() -> Iterator[Broker]:
    made = Broker()
    yield made
    made.close()


def tradebot(toys: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradebot", *arguments], env=toys, capture_output=True, text=True
    )


def python(toys: dict[str, str], script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], env=toys, capture_output=True, text=True, check=True
    ).stdout.strip()


@contextmanager
def started(toys: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a stage's process inside the block."""
    process = subprocess.Popen([sys.executable, "-m", "tradebot", *arguments], env=toys)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ended(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE_SECONDS)


def test_a_stage_reads_the_line_writes_to_it_and_ends_in_order(
    toys: dict[str, str], broker: Broker
) -> None:
    flags = (*broker.flags, "--factor", "100")
    with started(toys, "loudness", *flags) as process:
        broker.send("faust.out", encode(LiquidityRecord("price_volume", 0.5, 1_602_770_086)))
        assert broker.first("loud") == b"50.0"
        assert ended(process) == 0


def test_a_stage_has_its_line_in_the_help_its_place_in_the_demo_and_its_name_in_files(
    toys: dict[str, str], tmp_path: Path
) -> None:
    shown = tradebot(toys, "--help").stdout
    assert shown.index("liquidity") < shown.index("the windows' ratios, louder")
    assert "how much louder" in tradebot(toys, "loudness", "--help").stdout
    run = "from tradebot.demo.stages import in_demo; print([stage.name for stage in in_demo()])"
    assert "'liquidity', 'loudness', 'forecast'" in python(toys, run)
    topics = "from tradebot.platform.stages import topic_names; print(topic_names())"
    assert "'loud'" in python(toys, topics)
    file = tmp_path / "all.toml"
    file.write_text("factor = 2.0\n")
    load = "from tradebot.platform.settings import StageSettings, load; from pathlib import Path;"
    assert (
        python(toys, f"{load} print(load(StageSettings, file=Path({str(file)!r})).speed)") == "1.0"
    )


def test_a_gate_holds_back_what_it_is_there_for_and_is_counted(toys: dict[str, str]) -> None:
    friday, saturday, counted = json.loads(python(toys, weekend.SCRIPT))
    assert friday[:2] == ["buy", ""]
    assert saturday == ["hold", "weekend", "it is day 2 of the week"]
    assert counted


def test_a_forecaster_publishes_what_a_trader_of_its_name_follows(
    toys: dict[str, str], broker: Broker, tmp_path: Path
) -> None:
    history = tmp_path / "history.csv"
    lines = ["ts,open,high,low,close,volume,weighted"]
    lines += [f"{START + row * MINUTE},10,11,9,10,1,10" for row in range(60)]
    history.write_text("\n".join(lines))
    flags = (*broker.flags, "--model", "Flat", "--history-source", "Claim", "--evaluate-folds", "0")
    with started(toys, "forecast", *flags, "--history-file", str(history)) as process:
        value = broker.first("forecasts")
        assert ended(process) == 0
    assert decode(value, ForecastRecord).log_price[0] == pytest.approx(np.log(10))
    followed = Forecasts("BTCUSD", "Flat")
    assert followed.take(decode(value, ForecastRecord))


def test_a_strategy_is_backtested_by_its_name(toys: dict[str, str], tmp_path: Path) -> None:
    data = tmp_path / "daily.csv"
    days = np.datetime64("2019-01-01") + np.arange(400)
    rows = [f"{day},100,101,99,{100 + row % 5},100,100000" for row, day in enumerate(days)]
    data.write_text("Date,Open,High,Low,Close,Adj Close,Volume\n" + "\n".join(rows) + "\n")
    report = str(tmp_path / "r.html")
    done = tradebot(
        toys, "backtest", "EveryOther", "--data", str(data), "--report", report, "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["strategy"]["win_rate"] is not None
    refused = tradebot(toys, "backtest", "Other", "--data", str(data))
    assert "use one of BuyAndHold, DollarCost, EveryOther, " in refused.stderr


VENUE = ("--venue", "toy", "--symbol", "BTCEUR")


def test_a_venues_feed_is_read_by_its_name(toys: dict[str, str], broker: Broker) -> None:
    with started(toys, "ingest", *VENUE, *broker.flags) as process:
        record = decode(broker.first("gemini-feed"), FeedRecord)
        assert ended(process) == 0
    assert (record.symbol, record.price, record.reason, record.seq) == (
        "BTCEUR", "99.5", "initial", 0,
    )  # fmt: skip


def test_a_paper_trader_buys_at_a_venue_by_its_prices_steps_and_fees(
    toys: dict[str, str], broker: Broker, tmp_path: Path
) -> None:
    flags = (*VENUE, *broker.flags, "--model", "Flat", "--state-dir", str(tmp_path))
    start = int(time.time() * 1000) // MINUTE * MINUTE
    rises = [4.6 + 0.001 * step for step in range(60)]
    told = ForecastRecord("BTCEUR", "Flat", "d", start, start, start, MINUTE, rises, [], [])
    broker.send("forecasts", encode(msgspec.structs.replace(told, evaluated=True)), "BTCEUR")

    def a_fill() -> Document | None:
        """Sends windows until one is traded on: the trader must be ready first."""
        end = int(time.time()) * 1000
        feed = FeedRecord("bid", "99.5", "1000", "BTCEUR", end, "place", 1)
        broker.send("gemini-feed", encode(feed), "BTCEUR")
        for kind in ("ask", "bid", "price_volume"):
            window = LiquidityRecord(kind, 1.0, end // 1000, "BTCEUR", end - MINUTE, end, 9, True)
            broker.send("faust.out", encode(window), "BTCEUR")
        return next((d for d in broker.documents() if d.doc_type == DocType.FILL), None)

    with started(toys, "trader", *flags) as process:
        fill = until(a_fill, pause=0.3)
        assert ended(process) == 0
    assert (fill.base, fill.quote) == ("BTC", "EUR")
    assert (fill.body["price"], fill.body["fee_currency"]) == (100.0, "EUR")
    assert fill.body["fee"] == pytest.approx(fill.body["amount"] * 100 * 0.0025)


def test_a_venues_own_minutes_are_history(toys: dict[str, str], tmp_path: Path) -> None:
    done = tradebot(toys, "history", "fetch", *VENUE, "--out", str(tmp_path), "--json")
    assert json.loads(done.stdout.splitlines()[-1])["rows"] == 60


def test_a_venue_that_is_not_installed_is_one_sentence_with_those_that_are(
    toys: dict[str, str],
) -> None:
    done = tradebot(toys, "ingest", "--venue", "krakn")
    assert done.returncode == 2
    assert "venue is 'krakn': use one of gemini, toy" in done.stderr
