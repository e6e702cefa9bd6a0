"""`tradebot flatten --direct` sells with the keys alone: no trader, no broker."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from venues.raw_gemini import RawGemini

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings
from tradebot.trader.direct import net_of
from tradebot.trader.lease import FileLease
from tradebot.venue.port import OwnTrade

D = Decimal


@pytest.fixture
def emulator() -> Iterator[EmbeddedEmulator]:
    """One per test: two clients of one key would collide in their nonces."""
    made = EmulatorSettings(port=0, history_days=1, speed=20, rate_limits=False, log_level="error")
    with EmbeddedEmulator(made) as running:
        yield running


@pytest.fixture
def settings(emulator: EmbeddedEmulator, tmp_path: Path) -> dict[str, str]:
    for name, text in (("key", "account-demo"), ("secret", "demo-secret")):
        (tmp_path / name).write_text(text)
    return {
        "TRADEBOT_MODE": "Live",
        "TRADEBOT_EMULATOR_URL": emulator.url,
        "TRADEBOT_SPEED": "20",
        "TRADEBOT_KAFKA": "127.0.0.1:1",
        "TRADEBOT_STATE_DIR": str(tmp_path / "state"),
        "TRADEBOT_API_KEY_FILE": str(tmp_path / "key"),
        "TRADEBOT_API_SECRET_FILE": str(tmp_path / "secret"),
    }


def flatten(settings: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tradebot", "flatten", "btc", "--direct", "--json"]
    environment = {**os.environ, **settings, **more}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment
    )


def base_of(venue: RawGemini, *, after_another_client: bool = False) -> Decimal:
    if after_another_client:
        venue._last = 2**60  # above the nonces of the other client
    balances = venue.post("/v1/balances").json()
    return next((D(item["amount"]) for item in balances if item["currency"] == "BTC"), D(0))


def buy(venue: RawGemini, name: str, amount: str) -> None:
    ask = D(venue.http.get("/v1/pubticker/btcusd").json()["ask"])
    price = str((ask * D("1.01")).quantize(D("0.01")))
    done = venue.order(
        "buy", price, amount, client_order_id=name, options=["immediate-or-cancel"]
    ).json()
    assert D(done["executed_amount"]) == D(amount), done


@pytest.mark.parametrize("holdings", ["Own", "All"])
def test_without_a_broker_what_the_bot_s_own_orders_bought_is_sold(
    venue: RawGemini, settings: dict[str, str], holdings: str
) -> None:
    others = base_of(venue)
    buy(venue, "somebody", "0.3")
    buy(venue, f"tb-btc-1-{1 if holdings == 'Own' else 2}", "0.2")
    done = flatten(settings, TRADEBOT_JOURNAL="kafka", TRADEBOT_HOLDINGS=holdings)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["told"]
    assert "holds nothing" in told and "is not paused and may buy again" in told
    assert "the journal cannot be used" in done.stderr
    left = others + D("0.3") if holdings == "Own" else D(0)
    assert abs(base_of(venue, after_another_client=True) - left) < D("0.00001")


def test_with_its_journal_the_sale_is_in_it_and_the_bot_stays_paused(
    venue: RawGemini, settings: dict[str, str], tmp_path: Path
) -> None:
    buy(venue, "somebody", "0.1")
    done = flatten(settings, TRADEBOT_HOLDINGS="All")
    assert done.returncode == 0, done.stderr
    assert base_of(venue, after_another_client=True) < D("0.00001")
    journal = (tmp_path / "state" / "btc" / "journal.sqlite").read_bytes()
    assert b"Paused" in journal and b"tb-btc-1-1" in journal


async def test_while_a_trader_holds_the_lease_nothing_is_sold(
    venue: RawGemini, settings: dict[str, str], tmp_path: Path
) -> None:
    lease = FileLease(tmp_path / "state" / "btc")
    await lease.acquire()
    before = base_of(venue)
    done = flatten(settings)
    await lease.release()
    assert done.returncode == 2
    assert "another trader is running for this bot" in done.stderr
    assert base_of(venue) == before


def test_a_bot_on_paper_has_nothing_that_keys_could_sell(settings: dict[str, str]) -> None:
    done = flatten(settings, TRADEBOT_MODE="Paper")
    assert done.returncode == 2
    assert "is on paper and has nothing at the venue" in done.stderr


def traded(side: str, amount: str, name: str, **changes: object) -> OwnTrade:
    return OwnTrade(
        tid=int(D(amount) * 100), order_id="1", ts=1, side=side, price=D(1), amount=D(amount),  # type: ignore[arg-type]
        taker=True, fee=D(0), fee_currency="USD", client_order_id=name, **changes,  # type: ignore[arg-type]
    )  # fmt: skip


def test_the_bot_s_own_position_is_its_buys_less_its_sells_and_nobody_else_s() -> None:
    trades = [
        traded("sell", "1", "tb-btc-1-1"),  # of a buy before the first known trade
        traded("buy", "2", "tb-btc-1-2"),
        traded("buy", "3", "tb-eth-1-1"),
        traded("buy", "4", ""),
        traded("buy", "5", "tb-btc-1-3", broken=True),
        traded("sell", "0.5", "tb-btc-1-4"),
    ]
    assert net_of("btc", trades) == D(2), "0.5 was sold first"
