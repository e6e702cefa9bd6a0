"""Downloading history: allowed redirects, size limits, and what messages reveal."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tradebot.history import download
from tradebot.platform.settings import SettingsError

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server whose paths respond as a test says."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        answers = self.answers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers[self.path.split("?")[0]](self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def body(data: bytes, status: int = 200) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def redirect(to: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("location", to)
        handler.end_headers()

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def test_a_redirect_between_equals_is_followed(server: Server, tmp_path: Path) -> None:
    server.answers |= {"/a.csv": redirect("/b.csv"), "/b.csv": body(b"prices")}
    path = download.download(f"{server.address}/a.csv?signature=x", tmp_path)
    assert (path.name, path.read_bytes()) == ("a.csv", b"prices")


@pytest.mark.parametrize(
    ("public", "url", "following", "says"),
    [
        (True, "https://host/a", "http://host/a", "redirects away from HTTPS"),
        (False, "http://host/a", "file:///etc/passwd", "redirects away from HTTPS"),
        (True, "https://host/a", "https://127.0.0.1/a", "leads to a private address"),
        (True, "https://host/a", "https://169.254.169.254/keys", "leads to a private address"),
        (True, "http://host/a", "http://[::1]/a", "leads to a private address"),
        (True, "http://host/a", "http://10.0.0.1/a", "leads to a private address"),
    ],
)
def test_a_redirect_may_not_lead_where_the_address_did_not(
    public: bool, url: str, following: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        download._permit(url, following, "https://host/a", public=public)


def test_redirects_in_a_circle_end(server: Server, tmp_path: Path) -> None:
    server.answers["/a.csv"] = redirect("/a.csv")
    with pytest.raises(SettingsError, match="redirects more than 5 times"):
        download.download(f"{server.address}/a.csv", tmp_path)


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(
    server: Server, tmp_path: Path
) -> None:
    server.answers["/a.csv"] = body(b"x" * 5000)
    with pytest.raises(SettingsError, match="has more than 4,999 bytes"):
        download.download(f"{server.address}/a.csv", tmp_path, largest=4999)
    assert list(tmp_path.iterdir()) == []


def test_a_message_repeats_neither_a_signature_nor_the_answer(
    server: Server, tmp_path: Path
) -> None:
    server.answers["/a.csv"] = body(b"internal secret", status=403)
    with pytest.raises(SettingsError, match="cannot be downloaded: HTTP 403") as raised:
        download.download(f"{server.address}/a.csv?X-Amz-Signature=abc", tmp_path)
    assert "abc" not in str(raised.value)
    assert "secret" not in str(raised.value)
