"""Our stage as it is, on one core: rate, memory and sums."""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import faust
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from tradebot.domain.checkpoint import Checkpoint
from tradebot.liquidity.output import TransactionalOutput
from tradebot.liquidity.partition import FeedPartition
from tradebot.liquidity.settings import LiquiditySettings
from tradebot.liquidity.stage import create_app
from tradebot.liquidity.transport import Fetch
from tradebot.platform import kafka
from tradebot.platform.exactly_once import Message

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
address, topic, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
prefix = topic.removesuffix("gemini-feed")
settings = LiquiditySettings(kafka=address, topic_prefix=prefix, group=f"bench-{os.getpid()}")
kafka.ensure_topics(settings, [prefix + "faust.out"], partitions=1)
out = Consumer(
    {"bootstrap.servers": address, "group.id": "none", "isolation.level": "read_committed"}
)
out.assign([TopicPartition(prefix + "faust.out", 0, OFFSET_END)])
out.poll(2)  # skips what an earlier run wrote
began = ended = cpu = 0.0
seen = 0
take, write = FeedPartition.take, TransactionalOutput.write


def timed_take(self: FeedPartition, fetch: Fetch) -> None:
    global began, seen, cpu
    if self.windows is not None and began == 0:
        began, cpu = time.perf_counter(), time.process_time()
    take(self, fetch)
    if self.windows is not None:
        seen = self.windows.next


async def timed_write(
    self: TransactionalOutput, messages: Sequence[Message], checkpoint: Checkpoint
) -> None:
    global ended, cpu
    await write(self, messages, checkpoint)
    if seen >= records:
        ended, cpu = time.perf_counter(), time.process_time() - cpu


def results() -> dict[str, dict[str, float]]:
    sums: dict[str, dict[str, float]] = {}
    while True:
        message = out.poll(3)
        if message is None:
            return sums
        record = json.loads(message.value() or b"")
        if record["type"] in ("ask", "bid"):
            window = sums.setdefault(f"{record['window_start']} {record['symbol']}", {})
            assert record["type"] not in window, "a window came twice"
            window[record["type"]] = record["value"]


def report() -> None:
    while ended == 0:
        time.sleep(0.1)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    mib = int(status["VmHWM"].split()[0]) / 1024
    rate, busy = records / (ended - began), cpu / (ended - began)
    print(json.dumps({"rate": rate, "core": busy, "mib": mib, "sums": results()}))
    sys.stdout.flush()
    os._exit(0)


FeedPartition.take = timed_take  # type: ignore[method-assign]
TransactionalOutput.write = timed_write  # type: ignore[method-assign]
threading.Thread(target=report, daemon=True).start()
app = create_app(settings)
app.finalize()
worker = faust.Worker(app, quiet=True, override_logging=False)
worker.spinner = None
worker.execute_from_commandline()
