"""Elasticsearch is killed and comes back: memory stays bounded, everything is there, once."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from elasticsearch import Elasticsearch
from trading_day import TradingDay

from tradebot.platform import kafka
from tradebot.platform.kafka import Topics
from tradebot.platform.settings import StageSettings
from tradebot.records import DocType, Document, encode

TOOL = Path(__file__).resolve().parents[3] / "shared" / "servers" / "elasticsearch"
BACKLOG = int(os.environ.get("TRADEBOT_TEST_OUTAGE_DOCUMENTS", "5000"))
"""Of three kilobytes each; 20,000 of them would show in the memory if they were held there."""

pytestmark = [pytest.mark.elasticsearch, pytest.mark.kafka, pytest.mark.slow]


class Server:
    """An Elasticsearch that may be killed."""

    def __init__(self) -> None:
        self.name = f"outage-{os.getpid()}"
        self.address = self.tool("up").split()[-1]

    def tool(self, verb: str, *more: str) -> str:
        done = subprocess.run(
            [TOOL, verb, "--name", self.name, *more], capture_output=True, text=True, check=True
        )
        return done.stdout


@pytest.fixture
def server() -> Iterator[Server]:
    if not TOOL.exists():
        pytest.skip(f"needs {TOOL} to start a server that it may kill")
    server = Server()
    yield server
    server.tool("down", "--purge")


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def wait_for(url: str, text: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if text in httpx.get(url, timeout=2).text:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} never said {text!r}")


def wait_stored(server: Elasticsearch, count: int, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        server.indices.refresh(index="tradebot-*")
        if server.count(index="tradebot-*")["count"] >= count:
            return
        time.sleep(0.5)
    raise AssertionError("the documents did not arrive")


def decisions(count: int) -> list[Document]:
    """Large documents, each another one."""
    one = next(d for _, _, ds in TradingDay(steps=2).minutes(1) for d in ds if "inputs" in d.body)
    noise = random.Random(1)  # as much on the wire as in memory
    return [
        msgspec.structs.replace(
            one,
            id=f"{i:032x}",
            ts=one.ts + i,
            body=one.body | {"inputs": noise.randbytes(1500).hex()},
        )
        for i in range(count)
    ]


def test_an_outage_of_the_store_costs_neither_memory_nor_documents(
    server: Server, kafka_address: str, tmp_path: Path
) -> None:
    prefix = f"outage-{uuid.uuid4().hex[:8]}-"
    settings = StageSettings(kafka=kafka_address, topic_prefix=prefix)
    topic = Topics.of(settings).documents
    with socket.create_server(("127.0.0.1", 0)) as free:
        health = f"http://127.0.0.1:{free.getsockname()[1]}"
    recorder = subprocess.Popen(
        [
            sys.executable, "-m", "tradebot", "recorder", "--kafka", kafka_address,
            "--topic-prefix", prefix, "--state-dir", str(tmp_path), "--http-port",
            health.rpartition(":")[2], "--elasticsearch", f"http://{server.address}",
            "--group", prefix,
        ]
    )  # fmt: skip
    try:
        wait_for(f"{health}/readyz", '"ready": true')
        producer = kafka.producer(settings)
        for document in decisions(BACKLOG)[:500]:
            producer.produce(topic, key=document.id, value=encode(document))
        producer.flush()
        client = Elasticsearch(f"http://{server.address}", request_timeout=30)
        wait_stored(client, 500)
        before = resident_mib(recorder.pid)

        server.tool("kill9")
        for document in decisions(BACKLOG)[500:]:
            producer.produce(topic, key=document.id, value=encode(document))
        producer.flush()
        wait_for(f"{health}/readyz", "does not answer")
        time.sleep(5)
        assert httpx.get(f"{health}/livez").status_code == 200
        assert resident_mib(recorder.pid) - before < 64

        server.tool("restart")
        wait_stored(client, BACKLOG)
        assert client.count(index="tradebot-*")["count"] == BACKLOG
        assert client.count(index=f"tradebot-{DocType.DECISION}")["count"] == BACKLOG
        wait_for(f"{health}/readyz", '"ready": true')
    finally:
        recorder.send_signal(signal.SIGTERM)
        ended = recorder.wait(8)
    assert ended == 0
