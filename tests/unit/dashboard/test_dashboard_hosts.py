"""The dashboard answers to its own names only: no other page reads it by DNS rebinding."""

import httpx
import pytest

from tradebot.dashboard.board import Board
from tradebot.dashboard.hosts import allowed
from tradebot.dashboard.server import application

OWN = [
    "127.0.0.1:8080",
    "[::1]:8080",
    "192.168.1.7",
    "localhost:8080",
    "LOCALHOST",
    "tradebot-dashboard:8080",
    "dash.bots.svc",
    "dash.bots.svc.cluster.local:80",
    "bots.example.com:443",
]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "a.b.svc.evil.example",
    "example.com",
    "",
    ":8080",
    "[]",
]


@pytest.mark.parametrize("header", OWN)
def test_its_own_names_are_allowed(header: str) -> None:
    assert allowed(header, ["bots.example.com"])


@pytest.mark.parametrize("header", FOREIGN)
def test_names_that_others_can_register_are_not(header: str) -> None:
    assert not allowed(header, ["bots.example.com"])


async def asked(path: str, host: str) -> httpx.Response:
    server = httpx.ASGITransport(app=application(Board("BTCUSD", "Emulator", 1.0)))
    async with httpx.AsyncClient(transport=server, base_url="http://127.0.0.1") as client:
        return await client.get(path, headers={"Host": host})


@pytest.mark.parametrize("path", ["/", "/events?bot=btc", "/static/dashboard.js"])
async def test_a_request_for_another_server_is_refused_before_anything_is_read(path: str) -> None:
    answer = await asked(path, "evil.example")
    assert answer.status_code == 421
    assert "--allowed-hosts" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_request_for_this_server_is_answered() -> None:
    assert (await asked("/", "127.0.0.1:8080")).status_code == 200
