"""Measures Spark and tradebot's liquidity stage on one broker: start, memory, latency.

    python measure.py --kafka localhost:9092 --spark .venv-spark/bin/python

Both read the same feed. `start` is from the start of the process to its first result, on a topic
that already has records, and `cpu` is what its processes used until then. `latency` is from the
record that ends a minute to the minute's result. `memory` is what all processes of the engine have
in RAM at the end.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

MINUTE = 60_000
ROUNDS = 9
LIMIT_SECONDS = 600


def change(ts: int, seq: int) -> bytes:
    """Returns a record of the feed."""
    record = {"side": "bid" if seq % 2 else "ask", "price": "11412.68", "remaining": "0.5"}
    more = {"symbol": "BTCUSD", "ts": ts, "reason": "place", "seq": seq}
    return json.dumps(record | more).encode()


def processes(pid: int) -> list[Path]:
    """Returns the folders in /proc of a process and all processes below it."""
    children: dict[int, list[Path]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(folder)
    found = [Path(f"/proc/{pid}")]
    for each in found:
        found += children.get(int(each.name), [])
    return found


def memory_mib(pid: int) -> float:
    """Returns what the processes have in RAM."""
    lines = [line for p in processes(pid) for line in (p / "status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def cpu_seconds(pid: int) -> float:
    """Returns the CPU time that the processes have used."""
    stats = [(p / "stat").read_text().rpartition(")")[2].split() for p in processes(pid)]
    return sum(int(each[11]) + int(each[12]) for each in stats) / os.sysconf("SC_CLK_TCK")


def measure(kafka: str, command: list[str], feed: str, out: str) -> dict[str, Any]:
    """Runs an engine on a topic of its own, and returns its figures."""
    admin = AdminClient({"bootstrap.servers": kafka})
    letters = feed.rpartition(".")[0] + ".dead-letters"  # tradebot writes what it rejects
    wanted = [NewTopic(topic, 1, 1) for topic in (feed, out, letters)]
    for future in admin.create_topics(wanted).values():
        future.result()
    producer = Producer({"bootstrap.servers": kafka})
    start = int(time.time() * 1000) // MINUTE * MINUTE - 60 * MINUTE
    seq = 0

    def send(ts: int) -> None:
        nonlocal seq
        producer.produce(feed, change(ts, seq), key="BTCUSD")
        seq += 1

    for step in range(0, 3 * MINUTE, 500):
        send(start + step)
    producer.flush()
    consumer = Consumer(
        {"bootstrap.servers": kafka, "group.id": out, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([out])
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_for(end: int) -> None:
        while time.perf_counter() - began < LIMIT_SECONDS:
            message = consumer.poll(0.5)
            found = message is not None and not message.error()
            if found and json.loads(message.value())["timestamp"] * 1000 == end:
                return
            assert process.poll() is None, f"{command[0]} ended"
        raise TimeoutError(f"no result of the minute that ends at {end}")

    try:
        wait_for(start + MINUTE)
        first, used = time.perf_counter() - began, cpu_seconds(process.pid)
        latencies = []
        for number in range(3, 3 + ROUNDS):
            opened = start + number * MINUTE
            for step in range(0, MINUTE, 500):
                send(opened + step)
            producer.flush()
            time.sleep(2)  # the engine is idle again
            sent = time.perf_counter()
            send(opened + MINUTE + 2_000)  # ends the minute, with its grace
            producer.flush()
            wait_for(opened + MINUTE)
            latencies.append(time.perf_counter() - sent)
            began = time.perf_counter()
        return {
            "start_seconds": round(first, 1),
            "cpu_seconds": round(used, 1),
            "latency_seconds": round(statistics.median(latencies), 2),
            "memory_mib": round(memory_mib(process.pid)),
        }
    finally:
        process.terminate()
        process.wait()
        consumer.close()


def main() -> None:
    """Measures both, and prints one line for each."""
    flags = argparse.ArgumentParser(description="Measures Spark and tradebot's liquidity stage.")
    flags.add_argument("--kafka", default="localhost:9092", help="address of the broker")
    flags.add_argument("--spark", default=sys.executable, help="Python that has pyspark")
    flags.add_argument("--jars", default="", help="folder with the Kafka connector and its jars")
    given = flags.parse_args()
    run = uuid.uuid4().hex[:6]
    folder = Path(__file__).parent
    tradebot = [sys.executable, "-m", "tradebot", "liquidity", "--kafka", given.kafka]
    tradebot += ["--topic-prefix", f"{run}.", "--http-port", "0"]
    spark = [given.spark, str(folder / "windows.py"), "--kafka", given.kafka, "--jars", given.jars]
    spark += ["--feed", f"{run}-spark.feed", "--out", f"{run}-spark.out"]
    found = measure(given.kafka, tradebot, f"{run}.gemini-feed", f"{run}.faust.out")
    print("tradebot", json.dumps(found), flush=True)
    print("spark", json.dumps(measure(given.kafka, spark, spark[-3], spark[-1])), flush=True)


if __name__ == "__main__":
    main()
