"""The currency page of the venue's web site, from which clients read the symbols' steps."""

import msgspec

from tradebot.emulator.instruments import ExchangeInstrument

_PLACES = {"USD": 2}


def page(instruments: list[ExchangeInstrument]) -> str:
    """Returns the page, with a script element that contains pairs and currencies as JSON."""
    pairs = [
        [each.symbol, each.price_places, each.amount_places, each.minimum, 10, True]
        for each in instruments
    ]
    names = sorted({name for each in instruments for name in (each.base, each.quote)})
    currencies = [
        [name, name, 1, _PLACES.get(name, 8), 0, 8, 8, False, None, name.lower()] for name in names
    ]
    data = msgspec.json.encode({"tradingPairs": pairs, "currencies": currencies}).decode()
    return (
        "<!doctype html><html lang=en><title>Exchange emulator</title>"
        "<p>An emulated exchange; its control interface is under <a href=/emulator>/emulator</a>."
        f'<script type="application/json" id="currencyData">{data}</script></html>'
    )
