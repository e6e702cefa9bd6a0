"""bytewax on one core: its Kafka source, orjson, sums in windows of event time."""

import json
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower, fold_window
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
address, topic, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen, began, ended, cpu = 0, 0.0, 0.0, 0.0
sums: dict[str, dict[str, float]] = {}


def parse(message: Any) -> tuple[str, Any]:
    global began, cpu
    if began == 0:
        began, cpu = time.perf_counter(), time.process_time()
    record = orjson.loads(message.value)
    return record["symbol"], record


def add(flows: dict[str, float], record: Any) -> dict[str, float]:
    global seen, ended, cpu
    flows[record["side"]] += float(record["price"]) * float(record["remaining"])
    seen += 1
    if seen == records:
        ended, cpu = time.perf_counter(), time.process_time() - cpu
    return flows


class Keep(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        for symbol, (window, flows) in items:
            sums[f"{window * 60_000} {symbol}"] = flows


class KeepAll(DynamicSink[Any]):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> Keep:
        return Keep()


flow = Dataflow("flows")
source: Any = KafkaSource(
    [address], [topic], tail=False, batch_size=1000, add_config={"fetch.queue.backoff.ms": "5"}
)
windowed = fold_window(
    "sum",
    op.map("parse", op.input("feed", flow, source), parse),
    EventClock(
        lambda record: datetime.fromtimestamp(record["ts"] / 1000, UTC),
        wait_for_system_duration=timedelta(seconds=1),
    ),
    TumblingWindower(length=timedelta(seconds=60), align_to=datetime(1970, 1, 1, tzinfo=UTC)),
    lambda: {"bid": 0.0, "ask": 0.0},
    add,
    lambda one, other: {side: one[side] + other[side] for side in one},
)
op.output("keep", windowed.down, KeepAll())
run_main(flow)
seconds = ended - began
print(json.dumps({"rate": records / seconds, "core": cpu / seconds, "sums": sums}))
