"""A package of one's own adds a stage, a gate, a forecaster and a strategy, by entry point alone.

Each is run as its user runs it, from one package that lies nowhere in this tree.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.history.bars import MINUTE
from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.settings import StageSettings
from tradebot.records import ForecastRecord, LiquidityRecord, decode, encode
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
    """The last price, for ever."""

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

from tradebot.backtest.strategy import Orders

def every_other(bars):
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
EveryOther = toy_strategy:every_other
"""


@pytest.fixture
def toys(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which the package is installed."""
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
    }
    for name, code in modules.items():
        (place / f"{name}.py").write_text(code)
    return os.environ | {"PYTHONPATH": str(place), "OPENBLAS_NUM_THREADS": "1"}


class Broker:
    """The embedded broker, and what lies on a topic of it."""

    def __init__(self) -> None:
        self.host = EmbeddedBroker()
        self.settings = StageSettings(kafka=self.host.address, kafka_embedded=True)
        self.flags = ("--kafka", self.host.address, "--kafka-embedded")

    def send(self, topic: str, value: bytes) -> None:
        producer = kafka.producer(self.settings)
        producer.produce(topic, value)
        assert producer.flush(PATIENCE_SECONDS) == 0

    def first(self, topic: str) -> bytes:
        """The first record of the topic, once it is there."""
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
    made.host.close()


def tradebot(toys: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradebot", *arguments], env=toys, capture_output=True, text=True
    )


def python(toys: dict[str, str], script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], env=toys, capture_output=True, text=True, check=True
    ).stdout.strip()


def ended(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE_SECONDS)


def test_a_stage_reads_the_line_writes_to_it_and_ends_in_order(
    toys: dict[str, str], broker: Broker
) -> None:
    flags = (*broker.flags, "--factor", "100")
    process = subprocess.Popen([sys.executable, "-m", "tradebot", "loudness", *flags], env=toys)
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
    script = """
import json
from decimal import Decimal as D
from tradebot.domain.decision import *
from tradebot.trader.metrics import REASONS_TO_HOLD

DAY = 86_400_000
def on(day):
    end = (19_000 // 7 * 7 + day) * DAY
    prediction = Prediction(
        model="Flat", digest="", history_end=end, evaluated=True, log_price=1.0,
        log_price_next=1.1, log_price_turn=1.1,
    )
    inputs = Inputs(
        now=end, window=Window(end=end, ratio=1.0, complete=True), prediction=prediction,
        quote=Quote(bid=D(99), ask=D("99.1")),
        increments=Increments(amount_step=D("1e-8"), price_step=D("0.01"), minimum=D("1e-5")),
        taker_fee_bps=D(40),
    )
    decision = decide(State(base=D(0), quote=D(1000)), inputs, Settings())
    return [decision.action, decision.gate, decision.reason]
print(json.dumps([on(1), on(2), "weekend" in REASONS_TO_HOLD]))
"""
    friday, saturday, counted = json.loads(python(toys, script))
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
    process = subprocess.Popen(
        [sys.executable, "-m", "tradebot", "forecast", *flags, "--history-file", str(history)],
        env=toys,
    )
    value = broker.first("forecasts")
    assert ended(process) == 0
    assert decode(value, ForecastRecord).log_price[0] == pytest.approx(np.log(10))
    followed = Forecasts("BTCUSD", "Flat")
    assert followed.take(value)


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
    assert "give one of IndicatorLstm, BuyAndHold, EveryOther, SmaCross" in refused.stderr
