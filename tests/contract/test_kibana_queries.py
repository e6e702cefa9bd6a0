"""What each picture of the dashboards asks Elasticsearch returns rows, on the real server.

The questions are derived from the saved objects themselves, as Lens would ask them: buckets in
the order of the columns, each number with its own filter.
"""

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from elasticsearch import Elasticsearch
from trading_day import MINUTE, START, TradingDay

from tradebot import documents
from tradebot.platform.elastic_store import ElasticStore
from tradebot.platform.store import StoredDocument, StoreSettings
from tradebot.recorder.gather import Windows
from tradebot.recorder.kibana.objects import saved_objects
from tradebot.recorder.reading import forecast_of, stored
from tradebot.records import DocType, Document, encode

pytestmark = pytest.mark.elasticsearch

MINUTES = 150
PREFIX = f"k{uuid.uuid4().hex[:8]}"
OBJECTS = {(o["type"], o["id"]): o for o in saved_objects(PREFIX)}
AGGREGATIONS = {"average": "avg", "unique_count": "cardinality"}
HELD_BACK = ("model", "reconciliation")


def index_of(reference: str) -> str:
    return str(OBJECTS["index-pattern", reference]["attributes"]["title"])


def kql(text: str) -> dict[str, Any]:
    """The query of the few forms of KQL that the dashboards use."""
    parts = []
    for part in filter(None, text.split(" and ")):
        match = re.fullmatch(r"(not )?(\w+): ?(\S+)", part)
        assert match is not None, part
        negated, field, value = match.groups()
        query = {"exists": {"field": field}} if value == "*" else {"term": {field: value}}
        parts.append({"bool": {"must_not": [query]}} if negated else query)
    return {"bool": {"filter": parts}}


def number(column: dict[str, Any]) -> dict[str, Any]:
    """The aggregation of a column of one number."""
    operation, field = column["operationType"], column["sourceField"]
    if operation == "count":
        made: dict[str, Any] = {"value_count": {"field": "doc_type"}}
    elif operation == "last_value":
        # Kibana asks by top_metrics, which the server of the tests lacks.
        made = {"top_hits": {"size": 1, "sort": [{"ts": "desc"}], "_source": [field]}}
    elif operation == "percentile":
        made = {"percentiles": {"field": field, "percents": [column["params"]["percentile"]]}}
    else:
        made = {AGGREGATIONS.get(operation, operation): {"field": field}}
    if "filter" in column:
        return {"filter": kql(column["filter"]["query"]), "aggs": {"filtered": made}}
    return made


def bucket(column: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    if column["operationType"] == "date_histogram":
        interval = column["params"]["interval"].replace("auto", "30m")
        asked = {"date_histogram": {"field": column["sourceField"], "fixed_interval": interval}}
    else:
        assert column["operationType"] == "terms"
        asked = {"terms": {"field": column["sourceField"], "size": column["params"]["size"]}}
    return asked | {"aggs": inner}


def question(layer: dict[str, Any], where: str) -> dict[str, Any]:
    """What Elasticsearch is asked for a layer."""
    columns = {n: c for n, c in layer["columns"].items() if "sourceField" in c}
    aggregations = {n: number(c) for n, c in columns.items() if not c["isBucketed"]}
    for name, column in reversed(columns.items()):
        if column["isBucketed"]:
            aggregations = {name: bucket(column, aggregations)}
    return {"size": 0, "query": kql(where), "aggs": aggregations}


def values(answer: Any) -> Iterator[float]:
    """Every number in an answer's aggregations."""
    if isinstance(answer, dict):
        if "hits" in answer:
            yield from (v for h in answer["hits"]["hits"] for v in h["_source"].values())
        if isinstance(answer.get("value"), int | float):
            yield answer["value"]
        if "values" in answer:
            yield from (v for v in answer["values"].values() if v is not None)
        for key, inner in answer.items():
            if key not in ("value", "values", "hits"):
                yield from values(inner)
    elif isinstance(answer, list):
        for inner in answer:
            yield from values(inner)


def a_demo() -> list[StoredDocument]:
    """Two bots' hours, with all that can befall them."""
    made: list[Document] = []
    for bot, symbol, price in (("btc", "BTCUSD", 38_000.0), ("eth", "ETHUSD", 2_000.0)):
        day, windows = TradingDay(bot=bot, symbol=symbol, price=price, seed=len(made)), Windows()
        for window, forecast, left in day.minutes(MINUTES):
            made += [d for r in window if (d := windows.add(r, 0, 0))]
            made += [forecast_of(encode(forecast)), *left]
        made += [day.halt(), *befallen(made)]
    return [stored(document, "Emulator") for document in made]


def befallen(made: list[Document]) -> list[Document]:
    """An order that did nothing, and decisions that were held back by other gates."""
    order = next(d for d in made if d.doc_type == DocType.ORDER)
    nothing = {"executed_amount": 0.0, "reason": "ImmediateOrCancelWouldPost", "state": "cancelled"}
    decision = next(d for d in made if d.doc_type == DocType.DECISION)
    return [
        msgspec.structs.replace(order, id=f"{order.id}-n", body=order.body | nothing),
        *(
            msgspec.structs.replace(
                decision, id=f"{decision.id}-{gate}", body=decision.body | {"gate": gate}
            )
            for gate in HELD_BACK
        ),
    ]


@pytest.fixture(scope="module")
def server(elasticsearch_address: str) -> Iterator[Elasticsearch]:
    address = elasticsearch_address
    url = address if "://" in address else f"http://{address}"
    store = ElasticStore(StoreSettings(elasticsearch=url, index_prefix=PREFIX))
    store.set_up(replicas=0)
    assert store.write(a_demo()) == []
    server = Elasticsearch(url)
    server.indices.refresh(index=f"{PREFIX}-*")
    yield server
    for name in list(server.indices.get(index=f"{PREFIX}-*").body):
        server.indices.delete(index=name)
    server.indices.delete_index_template(name=f"{PREFIX}-*")


PICTURES = [
    pytest.param(panel["embeddableConfig"]["attributes"], id=f"{o['id']}: {panel['title']}")
    for (kind, _), o in OBJECTS.items()
    if kind == "dashboard"
    for panel in json.loads(o["attributes"]["panelsJSON"])
    if panel["type"] == "lens"
]


@pytest.mark.parametrize("lens", PICTURES)
def test_every_number_of_a_picture_has_rows(server: Elasticsearch, lens: dict[str, Any]) -> None:
    where = lens["state"]["query"]["query"]
    sources = {r["name"]: r["id"] for r in lens["references"]}
    for name, layer in lens["state"]["datasourceStates"]["formBased"]["layers"].items():
        if name == "lines":
            continue
        index = index_of(sources[f"indexpattern-datasource-layer-{name}"])
        for metric, column in layer["columns"].items():
            if column["isBucketed"] or "sourceField" not in column:
                continue
            alone = {n: c for n, c in layer["columns"].items() if c["isBucketed"] or n == metric}
            answer = server.search(index=index, **question({"columns": alone}, where))
            found = list(values(answer["aggregations"]))
            assert found and any(found), f"{metric} of {name}: {column['label']}"


SEARCHES = [pytest.param(o, id=o["id"]) for (kind, _), o in OBJECTS.items() if kind == "search"]


@pytest.mark.parametrize("search", SEARCHES)
def test_every_list_shows_documents_that_have_its_columns(
    server: Elasticsearch, search: dict[str, Any]
) -> None:
    attributes = search["attributes"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    (reference,) = search["references"]
    ((field, order),) = attributes["sort"]
    answer = server.search(
        index=index_of(reference["id"]),
        query=kql(source["query"]["query"]),
        sort=[{field: order}],
        size=500,
    )
    seen = {name for hit in answer["hits"]["hits"] for name in hit["_source"]}
    assert set(attributes["columns"]) <= seen


def test_bots_symbols_and_environments_can_be_chosen_from_lists(server: Elasticsearch) -> None:
    dashboard = OBJECTS["dashboard", "tradebot-trading"]
    views = {r["name"]: r["id"] for r in dashboard["references"]}
    controls = json.loads(dashboard["attributes"]["controlGroupInput"]["panelsJSON"])
    listed = {}
    for name in controls:
        view = views[f"controlGroup_{name}:optionsListDataView"]
        ask = {"list": {"terms": {"field": name}}}
        answer = server.search(index=index_of(view), size=0, aggs=ask)
        listed[name] = {b["key"] for b in answer["aggregations"]["list"]["buckets"] if b["key"]}
    assert listed == {
        "bot": {"btc", "eth"},
        "symbol": {"BTCUSD", "ETHUSD"},
        "environment": {"Emulator"},
    }


def test_all_about_one_trade_is_found_by_the_id_of_its_decision(server: Elasticsearch) -> None:
    fill = server.search(index=f"{PREFIX}-fill-*", size=1)["hits"]["hits"][0]["_source"]
    answer = server.search(
        index=index_of("tradebot-all"),
        query=kql(f"decision_id: {fill['decision_id']}"),
        aggs={"kinds": {"terms": {"field": "doc_type"}}},
    )
    kinds = {b["key"] for b in answer["aggregations"]["kinds"]["buckets"]}
    assert {"decision", "order", "fill"} <= kinds


def test_the_span_of_the_documents_is_what_the_pages_ask_for(server: Elasticsearch) -> None:
    answer = server.search(index=f"{PREFIX}-ticker-*", aggs={"last": {"max": {"field": "ts"}}})
    assert answer["aggregations"]["last"]["value"] == START + MINUTES * MINUTE
    assert set(documents.BODIES) == set(DocType)
