"""Documents/s into a real Elasticsearch, from a topic's bytes, against `helpers.parallel_bulk`.

Ours does more: it decodes and checks each record, and adds its stored form and version. The peer
gets ready-made dicts, and has four threads, the same batches and the same templates. The two take
turns over the same documents.
"""

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec
from elasticsearch import Elasticsearch, helpers

from benchmarks.servers import server
from tradebot import documents
from tradebot.platform.elastic_mappings import index_name
from tradebot.platform.elastic_store import ElasticStore
from tradebot.platform.store import StoreSettings
from tradebot.recorder.reading import document_of
from tradebot.recorder.settings import RecorderSettings
from tradebot.records import DocType, Document, encode

ROUNDS = 4
DOCUMENTS = 16_000
BATCH = RecorderSettings().batch_documents
START = 1_700_000_000_000


def measure() -> Mapping[str, Any]:
    """Measures both in turns; figures are totals over the rounds."""
    made = [encode(each) for each in _documents()]
    ready = [document_of(data) for data in made]
    sources = [(d, msgspec.json.decode(d.source)) for d in ready]
    spent = {"ours": 0.0, "peer": 0.0}
    with server("elasticsearch", "--heap", "1g") as address:
        for turn in range(ROUNDS):
            settings = StoreSettings(elasticsearch=f"http://{address}", index_prefix=f"bench{turn}")
            store = ElasticStore(settings)
            store.set_up(replicas=0)
            client = Elasticsearch(settings.elasticsearch)
            side = "ours" if turn % 2 else "peer"
            began = time.perf_counter()
            if side == "ours":
                _ours(store, made)
            else:
                _peer(client, settings.index_prefix, sources)
            spent[side] += time.perf_counter() - began
            _check(client, settings.index_prefix)
            store.close()
    rates = {side: DOCUMENTS * ROUNDS / 2 / seconds for side, seconds in spent.items()}
    return {
        "ours": rates["ours"],
        "peer": rates["peer"],
        "ratio": rates["ours"] / rates["peer"],
        "unit": "documents/s",
    }


def _ours(store: ElasticStore, made: list[bytes]) -> None:
    for start in range(0, len(made), BATCH):
        refused = store.write([document_of(data) for data in made[start : start + BATCH]])
        assert not refused


def _peer(client: Elasticsearch, prefix: str, sources: list[tuple[Any, dict[str, Any]]]) -> None:
    actions = (
        {"_index": index_name(prefix, d.doc_type, d.ts), "_id": d.id, "_source": source}
        for d, source in sources
    )
    deque(helpers.parallel_bulk(client, actions, thread_count=4, chunk_size=BATCH), maxlen=0)


def _check(client: Elasticsearch, prefix: str) -> None:
    client.indices.refresh(index=f"{prefix}-*")
    assert client.count(index=f"{prefix}-*")["count"] == DOCUMENTS
    for name in client.indices.get(index=f"{prefix}-*").body:
        client.indices.delete(index=name)
    client.indices.delete_index_template(name=f"{prefix}-*")


def _documents() -> list[Document]:
    """Returns a bot's documents of that many minutes: mostly decisions and tickers."""
    found: list[Document] = []
    for minute in range(DOCUMENTS // 4):
        ts = START + minute * 60_000
        for kind, body in _minute(minute).items():
            found.append(
                documents.document(
                    kind, bot="btc", symbol="BTCUSD", ts=ts, key=str(minute), body=body
                )
            )
    return found


def _minute(minute: int) -> dict[DocType, documents.Body]:
    price = 38_000 + minute % 977 * 0.37
    return {
        DocType.DECISION: documents.Decision(
            decision_id=f"btc-{minute}",
            action="hold",
            signal="buy",
            reason=f"ratio {minute % 31 / 10} is outside the band 0.50–2.00",
            gate="band",
            verdicts=[
                documents.VerdictDocument(gate=gate, passed=gate != "band", reason="looked at")
                for gate in ("window", "forecast", "band")
            ],
            window_end=START + minute * 60_000,
            ratio=minute % 31 / 10,
            band_min_bps=5000,
            band_max_bps=20_000,
            complete=True,
            delta=1e-5,
            forecast_log_price=10.5,
            model="FastProphet",
            digest=f"{minute:012x}",
            model_age_seconds=12.0,
            mid=price,
            equity=100_000.0,
            reconciled=True,
            reconciliations=0,
            amount=0.0,
            limit_price=None,
            client_order_id="",
            epoch=1,
            mode="Live",
            inputs='{"window":{},"forecast":{},"balances":{}}' * 10,
        ),
        DocType.TICKER: documents.Ticker(
            bid=price, ask=price + 1, last=price, volume_base=1000.0, volume_quote=3.8e7
        ),
        DocType.LIQUIDITY: documents.Liquidity(
            window_start=START + (minute - 1) * 60_000,
            window_end=START + minute * 60_000,
            bid=1.2e7,
            ask=1.1e7,
            ratio=1.09,
            events=4000,
            complete=True,
        ),
        DocType.BALANCE: documents.Balance(
            currency="USD", amount=price, available=price, availableForWithdrawal=price
        ),
    }
