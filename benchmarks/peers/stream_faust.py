"""A Faust agent as in its manual, on one core: one JSON record per message."""

import json
import os
import sys
import tempfile
import time
from datetime import timedelta
from typing import Any

import faust

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
address, topic, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
tabled = "--no-table" not in sys.argv
WINDOW = 60_000
app = faust.App(
    f"naive-{time.time_ns()}",
    broker=f"kafka://{address}",
    datadir=tempfile.mkdtemp(),
    web_enabled=False,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    topic_partitions=1,
)
feed = app.topic(topic, value_serializer="json")
table: Any = None
if tabled:
    table = app.Table("flows", default=float, partitions=1).tumbling(
        timedelta(seconds=60), expires=timedelta(hours=1)
    )
sums: dict[str, dict[str, float]] = {}


@app.agent(feed)
async def flows(stream: Any) -> None:
    seen, began, cpu = 0, 0.0, 0.0
    async for record in stream:
        if began == 0:
            began, cpu = time.perf_counter(), time.process_time()
        window = record["ts"] // WINDOW * WINDOW
        value = float(record["price"]) * float(record["remaining"])
        side = sums.setdefault(f"{window} {record['symbol']}", {"bid": 0.0, "ask": 0.0})
        side[record["side"]] += value
        if table is not None:
            table[record["symbol"] + record["side"]] += value
        seen += 1
        if seen == records:
            seconds, busy = time.perf_counter() - began, time.process_time() - cpu
            print(json.dumps({"rate": records / seconds, "core": busy / seconds, "sums": sums}))
            sys.stdout.flush()
            os._exit(0)


app.finalize()
worker = faust.Worker(app, quiet=True, redirect_stdouts=False)
worker.spinner = None
worker.execute_from_commandline()
