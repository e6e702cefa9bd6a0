"""The users of the chart's Elasticsearch: how they are created, and whether their rights suffice.

The server of the other tests has no security, so a fake responds here, in the shapes that
Elasticsearch documents for its role and user APIs. Requests of the recorder and the dashboard are
recorded from their own client, and compared with the privileges that each request needs by the same
documentation.
"""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from observing.elastic_answers import ElasticAnswers
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.platform.elastic_store import ElasticStore
from tradebot.platform.store import StoredDocument, StoreSettings
from tradebot.records import DocType

SCRIPT = Path(__file__).parents[2] / "charts/tradebot/files/setup/elastic_users.py"
PASSWORDS = {
    name: f"{name}-pw" for name in ("elastic", "kibana", "recorder", "dashboard", "importer")
}


class Server:
    """Responds as told for a while, then like an Elasticsearch; records the requests."""

    def __init__(self, refusals: list[int] | None = None) -> None:
        self.refusals = refusals or []
        self.asked: list[tuple[str, str, Any]] = []
        self.authorizations: set[str] = set()
        server = self

        class Handler(ElasticAnswers):
            def answer(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.authorizations.add(self.headers.get("Authorization", ""))
                path = self.path.partition("?")[0]
                status, body = 200, server.says(self.command, path)
                if server.refusals:
                    status, body = server.refusals.pop(0), {"error": "not yet"}
                else:
                    server.asked.append((self.command, path, text))
                self.tell(status, body)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815  # http.server's

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def says(self, method: str, path: str) -> dict[str, Any]:
        if "/role/" in path:
            return {"role": {"created": True}}
        if path.endswith("/_search"):
            hit = {"_id": "1", "_source": {"ts": 4_000_000_000_000}}
            return {"hits": {"hits": [hit]}}
        if path.endswith("/_count"):
            return {"count": 3}
        if path.endswith("/_bulk"):
            return {"errors": False, "items": []}
        if method == "GET":
            return {f"{path.strip('/').removesuffix('-*')}-2021.01": {"aliases": {}}}
        return {"created": True, "acknowledged": True}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    for name, password in PASSWORDS.items():
        (tmp_path / name).write_text(password + "\n")
    return tmp_path


def begin(server: Server, folder: Path) -> tuple["subprocess.Popen[str]", Path]:
    done = folder / "done"
    told = {
        "ELASTICSEARCH": server.url,
        "PASSWORDS": str(folder),
        "DONE_FILE": str(done),
        "PAUSE_SECONDS": "0.05",
    }
    command = [sys.executable, str(SCRIPT)]
    process = subprocess.Popen(command, env=os.environ | told, text=True, stderr=subprocess.PIPE)
    until(lambda: done.exists() or process.poll() is not None)
    return process, done


def test_roles_and_users_are_created_once_the_server_responds_and_it_ends_when_it_should(
    server: Server, passwords: Path
) -> None:
    server.refusals = [503, 401, 503]
    process, done = begin(server, passwords)
    assert done.exists()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert said.count("waiting for Elasticsearch") == 3
    token = base64.b64encode(b"elastic:elastic-pw").decode()
    assert server.authorizations == {f"Basic {token}"}
    made = {path: json.loads(body) for _, path, body in server.asked}
    assert [method for method, _, _ in server.asked] == ["PUT"] * 5 + ["POST"]
    assert made == {
        "/_security/role/tradebot_writer": {
            "cluster": ["manage_index_templates"],
            "indices": [{"names": ["tradebot*"], "privileges": ["manage", "index", "read"]}],
        },
        "/_security/role/tradebot_reader": {
            "cluster": [],
            "indices": [{"names": ["tradebot*"], "privileges": ["read", "view_index_metadata"]}],
        },
        "/_security/user/tradebot_recorder": {
            "password": "recorder-pw",
            "roles": ["tradebot_writer"],
        },
        "/_security/user/tradebot_dashboard": {
            "password": "dashboard-pw",
            "roles": ["tradebot_reader"],
        },
        "/_security/user/tradebot_importer": {
            "password": "importer-pw",
            "roles": ["kibana_admin"],
        },
        "/_security/user/kibana_system/_password": {"password": "kibana-pw"},
    }


def test_no_password_is_logged(server: Server, passwords: Path) -> None:
    server.refusals = [400]
    process, _ = begin(server, passwords)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert not any(password in said for password in PASSWORDS.values())


NEEDS = [
    # a request by its method and path, and the privileges of which it needs one
    ("PUT", r"/_index_template/tradebot[^/]*", {"manage_index_templates"}),
    ("HEAD|GET", r"/tradebot[^/]*", {"view_index_metadata", "manage"}),
    ("PUT", r"/tradebot[^/]*", {"create_index", "manage"}),
    ("PUT", r"/tradebot[^/]*/_mapping", {"manage"}),
    ("PUT", r"/tradebot[^/]*/_alias/tradebot[^/]*", {"manage"}),
    ("DELETE", r"/tradebot[^/]*", {"delete_index", "manage"}),
    ("PUT|POST", r"/_bulk", {"index", "write"}),
    ("POST", r"/tradebot[^/]*/_(search|count)", {"read"}),
]


def privileges(user: str, server: Server, folder: Path) -> set[str]:
    """Returns the privileges of a user's roles, as they were created."""
    process, _ = begin(server, folder)
    process.kill()
    process.communicate()
    made = {path.rpartition("/")[2]: json.loads(body) for _, path, body in server.asked}
    server.asked.clear()
    roles = [made[name] for name in made[user]["roles"]]
    found = {right for role in roles for right in role["cluster"]}
    return found | {
        right for role in roles for part in role["indices"] for right in part["privileges"]
    }


def short_of(rights: set[str], asked: list[tuple[str, str, Any]]) -> list[str]:
    """Returns the requests that these rights do not allow, or that the table does not list."""
    missing = []
    for method, path, _ in asked:
        needed = [
            needs
            for methods, pattern, needs in NEEDS
            if re.fullmatch(methods, method) and re.fullmatch(pattern, path.replace("%2A", "*"))
        ]
        if len(needed) != 1 or not needed[0] & rights:
            missing.append(f"{method} {path}")
    return missing


def test_the_recorder_may_do_all_that_it_requests(server: Server, passwords: Path) -> None:
    rights = privileges("tradebot_recorder", server, passwords)
    store = ElasticStore(StoreSettings(elasticsearch=server.url))
    store.set_up(0)
    store.write([StoredDocument("1", DocType.FILL, 1, "btc", "BTCUSD", b"{}")])
    store.prune(30)
    store.close()
    kinds = {(method, path.rpartition("/")[2]) for method, path, _ in server.asked}
    assert {("PUT", "_mapping"), ("PUT", "_bulk"), ("POST", "_count")} <= kinds
    assert any(method == "DELETE" for method, _, _ in server.asked)
    assert short_of(rights, server.asked) == []


def test_the_dashboard_may_read_and_nothing_else(server: Server, passwords: Path) -> None:
    rights = privileges("tradebot_dashboard", server, passwords)
    store = ElasticStore(StoreSettings(elasticsearch=server.url))
    store.latest(DocType.FILL, 5, bot="btc")
    store.find("_id", "1")
    assert short_of(rights, server.asked) == []
    server.asked.clear()
    store.set_up(0)
    store.write([StoredDocument("1", DocType.FILL, 1, "btc", "BTCUSD", b"{}")])
    store.prune(30)
    store.close()
    refused = short_of(rights, server.asked)
    assert {line.partition(" ")[0] for line in refused} == {"PUT", "DELETE"}
