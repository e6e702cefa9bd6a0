"""A running trader between an emulator and a broker; the test sends windows and forecasts.

The trader is its own process, which can be killed. Exchange and broker run in the test's process,
so that the test sees the account as the exchange does.
"""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx
from confluent_kafka import Consumer, Producer
from line.nursery import ForkedTrader, Nursery
from msgspec.structs import astuple
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.embedded import EmbeddedBroker
from tradebot.platform.kafka import ensure_topics
from tradebot.platform.settings import StageSettings
from tradebot.platform.topics import Topics
from tradebot.records import FeedRecord, ForecastRecord, LiquidityRecord, encode

MINUTE = 60_000
DECIDES_SECONDS = 10.0
"""After so long without a decision the next window is sent anyway."""
KINDS = (("ask", 1e6), ("bid", 1.1e6), ("price_volume", 1.1))


class TraderLine:
    """Runs while its `with` block does; `documents` are those delivered so far, by id.

    Args:
        step: exchange time from one window to the next, and of the forecast's steps, ms.
        period: of the forecast's wave in steps; it rises for half of it.
        options: of the trader, in addition to those of this class.
        trader: the trader's command.
        nursery: forks the traders, if given, instead of starting the command.
        paced: sends a window, the newest, once the last was decided on; otherwise every window.
        kafka: address of a real broker; by default one inside the test.
        market: a file of minutes that the exchange replays.
    """

    def __init__(
        self,
        folder: Path,
        *,
        speed: float = 60,
        seed: int = 1,
        step: int = MINUTE,
        period: int = 4,
        mode: str = "Live",
        options: Sequence[str] = (),
        trader: Sequence[str] = (sys.executable, "-m", "tradebot", "trader"),
        nursery: Nursery | None = None,
        paced: bool = False,
        kafka: str = "",
        market: Path | None = None,
    ) -> None:
        self.folder = folder
        self.speed = speed
        self.documents: dict[str, dict[str, Any]] = {}
        self.deliveries = 0
        self.changed: list[str] = []
        """Decisions that were published with two contents."""
        self.windows = 0
        self.ends: set[int] = set()
        """The ends of the windows that were sent."""
        self.talking = True
        self.windowing = True
        self.process: subprocess.Popen[bytes] | ForkedTrader | None = None
        self.emulator = EmbeddedEmulator(
            EmulatorSettings(
                port=0, speed=speed, seed=seed, history_days=1, rate_limits=False,
                events_per_second=2, max_event_rate=60,
                market=str(market or ""),
            )
        )  # fmt: skip
        self._step = step
        self._period = period
        self._mode = mode
        self._options = tuple(options)
        self._trader = tuple(trader)
        self._nursery = nursery
        self._paced = paced
        self.decided: set[int] = set()
        """The ends of the windows that were decided on."""
        self._sent_at = 0.0
        self.broker: EmbeddedBroker | None = None
        self.settings = StageSettings(
            kafka=kafka, topic_prefix=f"{uuid4().hex[:8]}-" if kafka else ""
        )
        self.topics = Topics.of(self.settings)
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        if self.settings.kafka:
            ensure_topics(self.settings, astuple(self.topics))
        else:
            self.broker = EmbeddedBroker(partitions=1)
        self.address = self.broker.address if self.broker else self.settings.kafka
        self.emulator.__enter__()
        keys = self.folder / "keys"
        keys.mkdir()
        (keys / "key").write_text("account-demo")
        (keys / "secret").write_text("demo-secret")
        self._producer = Producer({"bootstrap.servers": self.address, "linger.ms": 1})
        self._reader = Consumer(
            {
                "bootstrap.servers": self.address,
                "group.id": uuid4().hex,
                "auto.offset.reset": "earliest",
            }
        )
        self._reader.subscribe([self.topics.documents])
        self.start_of_day = self.exchange_time() // MINUTE * MINUTE
        self._end = self.start_of_day
        self._forecast()
        self._thread = threading.Thread(target=self._drive, name="line", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.kill()
        self._ended.set()
        self._thread.join(10)
        self._reader.close()
        self.emulator.__exit__(None, None, None)
        if self.broker is not None:
            self.broker.close()

    # The world around the trader.

    def exchange_time(self) -> int:
        """Milliseconds at the exchange, by the test's own clock."""
        return self.emulator.exchange.clock.market()

    def _forecast(self) -> None:
        wave = [9.3 + 0.01 * math.sin(2 * math.pi * i / self._period) for i in range(20_000)]
        record = ForecastRecord(
            "BTCUSD", "FastProphet", "wave", self.start_of_day, self.start_of_day,
            self.start_of_day, self._step, wave, [], [], evaluated=True,
        )  # fmt: skip
        self._producer.produce(self.topics.forecasts, encode(record), key=b"BTCUSD/FastProphet")
        self._producer.flush(10)

    def _drive(self) -> None:
        seq = 0
        while not self._ended.is_set():
            now = self.exchange_time()
            if self.talking:
                seq += 1
                feed = FeedRecord("bid", "1", "1", "BTCUSD", now, "place", seq)
                self._producer.produce(self.topics.feed, encode(feed), key=b"BTCUSD")
            if self._paced:
                self._newest_window(now)
            while not self._paced and now >= self._end + self._step + 500:
                if self.windowing:
                    self.window(self._end + self._step)
                else:
                    self._end += self._step
            self._producer.poll(0)
            self._collect()

    def _newest_window(self, now: int) -> None:
        """Sends the newest window, unless the trader has still to decide on the last."""
        newest = (now - 500) // self._step * self._step
        waited = time.monotonic() - self._sent_at > DECIDES_SECONDS
        if self.windowing and newest > self._end and (self._end in self.decided or waited):
            self._sent_at = time.monotonic()
            self.window(newest)

    def window(self, end: int, *, complete: bool = True) -> None:
        """Sends the three records of the window that ends at `end`."""
        self._end = max(self._end, end)
        self.windows += 1
        self.ends.add(end)
        for kind, value in KINDS:
            record = LiquidityRecord(
                kind, value, end // 1000, "BTCUSD", end - MINUTE, end, 9, complete  # type: ignore[arg-type]
            )  # fmt: skip
            self._producer.produce(self.topics.liquidity, encode(record), key=b"BTCUSD")

    def _collect(self) -> None:
        for message in self._reader.consume(500, 0.03):
            if message.error() is None:
                self._take(json.loads(message.value() or b""))

    def _take(self, document: dict[str, Any]) -> None:
        self.deliveries += 1
        before = self.documents.get(document["id"])
        self.documents[document["id"]] = document
        if document["doc_type"] != "decision":
            return
        name = document["body"]["decision_id"]
        if before is not None and before != document:
            self.changed.append(name)
        if "-exit-" not in name:
            self.decided.add(document["body"]["window_end"])

    # The trader.

    def start(self) -> None:
        """Starts the trader's process."""
        url = self.emulator.url
        arguments = [
            "--bot", "btc", "--mode", self._mode, "--kafka", self.address,
            "--kafka-embedded" if self.broker else "--no-kafka-embedded",
            "--topic-prefix", self.settings.topic_prefix,
            "--emulator-url", url, "--speed", str(self.speed),
            "--state-dir", str(self.folder / "state"),
            "--api-key-file", str(self.folder / "keys" / "key"),
            "--api-secret-file", str(self.folder / "keys" / "secret"),
            "--max-model-age-seconds", "100000000",
            "--holdings", "All",  # so that it trades what the account starts with
            "--max-position", "none", "--max-daily-loss", "0", "--max-drawdown", "0",
            *self._options,
        ]  # fmt: skip
        file = self.folder / "trader.log"
        if self._nursery is not None:
            self.process = self._nursery.start(arguments, file)
            return
        with file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._trader, *arguments], stderr=log, stdout=log, env=os.environ
            )

    def kill(self) -> None:
        """Sends SIGKILL, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks it to stop; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def log(self) -> str:
        """What the trader has logged so far."""
        return (self.folder / "trader.log").read_text()

    def tell(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one of a person's commands."""
        return subprocess.run(
            [sys.executable, "-m", "tradebot", *arguments, "--state-dir", self.folder / "state"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def status(self) -> dict[str, Any] | None:
        """Returns the trader's status from its port; `None` if there is none."""
        try:
            address = json.loads((self.folder / "state" / "btc" / "control.json").read_bytes())
            answer = httpx.get(
                f"{address['url']}/status",
                headers={"Authorization": f"Bearer {address['token']}"},
                timeout=5,
            )
        except (OSError, ValueError, httpx.HTTPError):
            return None
        return answer.json() if answer.status_code == 200 else None

    def condition(self, name: str) -> bool | None:
        """Returns whether a condition holds; `None` if the trader does not respond."""
        status = self.status()
        if status is None:
            return None
        return bool(next(c["status"] for c in status["conditions"] if c["type"] == name))

    def of_kind(self, doc_type: str) -> list[dict[str, Any]]:
        """The documents of a kind, oldest first."""
        found = [d for d in list(self.documents.values()) if d["doc_type"] == doc_type]
        return sorted(found, key=lambda document: int(document["ts"]))

    def wait(self, what: Callable[[], object]) -> None:
        """Waits for `what`.

        Raises:
            AssertionError: it did not hold in time; with the end of the log.
        """
        until(what, told=lambda: f"the trader's log ends:\n{self.log()[-3000:]}")
