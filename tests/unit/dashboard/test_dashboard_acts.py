"""What the page orders, of whom, and on whose word; and what it shows of the past."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from line.day import TradingDay

from tradebot.dashboard.access.sessions import Sessions
from tradebot.dashboard.access.users import Role
from tradebot.dashboard.access.visitors import Visitors
from tradebot.dashboard.board import Board
from tradebot.dashboard.fleet.cluster import Cluster
from tradebot.dashboard.fleet.fleet import Fleet, NoFleet, OrderError
from tradebot.dashboard.fleet.row import Row, of_resource
from tradebot.dashboard.history import forecast_error, history, measured
from tradebot.dashboard.server import application
from tradebot.dashboard.settings import DashboardSettings
from tradebot.dashboard.streaming import Streams
from tradebot.platform import cluster as platform_cluster
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.recorder.reading import stored


class Ordered:
    """A fleet with one bot, which notes what it is ordered."""

    place = "cluster"

    def __init__(self, refusal: str = "") -> None:
        self.orders: list[tuple[str, str, str, str]] = []
        self._refusal = refusal

    @property
    def rows(self) -> dict[str, Row]:
        row = Row(bot="btc", symbol="BTCUSD", mode="Live", state="trading", reason="trading")
        return {"btc": row}

    async def watch(self) -> None:
        pass

    async def order(self, bot: str, act: str, *, because: str, by: str) -> str:
        if self._refusal:
            raise OrderError(self._refusal)
        self.orders.append((bot, act, because, by))
        return "done"

    async def close(self) -> None:
        pass


def page(fleet: Fleet, role: Role = "operator", **options: Any) -> httpx.AsyncClient:
    settings = DashboardSettings()
    visitors = Visitors(settings, {}, Sessions(), open_role=role)
    board = Board("BTCUSD", "Emulator", 1.0)
    app = application(board, fleet=fleet, visitors=visitors, **options)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8080"
    )


async def send(client: httpx.AsyncClient, act: str, body: object, **headers: str) -> httpx.Response:
    token = {"X-CSRF-Token": (await client.get("/api/me")).json()["csrf"]}
    return await client.post(f"/api/bots/btc/{act}", json=body, headers=token | headers)


@pytest.mark.parametrize("act", ["pause", "resume"])
async def test_an_act_goes_to_its_bot_with_its_reason_and_user(act: str) -> None:
    fleet = Ordered()
    async with page(fleet) as client:
        user = (await client.get("/api/me")).json()["user"]
        assert (await send(client, act, {"because": " lunch "})).json() == {"told": "done"}
    assert fleet.orders == [("btc", act, "lunch", user)]


async def test_a_flatten_needs_the_bots_name() -> None:
    fleet = Ordered()
    async with page(fleet) as client:
        for name in ("", "eth", "BTC"):
            refused = await send(client, "flatten", {"because": "out", "name": name})
            assert refused.status_code == 400 and "type its name" in refused.json()["error"]
        assert fleet.orders == []
        assert (await send(client, "flatten", {"because": "out", "name": "btc"})).is_success
    assert [order[1] for order in fleet.orders] == ["flatten"]


@pytest.mark.parametrize("because", ["", "   ", "x" * 501])
async def test_a_reason_is_required_and_short(because: str) -> None:
    fleet = Ordered()
    async with page(fleet) as client:
        assert (await send(client, "pause", {"because": because})).status_code == 400
    assert fleet.orders == []


@pytest.mark.parametrize(
    "body", [[], {}, {"because": 1}, {"because": "a", "more": 1}, "x" * 20_000]
)
async def test_anything_else_is_refused(body: object) -> None:
    fleet = Ordered()
    async with page(fleet) as client:
        assert (await send(client, "pause", body)).status_code == 400
        assert (await send(client, "sell", {"because": "now"})).status_code == 400
    assert fleet.orders == []


async def test_a_viewer_looks_and_does_not_act() -> None:
    fleet = Ordered()
    async with page(fleet, "viewer") as client:
        refused = await send(client, "pause", {"because": "lunch"})
    assert refused.status_code == 403 and "operator" in refused.json()["error"]
    assert fleet.orders == []


@pytest.mark.parametrize(
    "headers",
    [{"X-CSRF-Token": ""}, {"X-CSRF-Token": "0" * 64}, {"Origin": "https://evil.example"}],
    ids=["no token", "wrong token", "another origin"],
)
async def test_another_site_cannot_act_with_the_visitors_browser(headers: dict[str, str]) -> None:
    fleet = Ordered()
    async with page(fleet) as client:
        assert (await send(client, "pause", {"because": "x"}, **headers)).status_code == 403
    assert fleet.orders == []


async def test_a_refusal_of_the_trader_is_shown_in_its_words() -> None:
    async with page(Ordered("the lease is lost")) as client:
        answer = await send(client, "pause", {"because": "lunch"})
    assert answer.status_code == 409 and answer.json() == {"error": "the lease is lost"}


class Server:
    """An API server that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return httpx.Response(200, json={})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Cluster, Server]:
    server, real = Server(), httpx.AsyncClient
    client: Callable[..., httpx.AsyncClient] = lambda **_: real(  # noqa: E731
        base_url="https://server", transport=httpx.MockTransport(server)
    )
    monkeypatch.setattr(platform_cluster.httpx, "AsyncClient", client)
    monkeypatch.setattr(platform_cluster.ssl, "create_default_context", lambda **_: None)
    (tmp_path / "token").write_text("t")
    api = platform_cluster.ClusterApi(folder=tmp_path, server="https://server")
    return Cluster(api, namespace="bots", environment="Emulator"), server


def resource(name: str, **parts: Any) -> dict[str, Any]:
    spec = {"symbol": "BTCUSD", "venue": {"environment": "Emulator"}} | parts.get("spec", {})
    return {"metadata": {"name": name}, "spec": spec, "status": parts.get("status", {})}


async def test_in_a_cluster_an_order_is_a_patch_of_the_bots_own_tradebot(
    cluster: tuple[Cluster, Server],
) -> None:
    fleet, server = cluster
    fleet._rows = {"btc": of_resource(resource("btc"))}
    await fleet.order("btc", "pause", because="lunch", by="ann")
    (asked,) = server.asked
    assert asked.method == "PATCH"
    assert asked.url.path == "/apis/tradebot.dev/v1alpha1/namespaces/bots/tradebots/btc"
    body = json.loads(asked.content)
    assert list(body) == ["spec"] and list(body["spec"]) == ["control"]
    control = body["spec"]["control"]
    assert (control["state"], control["because"], control["by"]) == ("Paused", "lunch", "ann")


async def test_a_bot_that_is_not_listed_is_not_ordered(cluster: tuple[Cluster, Server]) -> None:
    fleet, server = cluster
    for name in ("eth", "../../secrets/x"):
        with pytest.raises(OrderError, match="there is no bot"):
            await fleet.order(name, "pause", because="lunch", by="ann")
    assert server.asked == []


def condition(kind: str, status: str, reason: str = "X", message: str = "m") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("conditions", "state"),
    [
        ([condition("Ready", "True")], "trading"),
        ([condition("Ready", "False")], "unready"),
        ([condition("Ready", "False"), condition("Halted", "True", "LimitReached")], "halted"),
        ([condition("Ready", "True"), condition("Halted", "True", "Paused")], "paused"),
        ([], "unready"),
    ],
)
def test_a_bots_state_is_read_from_its_conditions(
    conditions: list[dict[str, str]], state: str
) -> None:
    assert of_resource(resource("btc", status={"conditions": conditions})).state == state


def test_an_order_is_pending_until_its_trader_reports_it() -> None:
    control = {"state": "Paused", "because": "lunch", "at": "2026-01-01T00:00:00Z"}
    assert of_resource(resource("btc", spec={"control": control})).pending
    status = {"control": control}
    assert not of_resource(resource("btc", spec={"control": control}, status=status)).pending


def test_a_bot_with_documents_and_no_trader_is_listed_as_such() -> None:
    board = Board("BTCUSD", "Emulator", 1.0)
    for _, _, documents in TradingDay().minutes(3):
        for document in documents:
            board.document(document)
    (row,) = Streams(board, NoFleet(), lambda: False).rows()
    assert (row.bot, row.state) == ("btc", "stopped")


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made = SqliteStore(tmp_path / "documents.sqlite")
    made.set_up(0)
    day = TradingDay()
    documents = [d for _, _, documents in day.minutes(240) for d in documents]
    made.write([stored(d) for d in [*documents, day.halt()]])
    return made


def test_history_reaches_as_far_as_is_asked(store: SqliteStore) -> None:
    found = history(store, "btc", 0)
    assert found["trips"] == len(found["scores"]) > 0
    assert {each["side"] for each in found["orders"]} == {"buy", "sell"}
    assert [each["state"] for each in found["halts"]] == ["halted"]
    assert history(store, "eth", 0)["orders"] == []
    assert history(store, "btc", 1)["trips"] == found["trips"], "it counts from the newest decision"


def test_the_forecasts_error_is_compared_with_no_forecast(store: SqliteStore) -> None:
    error = measured(store, "btc")
    assert error is not None and error.minutes > 100 and error.naive_bps > 0


def test_forecasts_are_compared_over_consecutive_minutes_alone() -> None:
    rows = [
        {"window_end": minute * 60_000, "mid": mid, "delta": delta}
        for minute, mid, delta in [(0, 100, 0.01), (1, 101, -0.02), (5, 90, 0.5), (6, None, 0.1)]
    ]
    error = forecast_error(rows)
    assert error is not None and (error.minutes, error.hits) == (1, 1.0)
    assert error.mean_bps < error.naive_bps
    assert forecast_error([]) is None


async def test_the_page_asks_the_store_for_a_bots_past(store: SqliteStore, tmp_path: Path) -> None:
    opened = lambda: SqliteStore(tmp_path / "documents.sqlite")  # noqa: E731
    async with page(Ordered(), store=opened) as client:
        assert (await client.get("/api/bots/btc/history?days=7")).json()["trips"] > 0
        assert (await client.get("/api/bots/btc/history?days=x")).status_code == 400
        assert (await client.get("/api/bots/btc/forecast-error")).json()["minutes"] > 100
        assert (await client.get("/api/explain/nothing")).status_code == 404
