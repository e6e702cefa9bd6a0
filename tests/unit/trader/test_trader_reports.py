"""What a trader writes to the status of its TradeBot."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tradebot.platform import cluster as cluster_api
from tradebot.trader.cluster.status import StatusReporter
from tradebot.trader.control.report import Condition


class Server:
    """An API server with one TradeBot, whose status can be patched."""

    def __init__(self) -> None:
        self.status: dict[str, Any] = {}
        self.writes = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            self.status = json.loads(request.content)["status"]
            self.writes += 1
        return httpx.Response(200, json={"status": self.status})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()

    def client(**_options: Any) -> httpx.AsyncClient:
        return real(base_url="https://server", transport=httpx.MockTransport(made))

    real = httpx.AsyncClient
    monkeypatch.setattr(cluster_api.httpx, "AsyncClient", client)
    monkeypatch.setattr(cluster_api.ssl, "create_default_context", lambda **_: None)
    return made


def reporter(folder: Path, pod: str) -> StatusReporter:
    (folder / "token").write_text("t")
    api = cluster_api.ClusterApi(folder=folder, server="https://server")
    return StatusReporter(api, namespace="bots", bot="btc", active=pod)


CONDITIONS = [Condition(type="Reconciled", status=True, reason="Reconciled", message="agreed")]


async def test_the_active_trader_is_named_once_and_by_who_takes_over(
    server: Server, tmp_path: Path
) -> None:
    first, second = reporter(tmp_path, "trader-btc-1"), reporter(tmp_path, "trader-btc-2")
    for _ in range(3):
        await first.report(CONDITIONS)
    assert server.status["activeTrader"] == "trader-btc-1" and server.writes == 1
    for _ in range(3):
        await second.report(CONDITIONS)
    assert server.status["activeTrader"] == "trader-btc-2" and server.writes == 2
    await first.close()
    await second.close()
