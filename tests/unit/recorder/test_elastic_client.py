"""How the document store uses its server: retries, users, and TLS.

The server here is a small fake; the contract tests use a real one.
"""

import base64
import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from observing.elastic_answers import ElasticAnswers

from tradebot.platform import elastic_store
from tradebot.platform.elastic_mappings import index_name, mapping
from tradebot.platform.elastic_store import ElasticStore
from tradebot.platform.settings import SettingsError
from tradebot.platform.store import StoredDocument, StoreSettings, StoreUnavailableError
from tradebot.records import DocType

Answer = tuple[int, dict[str, Any]]


class Told:
    """A server with given responses; after them it accepts everything."""

    def __init__(self) -> None:
        self.answers: list[Answer | Callable[[list[dict[str, Any]]], Answer]] = []
        self.bulks: list[list[dict[str, Any]]] = []
        self.authorization = ""
        told = self

        class Handler(ElasticAnswers):
            def do_PUT(self) -> None:  # noqa: N802  # http.server's name; the client writes by PUT
                lines = self.rfile.read(int(self.headers["Content-Length"])).splitlines()
                told.authorization = self.headers.get("Authorization", "")
                actions = [json.loads(line)["index"] for line in lines[::2]]
                told.bulks.append(actions)
                answer = told.answers.pop(0) if told.answers else fine(actions)
                status, body = answer(actions) if callable(answer) else answer
                self.tell(status, body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def settings(self, **more: str) -> StoreSettings:
        return StoreSettings(**({"elasticsearch": f"http://127.0.0.1:{self.port}"} | more))


def fine(actions: list[dict[str, Any]]) -> Answer:
    return 200, {"errors": False, "items": [{"index": {"status": 201}} for _ in actions]}


def items(*statuses: int) -> Answer:
    made = [
        {"status": s}
        | ({"error": {"type": f"because_{s}", "reason": "so it is"}} if s >= 300 else {})
        for s in statuses
    ]
    return 200, {"errors": True, "items": [{"index": item} for item in made]}


@pytest.fixture
def told() -> Iterator[Told]:
    told = Told()
    yield told
    told.server.shutdown()
    told.server.server_close()


def documents(count: int, size: int = 10) -> list[StoredDocument]:
    return [
        StoredDocument(f"d{i}", DocType.FILL, 1000 + i, "b", "S", b'{"a":"%s"}' % (b"x" * size))
        for i in range(count)
    ]


def sent(told: Told) -> list[list[str]]:
    return [[action["_id"] for action in bulk] for bulk in told.bulks]


def test_only_what_the_server_was_too_busy_for_is_sent_again(told: Told) -> None:
    told.answers = [items(201, 429, 503, 409)]
    waits: list[float] = []
    assert ElasticStore(told.settings(), sleep=waits.append).write(documents(4)) == []
    assert sent(told) == [["d0", "d1", "d2", "d3"], ["d1", "d2"]]
    assert len(waits) == 1


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_busy_server_is_asked_again_with_growing_waits_that_jitter(
    told: Told, status: int
) -> None:
    told.answers = [(status, {"error": "later"})] * 3
    waits: list[float] = []
    store = ElasticStore(told.settings(), sleep=waits.append)
    assert store.write(documents(2)) == []
    assert len(told.bulks) == 4
    for wait, base in zip(waits, elastic_store.BACKOFF_SECONDS, strict=True):
        assert 0.5 * base <= wait <= 1.5 * base


def test_a_server_that_stays_busy_is_unavailable_and_nothing_is_called_refused(told: Told) -> None:
    told.answers = [items(429)] * 9
    with pytest.raises(StoreUnavailableError, match="because_429"):
        ElasticStore(told.settings(), sleep=lambda _: None).write(documents(1))


def test_a_document_that_can_never_be_stored_is_refused_with_the_servers_reason(told: Told) -> None:
    told.answers = [items(201, 400)]
    (refusal,) = ElasticStore(told.settings()).write(documents(2))
    assert refusal.document.id == "d1"
    assert refusal.reason == "because_400 (400): so it is"


def test_wrong_credentials_are_unavailability_never_a_loss(told: Told) -> None:
    told.answers = [(401, {"error": {"reason": "who are you"}, "status": 401})]
    with pytest.raises(StoreUnavailableError, match="401"):
        ElasticStore(told.settings()).write(documents(1))
    assert len(told.bulks) == 1


@pytest.mark.parametrize(
    "kind", ["index_not_found_exception", "validation_exception", "security_exception"]
)
def test_a_refusal_that_a_person_can_lift_is_unavailability_never_a_loss(
    told: Told, kind: str
) -> None:
    status = {"index_not_found_exception": 404, "security_exception": 403}.get(kind, 400)
    error = {"type": kind, "reason": "not now"}
    answer = {"errors": True, "items": [{"index": {"status": status, "error": error}}]}
    told.answers = [(200, answer)] * 9
    with pytest.raises(StoreUnavailableError, match="not now"):
        ElasticStore(told.settings(), sleep=lambda _: None).write(documents(1))


def test_a_request_that_is_too_large_for_what_is_between_is_sent_in_halves(told: Told) -> None:
    told.answers = [(413, {})]
    assert ElasticStore(told.settings()).write(documents(5)) == []
    assert [len(bulk) for bulk in told.bulks] == [5, 2, 3]


def test_a_document_that_alone_is_too_large_is_refused(told: Told) -> None:
    told.answers = [(413, {})] * 3
    first, second = ElasticStore(told.settings()).write(documents(2))
    assert "413" in first.reason and "413" in second.reason


def test_a_large_batch_is_sent_in_requests_of_bounded_size(told: Told) -> None:
    big = elastic_store.BULK_BYTES // 3
    assert ElasticStore(told.settings()).write(documents(7, size=big)) == []
    assert [len(bulk) for bulk in told.bulks] == [2, 2, 2, 1]


def test_each_document_goes_with_its_time_as_version(told: Told) -> None:
    ElasticStore(told.settings()).write(documents(1))
    (action,) = told.bulks[0]
    assert action == {
        "_index": "tradebot-fill-all",
        "_id": "d0",
        "version": 1000,
        "version_type": "external_gte",
    }


def test_the_user_and_the_password_of_the_file_are_sent(told: Told, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hush\n")
    settings = told.settings(
        elasticsearch_username="recorder", elasticsearch_password_file=str(tmp_path / "password")
    )
    ElasticStore(settings).write(documents(1))
    assert base64.b64decode(told.authorization.split()[1]) == b"recorder:hush"


def test_a_server_is_trusted_by_the_given_authority_only(told: Told, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    told.server.socket = context.wrap_socket(told.server.socket, server_side=True)
    url = f"https://127.0.0.1:{told.port}"
    trusted = told.settings(elasticsearch=url, elasticsearch_ca_file=str(certificate))
    assert ElasticStore(trusted).write(documents(1)) == []
    with pytest.raises(StoreUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        ElasticStore(told.settings(elasticsearch=url), sleep=lambda _: None).write(documents(1))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"elasticsearch": "127.0.0.1:9200"}, "use a URL such as http://"),
        ({"elasticsearch_username": "u", "elasticsearch_password_file": "/none"}, "password_file"),
        ({"elasticsearch_ca_file": "/none"}, "elasticsearch_ca_file"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_clear_sentence(
    told: Told, more: dict[str, str], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        ElasticStore(told.settings(**more))


def test_months_have_an_index_each_and_the_ledger_one_for_all_time() -> None:
    assert index_name("p", DocType.DECISION, 1_700_000_000_000) == "p-decision-2023.11"
    assert index_name("p", DocType.ORDER, 1_700_000_000_000) == "p-order-all"


def test_what_a_decision_saw_is_kept_but_not_searched() -> None:
    assert mapping(DocType.DECISION)["properties"]["inputs"]["index"] is False
