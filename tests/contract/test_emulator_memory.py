"""With a state folder, a restarted emulator is the same exchange to its accounts."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from venues.raw_gemini import RawGemini
from waiting.conditions import until

from tradebot.emulator.clock import ExchangeClock
from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.server import open_exchange
from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.settings import SettingsError
from tradebot.venue.gemini.answers import NewOrder
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials


@contextmanager
def exchange(folder: Path | None, **settings: Any) -> Iterator[RawGemini]:
    told = {"port": 0, "history_days": 1, "rate_limits": False} | settings
    place = str(folder) if folder else ""
    with (
        EmbeddedEmulator(EmulatorSettings(state_dir=place, **told)) as running,
        RawGemini(running, "account-demo", "demo-secret") as client,
    ):
        yield client


def told(client: RawGemini) -> dict[str, Any]:
    """Returns everything that the account can read of itself."""
    paths = ("/v1/balances", "/v1/orders", "/v1/mytrades", "/v1/orders/history")
    return {path: client.post(path).json() for path in paths}


def trade(client: RawGemini) -> None:
    """Places a filled buy, a resting one, one that waits for its stop, and a cancelled one."""
    client.order("buy", "13000", "0.5", client_order_id="filled", options=["immediate-or-cancel"])
    client.order("buy", "5000", "1", client_order_id="rests")
    client.order("sell", "5000", "1", type="exchange stop limit", stop_price="5100")
    cancelled = client.order("buy", "4000", "1").json()["order_id"]
    client.post("/v1/order/cancel", order_id=int(cancelled))


def test_balances_orders_and_fills_are_the_same_after_a_restart(tmp_path: Path) -> None:
    with exchange(tmp_path) as client:
        trade(client)
        before = told(client)
    assert [o["client_order_id"] for o in before["/v1/mytrades"]][-1] == "filled"
    assert len(before["/v1/orders"]) == 2
    with exchange(tmp_path, seed=9) as client:
        assert told(client) == before


def test_without_a_folder_it_starts_empty(tmp_path: Path) -> None:
    with exchange(None) as client:
        trade(client)
        before = told(client)
    with exchange(None) as client:
        assert told(client) != before


def test_an_order_that_rested_is_filled_or_cancelled_after_the_restart_as_any(
    tmp_path: Path,
) -> None:
    with exchange(tmp_path) as client:
        trade(client)
        order = next(o for o in client.post("/v1/orders").json() if "client_order_id" in o)
    with exchange(tmp_path) as client:
        answer = client.post("/v1/order/cancel", order_id=int(order["order_id"])).json()
        assert answer["is_cancelled"]
        ids = {int(o["order_id"]) for o in client.post("/v1/orders/history").json()}
        assert int(client.order("buy", "5000", "1").json()["order_id"]) > max(ids)
    with exchange(tmp_path, price=4500.0) as client:
        assert not [o for o in client.post("/v1/orders").json() if o["side"] == "buy"]
        assert Decimal(client.post("/v1/mytrades").json()[0]["price"]) < 5000


def test_an_account_that_was_added_while_it_ran_stays_with_its_key(tmp_path: Path) -> None:
    key = {"key": "account-mine", "secret": "s"}
    spec = {"name": "mine", "balances": {"USD": "7"}, "keys": [key]}
    with exchange(tmp_path) as client:
        client.http.post("/emulator/accounts", json=spec).raise_for_status()
    with exchange(tmp_path) as client:
        names = {account["name"]: account["keys"] for account in client.get("/emulator/accounts")}
        assert names["mine"] == ["account-mine"]


def test_a_counted_nonce_stays_counted(tmp_path: Path) -> None:
    with exchange(tmp_path) as client:
        client.order("buy", "5000", "1")
    kept = msgspec.json.decode((tmp_path / "emulator.json").read_bytes())
    (key,) = [key for key in kept["keys"] if key["name"] == "account-demo"]
    assert Decimal(key["last_nonce"]) > 0
    assert (tmp_path / "emulator.json").stat().st_mode & 0o077 == 0


def test_exchange_time_does_not_go_back(tmp_path: Path) -> None:
    def hurry(clock: ExchangeClock) -> None:
        clock.start += 600_000

    with exchange(tmp_path) as client:
        begun = client.get("/emulator/clock")["now"]
        client.emulator.call(lambda: hurry(client.emulator.exchange.clock))
        client.order("buy", "5000", "1")
        placed = client.post("/v1/orders").json()[0]["timestampms"]
    assert placed >= begun + 600_000
    with exchange(tmp_path) as client:
        assert client.get("/emulator/clock")["now"] > placed - 60_000


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "emulator.json").write_text("{")
    with pytest.raises(SettingsError, match=r"emulator\.json cannot be read .* delete it"):
        open_exchange(EmulatorSettings(history_days=1, state_dir=str(tmp_path)))


def test_orders_of_a_symbol_that_is_not_traded_any_more_are_named(tmp_path: Path) -> None:
    with exchange(tmp_path, symbol=["BTCUSD", "ETHUSD"]) as client:
        client.order("buy", "100", "1", symbol="ethusd")
    with pytest.raises(SettingsError, match="orders of ETHUSD: add it to --symbol"):
        open_exchange(EmulatorSettings(history_days=1, state_dir=str(tmp_path)))


async def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    names = [f"o-{number}" for number in range(5)]
    process = started(port, tmp_path)
    try:
        async with GeminiRest(url, Credentials("account-demo", "demo-secret")) as client:
            for name in names:
                await client.new_order(
                    NewOrder(
                        symbol="BTCUSD",
                        side="buy",
                        amount=Decimal("0.1"),
                        price=Decimal("5000.00"),
                        client_order_id=name,
                    )
                )
            process.send_signal(signal.SIGKILL)
            process.wait()
            process = started(port, tmp_path)
            assert {o.client_order_id for o in await client.active_orders()} == set(names)
    finally:
        process.kill()
        process.wait()


def started(port: int, folder: Path) -> subprocess.Popen[bytes]:
    arguments = ("--port", str(port), "--history-days", "1", "--state-dir", str(folder))
    command = [sys.executable, "-m", "tradebot", "emulator", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=dict(os.environ))

    def serves() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"http://127.0.0.1:{port}/v1/symbols").is_success
        except httpx.TransportError:
            return False

    until(serves)
    return process
