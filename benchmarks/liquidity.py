"""Events per second through real Kafka: our stage, exactly once, compared with stream engines.

One partition has one JSON record per message, of two symbols, written beforehand. Every engine sums
price × remaining by symbol, side and 60-second window. Rates run from the first record handled to
the last result, so they exclude process start; every engine has one core to itself. Ours writes its
results and its offset in transactions; the peers write nothing, which favours them. The naive agent
reads a part of the topic, because all of it would take minutes. Spark's rate includes planning but
not the start of its session; it sums a window in parts, so its sums may differ in the last bit.
"""

import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks import environment
from benchmarks.servers import server

RECORDS = 1_000_000
NAIVE_RECORDS = 20_000
RUNS = 2

STEP_MS = 10
START = 1_609_459_200_000
WINDOW = 60_000
SYMBOLS = ("BTCUSD", "ETHUSD")

Sums = dict[str, dict[str, float]]


def measure(records: int = RECORDS, naive_records: int = NAIVE_RECORDS) -> dict[str, Any]:
    """Returns our rate over the naive Faust agent's, bytewax's rate, and whether all sums agree.

    Args:
        records: of the topic.
        naive_records: number of them that the naive agents read.
    """
    with server("kafka") as address:
        topic = f"bench{os.getpid()}-{time.time_ns()}.gemini-feed"
        produce(address, topic, records)
        ours = better(lambda: engine("stream_ours", address, topic, records))
        agent = better(lambda: engine("stream_faust", address, topic, naive_records))
        bare = better(lambda: engine("stream_faust", address, topic, naive_records, "--no-table"))
        bytewax = better(lambda: environment.run("stream_bytewax", address, topic, records))
        spark = better(lambda: run_spark(address, topic, records))
    agree = sums_agree(ours["sums"], agent["sums"], bare["sums"], bytewax.get("sums", {}))
    agree = agree and ("error" in spark or sums_close(ours["sums"], spark["sums"]))
    rates = {
        "faust async for": agent["rate"],
        "faust async for, no table": bare["rate"],
        "bytewax": bytewax.get("rate", bytewax.get("error")),
        "spark": spark.get("rate", spark.get("error")),
    }
    return {
        "name": "liquidity",
        "ours": ours["rate"],
        "peer": agent["rate"],
        "ratio": ours["rate"] / agent["rate"],
        "unit": "events/s",
        "peers": rates,
        "sums_agree": agree,
        "ours_mib": ours["mib"],
        "spark_mib": spark.get("mib"),
        "spark_session_seconds": spark.get("session_seconds"),
        "per_busy_core": {
            "ours": per_busy_core(ours),
            "faust async for": per_busy_core(agent),
            "faust async for, no table": per_busy_core(bare),
            "bytewax": per_busy_core(bytewax),
            "spark": per_busy_core(spark),
        },
    }


def run_spark(address: str, topic: str, records: int) -> dict[str, Any]:
    """Runs Spark, if there is a Java for it."""
    if shutil.which("java") is None:
        return {"error": "Spark needs Java 17 or later on PATH"}
    return environment.run("stream_spark", address, topic, records, environment="spark")


def better(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns the faster of RUNS runs, the one that other work on the machine disturbed least."""
    return max((run() for _ in range(RUNS)), key=lambda answer: answer.get("rate", 0.0))


def per_busy_core(answer: dict[str, Any]) -> float | None:
    """Returns events per second of CPU time: the rate if the core were ours alone."""
    return answer["rate"] / answer["core"] if "core" in answer else None


def produce(address: str, topic: str, records: int) -> None:
    """Creates the topic with one partition, and fills it."""
    admin = AdminClient({"bootstrap.servers": address})
    for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result()
    producer = Producer(
        {
            "bootstrap.servers": address,
            "linger.ms": 20,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 2_000_000,
            "enable.idempotence": True,
        }
    )
    for symbol, value in feed(records):
        producer.produce(topic, value, symbol)
    producer.flush()


def feed(records: int) -> Iterator[tuple[str, bytes]]:
    """Yields symbol and record, seeded; the last record of each symbol closes its last window."""
    draw = random.Random(7)
    seqs = dict.fromkeys(SYMBOLS, 0)
    last = {records - 2: SYMBOLS[0], records - 1: SYMBOLS[1]}
    for index in range(records):
        symbol = last.get(index) or draw.choice(SYMBOLS)
        ts = START + index * STEP_MS + (2 * WINDOW if index in last else 0)
        yield (
            symbol,
            json.dumps(
                {
                    "side": draw.choice(("bid", "ask")),
                    "price": f"{29_000 + draw.random() * 100:.2f}",
                    "remaining": f"{draw.random() * 3:.8f}",
                    "symbol": symbol,
                    "ts": ts,
                    "reason": "place",
                    "seq": seqs[symbol],
                },
                separators=(",", ":"),
            ).encode(),
        )
        seqs[symbol] += 1


def engine(script: str, address: str, topic: str, records: int, *options: str) -> dict[str, Any]:
    """Runs an engine in the project's own environment."""
    path = Path(__file__).parent / "peers" / f"{script}.py"
    done = subprocess.run(
        [sys.executable, path, address, topic, str(records), *options],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{script} failed: {done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def sums_agree(ours: Sums, *peers: Sums) -> bool:
    """Whether every complete window of a peer has our sums, to the last bit, and there is one.

    The last window of a peer is incomplete; ours closes all but the last.
    """
    for sums in peers:
        whole = sorted(sums)[:-2]
        if not whole or any(sums[window] != ours.get(window) for window in whole):
            return False
    return True


def sums_close(ours: Sums, peer: Sums) -> bool:
    """Whether every complete window of a peer has our sums up to rounding, and there is one.

    The peer has each window at once. The last one has only the records that end the others; the one
    before it is not over in ours.
    """
    whole = sorted(peer)[:-4]
    return bool(whole) and all(
        math.isclose(peer[window][side], ours.get(window, {}).get(side, 0.0), rel_tol=1e-12)
        for window in whole
        for side in ("bid", "ask")
    )
