"""Kibana's queries over documents that no short demo makes: of two bots, and of more than a day.

All other panels are tested with a real demo, in `tests/pipeline/test_kibana_demo.py`.
"""

import json
import math
import uuid
from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch
from line.day import MINUTE, START, TradingDay
from observing.kibana_questions import SHIFTS, Layer, Pages, rows

from tradebot.platform.elastic_store import ElasticStore
from tradebot.platform.store import StoredDocument, StoreSettings
from tradebot.recorder.reading import forecast_of, stored
from tradebot.records import DocType, Document, encode

pytestmark = pytest.mark.elasticsearch

DAY = 1440
MINUTES = {"btc": DAY + 10, "eth": 10}
PREFIX = f"k{uuid.uuid4().hex[:8]}"
PAGES = Pages(PREFIX)
SAID = [
    ("One minute", "1m", "price_next"),
    ("One hour", "1h", "price_1h"),
    ("One day", "1d", "price_24h"),
]


def a_day_of_two_bots() -> list[Document]:
    """Returns each minute's decision and forecast, while the price goes up and down."""
    made: list[Document] = []
    for bot, symbol, price in (("btc", "BTCUSD", 38_000.0), ("eth", "ETHUSD", 2_000.0)):
        day = TradingDay(bot=bot, symbol=symbol, price=price, seed=len(made), steps=DAY)
        for minute in range(MINUTES[bot]):
            day.price = price * (1 + 0.01 * math.sin(minute / 50))
            _, forecast, left = day.close_minute()
            made += [forecast_of(encode(forecast)), *left]
    return made


DOCUMENTS = a_day_of_two_bots()


@pytest.fixture(scope="module")
def server(elasticsearch_address: str) -> Iterator[Elasticsearch]:
    address = elasticsearch_address
    url = address if "://" in address else f"http://{address}"
    store = ElasticStore(StoreSettings(elasticsearch=url, index_prefix=PREFIX))
    store.set_up(replicas=0)
    assert store.write([in_store(document) for document in DOCUMENTS]) == []
    server = Elasticsearch(url)
    server.indices.refresh(index=f"{PREFIX}-*")
    yield server
    for name in list(server.indices.get(index=f"{PREFIX}-*").body):
        server.indices.delete(index=name)
    server.indices.delete_index_template(name=f"{PREFIX}-*")


def in_store(document: Document) -> StoredDocument:
    return stored(document, "Emulator")


def errors() -> Layer:
    (picture,) = (p for p in PAGES.pictures() if p.title == "Error by horizon")
    (layer,) = picture.layers
    return Layer(layer.columns, layer.index, where="symbol: BTCUSD")


@pytest.mark.parametrize(("label", "shift", "field"), SAID)
def test_an_error_is_the_distance_of_a_minute_s_price_from_its_earlier_forecast(
    server: Elasticsearch, label: str, shift: str, field: str
) -> None:
    layer = errors()
    (name,) = (n for n, c in layer.columns.items() if c["label"] == label)
    (time,) = (n for n, c in layer.columns.items() if c["isBucketed"])
    shown = {row[time]: row[name] for row in rows(server, layer) if row[name] is not None}
    of_btc = [d for d in DOCUMENTS if d.symbol == "BTCUSD"]
    real = {d.ts: d.body["last"] for d in of_btc if d.doc_type == DocType.TICKER}
    said = {d.ts + SHIFTS[shift]: d.body[field] for d in of_btc if d.doc_type == DocType.FORECAST}
    expected = {ts: abs(real[ts] - said[ts]) for ts in real.keys() & said.keys()}
    assert len(expected) == MINUTES["btc"] - SHIFTS[shift] // MINUTE > 0
    assert min(real) == START + MINUTE
    assert shown == pytest.approx(expected)


def test_bots_symbols_and_environments_can_be_chosen_from_lists(server: Elasticsearch) -> None:
    dashboard = PAGES.objects["dashboard", "tradebot-trading"]
    views = {r["name"]: r["id"] for r in dashboard["references"]}
    controls = json.loads(dashboard["attributes"]["controlGroupInput"]["panelsJSON"])
    listed = {}
    for name in controls:
        view = views[f"controlGroup_{name}:optionsListDataView"]
        ask = {"list": {"terms": {"field": name}}}
        answer = server.search(index=PAGES.index(view), size=0, aggs=ask)
        listed[name] = {b["key"] for b in answer["aggregations"]["list"]["buckets"] if b["key"]}
    assert listed == {
        "bot": {"btc", "eth"},
        "symbol": {"BTCUSD", "ETHUSD"},
        "environment": {"Emulator"},
    }


def test_a_line_by_bot_is_each_bot_s_own(server: Elasticsearch) -> None:
    (picture,) = (p for p in PAGES.pictures() if (p.title, p.kind) == ("Equity", "lnsXY"))
    lines = rows(server, picture.layers[0])
    for bot in MINUTES:
        told = [d.body["equity"] for d in DOCUMENTS if (d.bot, d.doc_type) == (bot, "decision")]
        shown = [row["metric0"] for row in lines if row["split"] == bot and row["metric0"]]
        assert shown and min(told) <= min(shown) <= max(shown) <= max(told)
