"""Messages/s of a v2-shaped stream, from the frame's bytes to Kafka's acknowledgement.

Ours keeps the order book, derives reasons, numbers the records and waits for all replicas. The peer
does what the report's `on_message` does: parses JSON, writes three fields of each level, and
flushes after each, acknowledged by the leader alone. A second peer flushes only at the end. Neither
includes the socket; all take turns over the same frames on the same broker.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from confluent_kafka import Producer

from benchmarks.recorded_stream import SYMBOL, frames
from benchmarks.servers import server
from tradebot.ingest.publisher import Publisher
from tradebot.ingest.records import Connection
from tradebot.ingest.settings import IngestSettings
from tradebot.ingest.stage import publish
from tradebot.platform import kafka
from tradebot.platform.clock import VenueClock
from tradebot.platform.topics import Topics
from tradebot.venue.gemini.feeds.v2 import V2Feed

ROUNDS = 3
OURS = 100_000
FLUSHED = 1_500
"""Frames for the peer: its rate does not depend on their number."""


def measure() -> Mapping[str, Any]:
    """Measures all three in turns; figures are totals over the rounds."""
    stream = frames(OURS)
    first, rest = stream[:2], stream[2:]
    spent = {"ours": 0.0, "peer": 0.0, "unflushed": 0.0, "cpu": 0.0}
    records = 0
    with server("kafka") as address:
        for turn in range(ROUNDS):
            settings = IngestSettings(
                kafka=address, topic_prefix=f"bench-{uuid4().hex[:8]}-", queue_records=1_000_000
            )
            topics = Topics.of(settings)
            kafka.ensure_topics(settings, [topics.feed, topics.trades], partitions=1)
            records += _ours(settings, first, rest, spent)
            part = rest[turn * FLUSHED : (turn + 1) * FLUSHED]
            _peer(address, topics.feed, part, spent, "peer", flush=lambda p: p.flush())
            _peer(address, topics.feed, rest, spent, "unflushed", flush=lambda p: p.poll(0))
    ours = ROUNDS * len(rest) / spent["ours"]
    peer = ROUNDS * FLUSHED / spent["peer"]
    return {
        "ours": ours,
        "peer": peer,
        "ratio": ours / peer,
        "unit": "messages/s",
        "records_per_second": records / spent["ours"],
        "cpu_us_per_message": spent["cpu"] / (ROUNDS * len(rest)) * 1e6,
        "peer_without_flush": ROUNDS * len(rest) / spent["unflushed"],
    }


def _ours(
    settings: IngestSettings, first: list[bytes], rest: list[bytes], spent: dict[str, float]
) -> int:
    """Runs the stage's own path; returns the number of acknowledged records."""
    publisher = Publisher(settings)
    feed, connection = V2Feed(SYMBOL, VenueClock()), Connection(SYMBOL)
    for frame in first:
        publish(feed.read(frame), connection, publisher)
    publisher.flush(30)
    before = connection.count
    began, cpu = time.perf_counter(), time.process_time()
    for number, frame in enumerate(rest):
        publish(feed.read(frame), connection, publisher)
        if number % 1000 == 0:
            publisher.poll()
    left = publisher.flush(60)
    spent["ours"] += time.perf_counter() - began
    spent["cpu"] += time.process_time() - cpu
    publisher.poll()
    assert left == 0, f"{left} records were not acknowledged"
    return connection.count - before


def _peer(
    address: str,
    topic: str,
    stream: list[bytes],
    spent: dict[str, float],
    name: str,
    *,
    flush: Callable[[Producer], Any],
) -> None:
    """Runs the report's loop, on the shape of the second interface."""
    producer = Producer(
        {
            "bootstrap.servers": address,
            "acks": 1,
            "linger.ms": 0,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    producer.list_topics(topic, timeout=10)
    began = time.perf_counter()
    for frame in stream:
        message = json.loads(frame)
        if message["type"] != "l2_updates":
            continue
        for side, price, remaining in message["changes"]:
            payload = {
                "side": "bid" if side == "buy" else "ask",
                "price": price,
                "remaining": remaining,
            }
            producer.produce(topic, bytes(json.dumps(payload), "utf-8"))
            flush(producer)
    assert producer.flush(60) == 0
    spent[name] += time.perf_counter() - began
