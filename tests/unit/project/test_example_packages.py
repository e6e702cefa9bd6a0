"""The packages of examples/packages/ install without a network, and each adds its one thing."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
from line import weekend
from waiting.conditions import PATIENCE_SECONDS

from tradebot import strategies
from tradebot.forecast import protocol
from tradebot.history.bars import MINUTE, Series
from tradebot.platform import kafka
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.settings import StageSettings
from tradebot.records import DocType, Document, encode
from tradebot.strategies.checks import lookahead
from tradebot.strategies.interface import Bars

PACKAGES = Path(__file__).parents[3] / "examples" / "packages"
NAMES = sorted(path.name for path in PACKAGES.iterdir() if path.is_dir())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installs all packages into a folder; their sources stay as they are."""
    sources = tmp_path_factory.mktemp("sources")
    for name in NAMES:
        shutil.copytree(PACKAGES / name, sources / name)
    place = tmp_path_factory.mktemp("site")
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--target", place, *sources.iterdir()],
        check=True,
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    return place


def python(site: Path, script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_each_package_installs_under_its_name(site: Path) -> None:
    installed = {path.name.split("-")[0].replace("_", "-") for path in site.glob("*.dist-info")}
    assert installed == set(NAMES)


def bars(count: int) -> Bars:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, count)))
    return Bars(
        ts=np.arange(count, dtype=np.int64) * 3_600_000,
        open=close,
        high=close * 1.002,
        low=close * 0.998,
        close=close,
        volume=np.ones(count),
        step=3_600_000,
    )


def test_the_strategy_is_loaded_by_its_name_buys_and_sells_and_does_not_look_ahead(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(site))
    loaded = strategies.load("Breakout")
    orders = loaded.orders(bars(500))
    assert {-1, 0, 1} == set(orders.side.tolist())
    assert loaded.warmup == 25
    lookahead.refuse(loaded, bars(500))


def test_the_forecaster_is_made_by_its_name_and_returns_to_the_mean(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(site))
    model = protocol.make("Reverting", {"half_life": 10.0})
    history = Series(MINUTE * np.arange(100), np.concatenate([np.zeros(99), [1.0]]))
    model.fit(history)
    path = model.forecast(history, history.end + 10 * MINUTE, 1)
    mean = history.log_price.mean()
    assert path.log_price[0] == pytest.approx(mean + (1 - mean) / 2)
    again = protocol.make("Reverting", {"half_life": 10.0})
    again.restore(model.dump())
    assert again.forecast(history, path.start, 1).lower[0] == path.lower[0]


def test_the_gate_holds_buys_back_on_weekends(site: Path) -> None:
    friday, saturday, _ = json.loads(python(site, weekend.SCRIPT))
    assert friday[:2] == ["buy", ""]
    assert saturday == ["hold", "weekend", "it is Saturday"]


class Chat(BaseHTTPRequestHandler):
    """Keeps what is posted to it."""

    posted: "Queue[dict[str, str]]" = Queue()

    def do_POST(self) -> None:
        self.posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Logs nothing."""


@pytest.fixture
def chat() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Chat)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


FILL = {"side": "buy", "price": 11408.59, "amount": 0.395168, "fee": 18.03}


def test_the_notifier_posts_each_fill_and_nothing_else(site: Path, chat: str) -> None:
    broker = EmbeddedBroker()
    settings = StageSettings(kafka=broker.address, kafka_embedded=True)
    producer = kafka.producer(settings)
    for kind, body in ((DocType.TICKER, {"last": 1.0}), (DocType.FILL, FILL)):
        document = Document(str(kind), kind, 1_602_770_477_395, "btc", "BTCUSD", body, "BTC", "USD")
        producer.produce("trade-documents", encode(document), "btc")
    assert producer.flush(PATIENCE_SECONDS) == 0
    flags = ("--kafka", broker.address, "--kafka-embedded", "--http-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "tradebot", "fills", *flags, "--webhook", chat],
        env=os.environ | {"PYTHONPATH": str(site)},
    )
    try:
        text = Chat.posted.get(timeout=PATIENCE_SECONDS)["text"]
    finally:
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
        broker.close()
    assert text == "btc: buy 0.39516800 BTC at 11,408.59 USD (4,508.31, fee 18.03)"
    assert Chat.posted.empty()
