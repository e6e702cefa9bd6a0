"""The trader reads a symbol's instrument again after ten seconds, or after a refusal."""

from venues.faulty import BTCUSD

from tradebot.domain.instrument import Instrument
from tradebot.trader.inputs.market import MarketClient
from tradebot.venue.gemini.fees import FEES


class Data:
    """Market data that counts its calls."""

    asked = 0

    async def instrument(self, _symbol: str) -> Instrument:
        self.asked += 1
        return BTCUSD


class Desk:
    def __init__(self) -> None:
        self.now = 0.0
        self.data = Data()
        self.market = MarketClient(
            self.data,  # type: ignore[arg-type]
            "BTCUSD",
            FEES.first,
            clock=lambda: self.now,
        )


async def test_an_instrument_is_remembered_for_ten_seconds() -> None:
    desk = Desk()
    await desk.market.refresh()
    desk.now = 9.9
    await desk.market.refresh()
    assert desk.data.asked == 1
    desk.now = 10.1
    await desk.market.refresh()
    assert desk.data.asked == 2


async def test_an_instrument_is_requested_again_after_a_refused_order() -> None:
    desk = Desk()
    await desk.market.refresh()
    desk.market.forget()
    await desk.market.refresh()
    assert desk.data.asked == 2
