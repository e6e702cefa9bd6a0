"""Documents in a real Elasticsearch: typed, each once, refused if they do not fit."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from elasticsearch import BadRequestError, Elasticsearch
from line.day import START, TradingDay

from tradebot.documents import BODIES
from tradebot.platform.elastic_mappings import index_name, mapping
from tradebot.platform.elastic_store import ElasticStore
from tradebot.platform.sqlite_store import DAY_MS
from tradebot.platform.store import StoredDocument, StoreSettings, StoreUnavailableError
from tradebot.recorder.reading import forecast_of, stored, window_of
from tradebot.records import DocType, encode
from tradebot.window_records import Gatherer

pytestmark = pytest.mark.elasticsearch

ALWAYS = {"bot", "symbol", "base", "quote", "ts", "doc_type", "environment"}
"""Fields of every kind of document."""


@pytest.fixture
def settings(elasticsearch_address: str) -> Iterator[StoreSettings]:
    url = elasticsearch_address
    prefix = f"t{uuid.uuid4().hex[:10]}"
    yield StoreSettings(elasticsearch=url if "://" in url else f"http://{url}", index_prefix=prefix)
    server = Elasticsearch(url if "://" in url else f"http://{url}")
    for name in list(server.indices.get(index=f"{prefix}-*").body):
        server.indices.delete(index=name)
    server.indices.delete_index_template(name=f"{prefix}-*")


@pytest.fixture
def store(settings: StoreSettings) -> Iterator[ElasticStore]:
    store = ElasticStore(settings)
    store.set_up(replicas=0)
    yield store
    store.close()


@pytest.fixture
def server(settings: StoreSettings) -> Elasticsearch:
    return Elasticsearch(settings.elasticsearch)


def a_day(minutes: int = 60) -> list[StoredDocument]:
    """Documents of every kind."""
    day, windows = TradingDay(), Gatherer()
    made = []
    for window, forecast, documents in day.minutes(minutes):
        whole = [windows.add(record, 0, 0) for record in window]
        made += [window_of(w) for w in whole if w] + [forecast_of(encode(forecast))] + documents
    return [stored(d) for d in [*made, day.halt()]]


def refresh(server: Elasticsearch, settings: StoreSettings) -> None:
    server.indices.refresh(index=f"{settings.index_prefix}-*")


def test_every_kind_is_taken_and_read_back_as_it_was(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    documents = a_day()
    assert store.write(documents) == []
    refresh(server, settings)
    for kind in DocType:
        written = {d.id: msgspec.json.decode(d.source) for d in documents if d.doc_type == kind}
        read = {d.pop("_id"): d for d in store.latest(kind, 1000)}
        assert read == written and written


def test_a_second_delivery_changes_nothing(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    documents = a_day()
    store.write(documents)
    assert store.write(documents) == []
    refresh(server, settings)
    assert server.count(index=f"{settings.index_prefix}-*")["count"] == len(documents)


def test_a_newer_state_replaces_an_older_and_never_the_other_way(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    order = next(d for d in a_day() if d.doc_type == DocType.ORDER)
    body = msgspec.json.decode(order.source)
    late = msgspec.structs.replace(
        order, ts=order.ts + 40 * DAY_MS, source=msgspec.json.encode(body | {"state": "cancelled"})
    )
    store.write([late])
    assert store.write([order]) == []
    refresh(server, settings)
    assert [d["state"] for d in store.latest(DocType.ORDER, 9)] == ["cancelled"]


def test_what_does_not_fit_is_refused_with_the_reason_and_the_rest_is_stored(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    documents = [d for d in a_day() if d.doc_type == DocType.FILL]
    body = msgspec.json.decode(documents[0].source)
    unknown = msgspec.structs.replace(
        documents[0], id="unknown", source=msgspec.json.encode(body | {"colour": "blue"})
    )
    text = msgspec.structs.replace(
        documents[0], id="text", source=msgspec.json.encode(body | {"price": "dear"})
    )
    refusals = {r.document.id: r.reason for r in store.write([unknown, *documents, text])}
    assert "colour" in refusals["unknown"] and "strict" in refusals["unknown"]
    assert "price" in refusals["text"]
    refresh(server, settings)
    assert len(store.latest(DocType.FILL, 100)) == len(documents)


@pytest.mark.parametrize("obstacle", ["read_only", "read_only_allow_delete", "write", "closed"])
def test_what_a_person_can_lift_is_unavailability_never_a_refusal(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings, obstacle: str
) -> None:
    documents = [d for d in a_day(3) if d.doc_type == DocType.TICKER]
    assert store.write(documents) == []
    (index,) = server.indices.get(index=f"{settings.index_prefix}-ticker-*").body
    if obstacle == "closed":
        server.indices.close(index=index)
    else:
        server.indices.put_settings(index=index, settings={f"index.blocks.{obstacle}": True})
    with pytest.raises(StoreUnavailableError, match=r"block|closed"):
        store.write(documents)
    if obstacle == "closed":
        server.indices.open(index=index)
    else:
        server.indices.put_settings(index=index, settings={f"index.blocks.{obstacle}": None})
    assert store.write(documents) == []


def test_a_read_only_index_keeps_the_store_from_being_set_up_for_a_while_only(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    index, block = f"{settings.index_prefix}-order-all", "index.blocks.read_only"
    server.indices.put_settings(index=index, settings={block: True})
    with pytest.raises(StoreUnavailableError, match="read-only"):
        store.set_up(replicas=0)
    server.indices.put_settings(index=index, settings={block: None})
    store.set_up(replicas=0)


def test_a_document_for_which_a_whole_request_is_refused_costs_itself_alone(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    documents = a_day(5)
    bad = msgspec.structs.replace(documents[7], id="x" * 600)
    (refusal,) = store.write([*documents[:7], bad, *documents[7:]])
    assert refusal.document == bad and "Validation Failed" in refusal.reason
    refresh(server, settings)
    count = server.count(index=f"{settings.index_prefix}-*")["count"]
    assert count == len(documents)


def test_set_up_can_be_repeated_and_upgrades_indices_that_are_there(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    store.write(a_day(5))
    older = f"{settings.index_prefix}-ticker-2020.01"
    fields = mapping(DocType.TICKER)
    del fields["properties"]["last"]
    server.indices.delete_index_template(name=f"{settings.index_prefix}-ticker")
    server.indices.create(index=older, mappings=fields)
    store.set_up(replicas=0)
    store.set_up(replicas=0)
    upgraded = server.indices.get(index=older)[older]
    assert upgraded["mappings"]["properties"]["last"] == {"type": "double"}
    assert f"{settings.index_prefix}-ticker" in upgraded["aliases"]


def test_a_job_and_several_recorders_may_set_up_at_the_same_time(settings: StoreSettings) -> None:
    stores = [ElasticStore(settings) for _ in range(6)]
    begin = threading.Barrier(len(stores))

    def set_up(store: ElasticStore) -> None:
        begin.wait()
        store.set_up(replicas=0)

    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(set_up, stores))


def test_each_body_has_a_mapping_in_which_numbers_times_and_words_have_their_types(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    for kind, body in BODIES.items():
        name = index_name(settings.index_prefix, kind, START)
        if not server.indices.exists(index=name):
            server.indices.create(index=name)
        there = server.indices.get_mapping(index=name)[name]["mappings"]
        assert there["dynamic"] == "strict"
        fields = {f.name for f in msgspec.structs.fields(body)}
        assert set(there["properties"]) == fields | ALWAYS
        assert there["properties"]["ts"]["type"] == "date"
    fill = server.indices.get_mapping(index=f"{settings.index_prefix}-fill-all")
    types = {
        name: field["type"]
        for name, field in fill[f"{settings.index_prefix}-fill-all"]["mappings"][
            "properties"
        ].items()
    }
    assert types["price"] == types["fee"] == "double"
    assert types["trade_id"] == types["side"] == "keyword"


def test_nothing_is_indexed_without_its_template(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    name = f"{settings.index_prefix}-decision-1999.12"
    with pytest.raises(BadRequestError, match="strict"):
        server.index(index=name, document={"surprise": 1})


def test_whole_months_older_than_the_retention_go_and_the_ledger_stays(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    for kind in (DocType.DECISION, DocType.FILL):
        (one,) = [d for d in a_day(60) if d.doc_type == kind][:1]
        body = msgspec.json.decode(one.source)
        for days in (0, 100, 200):
            ts = START + days * DAY_MS
            moved = msgspec.structs.replace(
                one, id=f"{kind}{days}", ts=ts, source=msgspec.json.encode(body | {"ts": ts})
            )
            assert store.write([moved]) == []
    refresh(server, settings)
    assert store.prune(retention_days=90) == 2
    assert store.prune(retention_days=90) == 0
    assert len(store.latest(DocType.DECISION, 9)) == 1
    assert len(store.latest(DocType.FILL, 9)) == 3


def test_the_latest_are_chosen_by_bot(
    store: ElasticStore, server: Elasticsearch, settings: StoreSettings
) -> None:
    store.write(a_day(5))
    refresh(server, settings)
    assert len(store.latest(DocType.DECISION, 3, bot="btc")) == 3
    assert store.latest(DocType.DECISION, 3, bot="another") == []


def test_all_documents_of_a_time_come_oldest_first_over_several_pages(
    store: ElasticStore, server: Elasticsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradebot.platform.elastic_store.PAGE", 7)
    store.write(a_day(40))
    server.indices.refresh(index="*")
    start, end = START + 5 * 60_000, START + 25 * 60_000
    times = [d["ts"] for d in store.between(DocType.DECISION, start, end, bot="btc")]
    wanted = [d["ts"] for d in store.latest(DocType.DECISION, 1000)]
    assert times == sorted(ts for ts in wanted if start <= ts < end)
    assert len(times) == 20


def test_a_kind_without_documents_yields_none(store: ElasticStore) -> None:
    assert list(store.between(DocType.DECISION, 0, 2**53)) == []
