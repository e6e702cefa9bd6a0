"""A market of the emulator closes, as the client sees it; and the symbols that it can trade."""

from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
import pytest
from venues.emulated import Time, emulator

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.settings import SettingsError
from tradebot.venue.errors import RejectedError
from tradebot.venue.gemini.answers import NewOrder, OrderOption
from tradebot.venue.gemini.instruments import instrument_of
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials

TAKER: OrderOption = "immediate-or-cancel"
MAKER: OrderOption = "maker-or-cancel"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with emulator(Time()) as address:
        yield address


async def close(url: str, status: str) -> httpx.Response:
    async with httpx.AsyncClient() as control:
        return await control.post(f"{url}/emulator/markets/btcusd", json={"status": status})


def order(option: OrderOption) -> NewOrder:
    return NewOrder(
        symbol="BTCUSD", side="buy", amount=Decimal("0.01"), price=Decimal(100),
        client_order_id=f"o-{option}", option=option,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "taken"),
    [
        ("open", {TAKER, MAKER}),
        ("limit_only", {TAKER, MAKER}),
        ("post_only", {MAKER}),
        ("cancel_only", set()),
        ("closed", set()),
    ],
)
async def test_a_market_takes_the_orders_that_its_status_allows(
    url: str, status: str, taken: set[OrderOption]
) -> None:
    await close(url, status)
    found: set[OrderOption] = set()
    async with GeminiRest(url, Credentials("account-demo", "demo-secret")) as rest:
        assert instrument_of(await rest.symbol_details("BTCUSD")).status == status
        for option in (TAKER, MAKER):
            try:
                await rest.new_order(order(option))
                found.add(option)
            except RejectedError as error:
                assert error.reason == "MarketNotOpen"
    assert found == taken


async def test_an_unknown_status_is_refused_with_the_known_ones(url: str) -> None:
    response = await close(url, "asleep")
    assert response.status_code == 400
    assert "asleep" in response.text


@pytest.fixture(scope="module")
def many() -> EmbeddedEmulator:
    symbols = ["BTCUSDT", "ETHUSDC", "BTCGUSD", "PAXGUSD", "USDTUSD"]
    settings = EmulatorSettings(port=0, history_days=1, symbol=symbols, log_level="error")
    with EmbeddedEmulator(settings) as running:
        yield running


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("btcusdt", "BTC", "USDT"),
        ("ethusdc", "ETH", "USDC"),
        ("btcgusd", "BTC", "GUSD"),
        ("paxgusd", "PAXG", "USD"),
        ("usdtusd", "USDT", "USD"),
    ],
)
def test_a_symbol_is_a_market_of_its_two_currencies(
    many: EmbeddedEmulator, symbol: str, base: str, quote: str
) -> None:
    details = httpx.get(f"{many.url}/v1/symbols/details/{symbol}").json()
    assert (details["base_currency"], details["quote_currency"]) == (base, quote)


@pytest.mark.parametrize("price", [0.00001, 3e-8])
def test_a_cheap_symbol_has_prices_to_four_digits(price: float) -> None:
    settings = EmulatorSettings(
        port=0, history_days=1, symbol=["SHIBUSD"], price=price, log_level="error"
    )
    with EmbeddedEmulator(settings) as running:
        ticker = httpx.get(f"{running.url}/v1/pubticker/shibusd").json()
    bid, ask = Decimal(ticker["bid"]), Decimal(ticker["ask"])
    assert 0 < bid < ask < bid * Decimal("1.01")


def test_a_price_that_nothing_trades_at_is_refused_in_a_sentence() -> None:
    settings = EmulatorSettings(port=0, symbol=["SHIBUSD"], price=1e-20)
    with (
        pytest.raises(SettingsError, match="the price of SHIBUSD is 1e-20: use 1e-12 or more"),
        EmbeddedEmulator(settings),
    ):
        pass
