"""Spark's Structured Streaming on one core: the windows of examples/report/spark/windows.py."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "report" / "spark"))
import windows

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # Spark's Java process inherits it
address, topic, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
sums: dict[str, dict[str, float]] = {}


def java() -> Path:
    """Returns the folder in /proc of Spark's Java process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue
        if name.endswith("(java") and int(rest.split()[1]) == os.getpid():
            return folder
    raise RuntimeError("Spark has no Java process")


def cpu(process: Path) -> float:
    """Returns the CPU seconds of the Java process and this one."""
    used = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK") + time.process_time()


def keep(batch: Any, _number: int) -> None:
    """Keeps the newest sums of each window."""
    rows = batch.selectExpr("symbol", "unix_millis(window.start) AS start", "bid", "ask")
    for row in rows.collect():
        sums[f"{row.start} {row.symbol}"] = {"bid": row.bid, "ask": row.ask}


began = time.perf_counter()
spark = windows.session(os.environ.get("TRADEBOT_SPARK_JARS", ""))
session_seconds = time.perf_counter() - began
stream = windows.windows(windows.changes(spark, address, topic, maxOffsetsPerTrigger="100000"))
process = java()
began, used = time.perf_counter(), cpu(process)
with tempfile.TemporaryDirectory() as checkpoint:
    query = (
        stream.writeStream.outputMode("update")
        .trigger(availableNow=True)
        .option("checkpointLocation", checkpoint)
        .foreachBatch(keep)
        .start()
    )
    query.awaitTermination()
seconds, used = time.perf_counter() - began, cpu(process) - used
status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
mib = int(status["VmHWM"].split()[0]) / 1024
spark.stop()
print(
    json.dumps(
        {
            "rate": records / seconds,
            "core": used / seconds,
            "mib": mib,
            "session_seconds": session_seconds,
            "sums": sums,
        }
    )
)
