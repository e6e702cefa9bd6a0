"""Under faults of the venue, what the client calls certain is true.

An order reported as never sent or rejected must not be at the venue; one with a response must be
there; only an ambiguous one may be either.
"""

from collections import Counter
from decimal import Decimal

import httpx
from venues.emulated import Time, emulator

from tradebot.venue.errors import VenueError
from tradebot.venue.gemini.answers import NewOrder
from tradebot.venue.gemini.rate_limit import RateLimit
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials

KEY = Credentials("account-demo", "demo-secret")
ORDERS = 160
FAULTS = [
    {"kind": "drop", "where": "rest", "probability": 0.04, "part": "request"},
    {"kind": "drop", "where": "rest", "probability": 0.04, "part": "answer"},
    {"kind": "truncate", "where": "rest", "probability": 0.04},
    {"kind": "trickle", "where": "rest", "probability": 0.02, "seconds": 5.0},
    {"kind": "delay", "where": "rest", "probability": 0.02, "seconds": 3.0},
    {"kind": "duplicate", "where": "rest", "probability": 0.03},
    {"kind": "error", "where": "rest", "probability": 0.03},
    {"kind": "error", "where": "rest", "probability": 0.03, "processed": True},
    {
        "kind": "error",
        "where": "rest",
        "probability": 0.03,
        "status": 502,
        "body": "<html>Bad Gateway</html>",
        "processed": True,
    },
    {"kind": "nonce-collision", "after": 0.5, "every": 0.7},
    {"kind": "rate-limit", "after": 1.0, "seconds": 0.1},
    {"kind": "maintenance", "after": 2.0, "seconds": 0.1},
]


def order(number: int, price: Decimal) -> NewOrder:
    """An order far below the market, so that it rests; a tenth of them are too small."""
    amount = Decimal("0.001") if number % 10 else Decimal("0.0000001")
    return NewOrder(
        symbol="BTCUSD",
        side="buy",
        amount=amount,
        price=price,
        client_order_id=f"c-{number}",
    )


async def test_only_an_ambiguous_order_may_be_at_the_venue_or_not() -> None:
    unlimited = RateLimit(10**6, burst=10**5, concurrent=1)
    async with (
        emulator(Time()) as url,
        httpx.AsyncClient() as control,
        GeminiRest(url, KEY, timeout=1.5, private=unlimited) as rest,
    ):
        price = ((await rest.ticker("BTCUSD")).bid / 2).quantize(Decimal("0.01"))
        armed = await control.post(f"{url}/emulator/faults", json=FAULTS)
        assert armed.status_code == 200, armed.text
        ends: dict[str, str] = {}
        for number in range(ORDERS):
            wanted = order(number, price)
            try:
                placed = await rest.new_order(wanted)
                assert placed.client_order_id == wanted.client_order_id
                ends[wanted.client_order_id] = "answered"
            except VenueError as error:
                ends[wanted.client_order_id] = type(error).__name__
        await control.delete(f"{url}/emulator/faults")
        live = [each.client_order_id for each in await rest.active_orders()]
    there = set(live)
    counts = Counter(ends.values())
    assert counts.keys() - {"TransportError"} == {"answered", "AmbiguousError", "RejectedError"}
    certain = {name for name, end in ends.items() if end in ("RejectedError", "TransportError")}
    answered = {name for name, end in ends.items() if end == "answered"}
    assert len(there) == len(live), "an order was placed twice"
    assert not certain & there
    assert answered <= there
    unknown = ends.keys() - certain - answered
    assert unknown & there and unknown - there
