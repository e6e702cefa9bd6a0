"""Documents in SQLite: each once, the newest state of each, and old ones pruned."""

import sqlite3
from pathlib import Path

import pytest
from line.day import START, TradingDay

from tradebot.platform.settings import SettingsError
from tradebot.platform.sqlite_store import DAY_MS, SqliteStore
from tradebot.platform.store import StoredDocument, StoreUnavailableError
from tradebot.recorder.reading import stored
from tradebot.records import DocType


def a_day(minutes: int = 40) -> list[StoredDocument]:
    return [stored(d) for _, _, documents in TradingDay().minutes(minutes) for d in documents]


def test_a_second_delivery_changes_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "documents.sqlite")
    documents = a_day()
    assert store.write(documents) == []
    before = store.latest(DocType.DECISION, 1000)
    store.write(documents[10:])
    assert store.latest(DocType.DECISION, 1000) == before
    assert len(before) == 40


def test_a_newer_state_replaces_an_older_and_never_the_other_way(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "documents.sqlite")
    old = StoredDocument("o", DocType.ORDER, 1, "b", "S", b'{"state":"sent"}')
    new = StoredDocument("o", DocType.ORDER, 2, "b", "S", b'{"state":"filled"}')
    store.write([new])
    store.write([old])
    assert [d["state"] for d in store.latest(DocType.ORDER, 9)] == ["filled"]


def test_the_latest_come_first_and_by_bot(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "documents.sqlite")
    store.write(a_day())
    times = [d["ts"] for d in store.latest(DocType.TICKER, 5, bot="btc")]
    assert times == sorted(times, reverse=True) and len(times) == 5
    assert store.latest(DocType.TICKER, 5, bot="another") == []


def test_documents_outlive_the_process(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "documents.sqlite")
    first.write(a_day())
    second = SqliteStore(tmp_path / "documents.sqlite")
    assert len(second.latest(DocType.DECISION, 1000)) == 40


def test_old_decisions_go_and_old_fills_stay(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "documents.sqlite")
    for kind in (DocType.DECISION, DocType.FILL):
        store.write(
            [StoredDocument(f"{kind}{d}", kind, START + d * DAY_MS, "", "", b"{}") for d in (0, 9)]
        )
    assert store.prune(retention_days=5) == 1
    assert len(store.latest(DocType.DECISION, 9)) == 1
    assert len(store.latest(DocType.FILL, 9)) == 2


def test_a_folder_that_cannot_be_made_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="--state-dir"):
        SqliteStore(tmp_path / "file" / "documents.sqlite")


def test_a_document_is_found_by_its_id_and_with_all_of_its_decision(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "documents.sqlite")
    store.write(a_day())
    order = store.latest(DocType.ORDER, 1)[0]
    assert store.find("_id", order["_id"]) == [order]
    kinds = {found["doc_type"] for found in store.find("decision_id", order["decision_id"])}
    assert {"decision", "order", "fill"} <= kinds
    assert store.find("_id", "nothing") == []


def test_a_file_that_another_has_locked_is_unavailability_never_the_end(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "documents.sqlite", patience=0.1)
    store.write(a_day(2))
    other = sqlite3.connect(tmp_path / "documents.sqlite", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(StoreUnavailableError, match="locked"):
        store.write(a_day(2))
    with pytest.raises(StoreUnavailableError, match="locked"):
        store.prune(retention_days=5)
    other.execute("rollback")
    assert store.write(a_day(2)) == []
