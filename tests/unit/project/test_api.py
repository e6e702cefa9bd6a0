"""`tradebot.api`: documents as data frames."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from line.day import START, TradingDay

from tradebot.api import Store
from tradebot.platform.settings import SettingsError
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.recorder.reading import stored

MINUTE = 60_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = SqliteStore(tmp_path / "documents.sqlite")
    store.write([stored(d) for _, _, documents in TradingDay().minutes(40) for d in documents])
    store.close()
    return tmp_path


def test_decisions_are_rows_with_times(folder: Path) -> None:
    with Store(folder) as store:
        frame = store.decisions(bot="btc")
    assert frame.height == 40
    assert frame["time"].is_sorted() and frame.schema["time"] == pl.Datetime("ms", "UTC")


def test_a_range_of_time_has_its_start_and_not_its_end(folder: Path) -> None:
    with Store(folder) as store:
        whole = store.decisions()
        first, last = whole["time"][10], whole["time"][20]
        part = store.decisions(start=first, end=last)
    assert part["time"].to_list() == whole["time"].to_list()[10:20]


def test_equity_is_known_at_each_decision(folder: Path) -> None:
    with Store(folder) as store:
        assert store.equity(bot="btc").columns == ["time", "bot", "equity", "mid"]


def test_no_documents_are_an_empty_frame_with_the_same_columns(folder: Path) -> None:
    with Store(folder) as store:
        assert store.fills(bot="nobody").columns == store.fills().columns
        assert store.fills(bot="nobody").is_empty()


def test_a_text_is_a_time_in_utc(folder: Path) -> None:
    day = datetime.fromtimestamp(START / 1000, UTC).date()
    with Store(folder) as store:
        assert store.decisions(start=day.isoformat()).height == 40
        assert store.decisions(end=day.isoformat()).is_empty()


def test_a_place_without_documents_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no documents\.sqlite in"):
        Store(tmp_path)


def test_a_kind_that_does_not_exist_is_one_sentence(folder: Path) -> None:
    with Store(folder) as store, pytest.raises(ValueError, match="no documents of kind 'trade'"):
        store.documents("trade")
