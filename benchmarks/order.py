"""From a decision to an acknowledged order, compared with ccxt's `create_order` on one emulator.

Ours does more than the peer: it decides, makes the decision's documents, writes the intent to the
journal and waits for the disk, signs, sends and parses the response. `ours_p99_ms` is our own time
of that: our thread's CPU time, system calls included, so that the venue, the disk and other work on
the machine do not count. `disk_…` is the wait for the disk alone. `total_…` is all of it in wall
clock time, as is the peer's.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import ccxt.async_support as ccxt

from tradebot.domain.decision import Prediction, Settings, Window
from tradebot.domain.intent import Intent
from tradebot.platform import logs
from tradebot.platform.clock import VenueClock
from tradebot.records import Document
from tradebot.trader.deciding import Decider
from tradebot.trader.engine import Engine
from tradebot.trader.inputs.market import MarketClient
from tradebot.trader.journal.documents import Identity
from tradebot.trader.journal.entries import EpochTaken
from tradebot.trader.journal.journaled import JournaledLedger
from tradebot.trader.journal.store import SqliteJournal
from tradebot.trader.lease import FileLease
from tradebot.trader.orders.execution import Executor
from tradebot.trader.orders.reconcile import Reconciler
from tradebot.trader.selling import Selling
from tradebot.venue.gemini.account import GeminiAccount
from tradebot.venue.gemini.endpoints import Endpoints
from tradebot.venue.gemini.fees import FEES
from tradebot.venue.gemini.market import GeminiMarket
from tradebot.venue.gemini.nonces import CounterNonces
from tradebot.venue.gemini.rate_limit import RateLimit
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials
from tradebot.venue.port import OrderStatus, Ticker

ORDERS: Final = 400
WARM_UP: Final = 30
KEY: Final = Credentials("account-demo", "demo-secret")
EVER: Final = 10**15
RULES: Final = Settings(
    cooldown_ms=0,
    max_orders_per_hour=None,
    max_window_age_ms=EVER,
    max_model_age_ms=EVER,
    max_silence_ms=EVER,
)


class TimedJournal(SqliteJournal):
    """Records how long the last write took, nearly all of it waiting for the disk."""

    seconds = 0.0

    def write(self, lines: Sequence[tuple[int, bytes]]) -> None:
        """Writes like the journal."""
        began = time.perf_counter()
        super().write(lines)
        self.seconds = time.perf_counter() - began


class TimedAccount(GeminiAccount):
    """Records when the last order was acknowledged, and how long the disk took before."""

    acknowledged = 0.0
    computed = 0.0
    disk = 0.0
    journal: TimedJournal

    async def place(self, intent: Intent) -> OrderStatus:
        """Places like the account."""
        self.disk = self.journal.seconds
        status = await super().place(intent)
        self.acknowledged, self.computed = time.perf_counter(), time.thread_time()
        return status


class Rising:
    """A forecast that always rises."""

    def at(self, ts: int) -> Prediction:
        """Returns the same at any time."""
        return Prediction(
            model="m", digest="d", history_end=ts, evaluated=True,
            log_price=1, log_price_next=1.1, log_price_turn=1.1,
        )  # fmt: skip


class Nowhere:
    """Drops documents: the journal makes and encodes them; sending is another stage's time."""

    def send(self, documents: Sequence[Document], number: int = 0) -> None:
        """Drops them."""

    def delivered(self, last: int) -> int:
        """Reports all as delivered."""
        return last

    async def flush(self) -> None:
        """Does nothing."""


class KnownPrice(MarketClient):
    """Fixed prices below the market, so that no order fills and only the response is timed."""

    price = Decimal(0)

    async def ticker(self) -> Ticker:
        """Returns the fixed price."""
        price = self.price
        return Ticker(bid=price, ask=price + 1, last=price, ts=int(time.time() * 1000), volumes={})


@contextmanager
def _emulator() -> Iterator[str]:
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "tradebot", "emulator", "--port", "0", "--log-format"]
        process = subprocess.Popen(
            [*command, "json", "--no-rate-limits"], stderr=log, env=os.environ
        )
        try:
            yield _address(log, process)
        finally:
            process.terminate()
            process.wait(10)


def _address(log: Any, process: subprocess.Popen[bytes]) -> str:
    """Parses the emulator's address from its first line."""
    for _ in range(300):
        time.sleep(0.1)
        log.seek(0)
        for word in log.read().decode().split('"'):
            if word.startswith("http://") and not word.endswith("/metrics"):
                return str(word)
        if process.poll() is not None:
            break
    raise RuntimeError("the emulator did not start")


async def _ours(
    url: str, folder: Path, nonces: CounterNonces
) -> tuple[Decider, TimedAccount, KnownPrice]:
    rest = GeminiRest(url, KEY, nonces=nonces, private=_no_limit())
    market = KnownPrice(
        GeminiMarket(rest, Endpoints(url, url, url), emulated=True), "BTCUSD", FEES.first
    )
    await market.refresh()
    market.price = ((await rest.ticker("BTCUSD")).bid * Decimal("0.98")).quantize(Decimal("0.01"))
    clock = VenueClock()
    clock.observe(int(time.time() * 1000))
    journal = TimedJournal(folder / "journal.sqlite")
    journaled = JournaledLedger(
        journal, Nowhere(), Identity(bot="b", symbol="BTCUSD", mode="Live"), clock.now
    )
    lease = FileLease(folder)
    await journaled.record(EpochTaken(epoch=await lease.acquire(), mode="Live"))
    account = TimedAccount(rest, Endpoints(url, url, url), "BTCUSD")
    account.journal = journal
    executor = Executor(journaled, account, lease.held)
    reconciler = Reconciler(
        journaled, account, executor, symbol="BTCUSD", currencies=market.instrument.currencies
    )
    engine = Engine(
        journaled=journaled, executor=executor, reconciler=reconciler, market=market,
        clock=clock, lease=lease, rules=RULES,
    )  # fmt: skip
    await engine.reconcile()
    decider = Decider(engine, Rising(), Selling(engine))  # type: ignore[arg-type]
    return decider, account, market


def _no_limit() -> RateLimit:
    return RateLimit(10**9, burst=10**8, concurrent=1)


async def _peer(url: str, nonces: CounterNonces) -> Any:
    exchange = ccxt.gemini(
        {"apiKey": "account-demo", "secret": "demo-secret", "enableRateLimit": False}
    )
    exchange.urls["api"].update(public=url, private=url, webExchange=url, ws=url)
    exchange.nonce = nonces.next
    await exchange.load_markets()
    return exchange


async def _run(url: str) -> dict[str, Any]:
    logs.setup("bench", level="error")
    ours: list[float] = []
    own: list[float] = []
    disk: list[float] = []
    peer: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        nonces = CounterNonces()  # one key, one sequence
        decider, account, market = await _ours(url, Path(folder), nonces)
        exchange = await _peer(url, nonces)
        order = ("BTC/USD", "limit", "buy", 0.1, float(market.price))
        option = {"options": ["immediate-or-cancel"]}
        try:
            for number in range(ORDERS + WARM_UP):
                window = Window(end=(number + 1) * 60_000, ratio=1.0, complete=True)
                began, computed = time.perf_counter(), time.thread_time()
                decided = await decider.on_window(window)
                took = account.acknowledged - began
                assert decided is not None and decided.action == "buy"
                began = time.perf_counter()
                await exchange.create_order(*order, option)
                if number >= WARM_UP:
                    peer.append(time.perf_counter() - began)
                    ours.append(took)
                    own.append(account.computed - computed)
                    disk.append(account.disk)
        finally:
            await exchange.close()
    return {
        "ours": median(ours) * 1000,
        "peer": median(peer) * 1000,
        "ratio": median(peer) / median(ours),
        "unit": "ms from decision to acknowledged order (peer: ccxt create_order)",
        "ours_p50_ms": median(own) * 1000,
        "ours_p99_ms": _p99(own),
        "disk_p50_ms": median(disk) * 1000,
        "disk_p99_ms": _p99(disk),
        "total_p99_ms": _p99(ours),
        "peer_total_p99_ms": _p99(peer),
        "orders": len(ours),
    }


def _p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[98] * 1000


def measure() -> dict[str, Any]:
    """Measures ours and the peer in turns against one emulator."""
    with _emulator() as url:
        return asyncio.run(_run(url))
