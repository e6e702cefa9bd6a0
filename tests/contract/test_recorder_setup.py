"""`tradebot recorder --setup` on a real Elasticsearch, as a Job runs it: twice, and too early."""

import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from elasticsearch import Elasticsearch
from line.day import TradingDay

from tradebot.platform.elastic_store import ElasticStore
from tradebot.platform.store import StoreSettings
from tradebot.recorder.reading import stored
from tradebot.records import DocType

pytestmark = pytest.mark.elasticsearch


@pytest.fixture
def url(elasticsearch_address: str) -> str:
    address = elasticsearch_address
    return address if "://" in address else f"http://{address}"


@pytest.fixture
def prefix(url: str) -> Iterator[str]:
    prefix = f"s{uuid.uuid4().hex[:10]}"
    yield prefix
    server = Elasticsearch(url)
    for name in list(server.indices.get(index=f"{prefix}-*").body):
        server.indices.delete(index=name)
    server.indices.delete_index_template(name=f"{prefix}-*")


def set_up(url: str, prefix: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with the chart's variables, like the Job's container."""
    told = {
        "TRADEBOT_SETUP": "true",
        "TRADEBOT_ELASTICSEARCH": url,
        "TRADEBOT_INDEX_PREFIX": prefix,
        "TRADEBOT_RETENTION_DAYS": "36500",
    }
    command = [sys.executable, "-m", "tradebot", "recorder"]
    return subprocess.run(command, env=os.environ | told, capture_output=True, text=True)


def made(url: str, prefix: str) -> dict[str, Any]:
    """Returns everything that a set-up creates."""
    server = Elasticsearch(url)
    templates = server.indices.get_index_template(name=f"{prefix}-*").body["index_templates"]
    indices = server.indices.get(index=f"{prefix}-*").body
    kept = {name: {k: i[k] for k in ("aliases", "mappings")} for name, i in indices.items()}
    return {"templates": {t["name"]: t["index_template"] for t in templates}, "indices": kept}


def test_a_second_set_up_finds_all_as_it_left_it_and_touches_no_document(
    url: str, prefix: str
) -> None:
    first = set_up(url, prefix)
    assert first.returncode == 0, first.stderr
    before = made(url, prefix)
    assert set(before["templates"]) == {f"{prefix}-{kind}" for kind in DocType}
    store = ElasticStore(StoreSettings(elasticsearch=url, index_prefix=prefix))
    documents = [stored(d) for *_, more in TradingDay().minutes(30) for d in more]
    assert store.write(documents) == []

    second = set_up(url, prefix)
    assert (second.returncode, second.stdout) == (0, first.stdout), second.stderr
    assert made(url, prefix)["templates"] == before["templates"]
    server = Elasticsearch(url)
    server.indices.refresh(index=f"{prefix}-*")
    assert server.count(index=f"{prefix}-*")["count"] == len(documents)


def test_a_set_up_waits_for_an_elasticsearch_that_is_not_there_yet(url: str, prefix: str) -> None:
    with Late(url, refusals=2) as late:
        done = set_up(late.url, prefix)
        assert done.returncode == 0, done.stderr
        assert late.refused >= 2
    assert set(made(url, prefix)["templates"]) == {f"{prefix}-{kind}" for kind in DocType}


class Late:
    """An Elasticsearch that responds 503 at first, like one that is starting."""

    def __init__(self, url: str, refusals: int) -> None:
        self.refused = 0
        late = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if late.refused < refusals:
                    late.refused += 1
                    status, headers, data = 503, {}, b'{"error":{"reason":"starting"}}'
                else:
                    passed = {k: v for k, v in self.headers.items() if k.lower() != "host"}
                    got = httpx.request(self.command, url + self.path, content=body, headers=passed)
                    status, data = got.status_code, got.content
                    headers = {
                        k: v for k, v in got.headers.items() if re.match("x-|content-type", k)
                    }
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def do_GET(self) -> None:
                self.answer()

            def do_HEAD(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def do_PUT(self) -> None:
                self.answer()

            def log_message(self, *_args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Late":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
