"""Time from a closed bar to its proposal: the sandboxed strategy, compared with the bare function.

The strategy crosses two moving averages over 10,000 bars. The peer calls the same function in this
process on the same arrays. Ours is what the stage does for a bar between reading its last minute
and handing the record to the producer: join, ask the strategy's process, digest, encode. With
`TRADEBOT_TEST_KAFKA` the whole way from the minute's record to the delivered proposal is measured
as well, in one transaction on that broker.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from tradebot.history.minutes import MINUTE
from tradebot.platform.exactly_once import TIMEOUT, transactional_producer
from tradebot.platform.kafka import ensure_topics
from tradebot.platform.settings import StageSettings
from tradebot.records import MinuteRecord, encode
from tradebot.strategies import load
from tradebot.strategy.bars import Closing, Columns
from tradebot.strategy.messages import Bar, Begin, Past
from tradebot.strategy.process import StrategyProcess
from tradebot.strategy.proposals import Proposer

BARS, ROUNDS = 10_000, 1_000
START = 1_514_764_800_000
CODE = """
import numpy as np
from tradebot.strategies import Bars, Orders

def mean(prices, count):
    sums = np.cumsum(np.concatenate([[0.0], prices]))
    made = np.full(len(prices), np.nan)
    made[count - 1:] = (sums[count:] - sums[:-count]) / count
    return made

def signals(bars: Bars) -> Orders:
    above = mean(bars.close, 20) > mean(bars.close, 100)
    side = np.zeros(len(bars.ts), np.int8)
    side[1:] = np.diff(above.astype(np.int8))
    return Orders(side=side, size=np.ones(len(side)))
"""


def minutes(count: int) -> list[MinuteRecord]:
    """Returns a random walk of closed minutes."""
    random = np.random.default_rng(1)
    prices = 10_000 * np.exp(np.cumsum(random.normal(0, 0.0008, count)))
    return [
        MinuteRecord(
            "BTCUSD", START + n * MINUTE, price, price, price, price, 1.0, price, 3.0, 2.0, 1.5
        )
        for n, price in enumerate(prices.tolist())
    ]


def measure() -> dict[str, Any]:
    """Returns medians in ms, the 99th percentiles of both, and that of our CPU time.

    CPU time is that of this process and the strategy's: it hardly depends on what else runs.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "crossing.py"
        file.write_text(CODE)
        return _measure(str(file))


def _measure(file: str) -> dict[str, Any]:
    columns, closing, bare = Columns(MINUTE, BARS), Closing(MINUTE), load(file)
    past, live = minutes(BARS + ROUNDS)[:BARS], minutes(BARS + ROUNDS)[BARS:]
    for minute in past:
        for _, row in closing.add(minute):
            assert row is not None
            columns.append(row)
    process = StrategyProcess(
        Begin(file, {}, MINUTE, BARS, 1 << 30),
        lambda: Past(columns.dump()),
        start_seconds=120,
        bar_seconds=30,
    )
    loaded = process.start()
    process.prepare()
    assert process._process is not None, "it has started"
    child = process._process.pid
    proposer = Proposer(
        key="bench", strategy=loaded.name, digest=loaded.digest, symbol="BTCUSD", step=MINUTE
    )
    send = _sender()
    ours, peers, whole, cpu = [], [], [], []
    for minute in live:
        used, began = _cpu_seconds(child), time.perf_counter()
        ((end, row),) = closing.add(minute)
        assert row is not None
        answer = process.ask(Bar(row))
        columns.append(row)
        value = encode(proposer.record(end, columns.digest(), answer))
        ours.append(time.perf_counter() - began)
        cpu.append(_cpu_seconds(child) - used)
        if send is not None:
            send(value)
            whole.append(time.perf_counter() - began)
        began = time.perf_counter()
        bare.source.found(columns.bars())
        peers.append(time.perf_counter() - began)
    process.close()
    result = {
        "ours": _ms(ours, 50),
        "peer": _ms(peers, 50),
        "ratio": _ms(ours, 50) / _ms(peers, 50),
        "unit": "ms",
        "ours_p99_ms": _ms(ours, 99),
        "ours_cpu_p99_ms": _ms(cpu, 99),
        "peer_p99_ms": _ms(peers, 99),
    }
    if whole:
        result["delivered_p99_ms"] = _ms(whole, 99)
    return result


def _cpu_seconds(pid: int) -> float:
    """CPU time of this process and of another, in seconds."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return time.process_time() + sum(int(each.read_text().split()[0]) for each in threads) / 1e9


def _sender() -> Any:
    """Returns what delivers a proposal in a transaction; `None` without a broker."""
    address = os.environ.get("TRADEBOT_TEST_KAFKA")
    if not address:
        return None
    settings = StageSettings(kafka=address)
    topic = f"bench-{uuid4().hex[:8]}"
    ensure_topics(settings, [topic])
    producer = transactional_producer(settings, topic)

    def send(value: bytes) -> None:
        producer.begin_transaction()
        producer.produce(topic, value, key=b"bench")
        producer.commit_transaction(TIMEOUT)

    return send


def _ms(seconds: list[float], percentile: float) -> float:
    return float(np.percentile(seconds, percentile)) * 1000
