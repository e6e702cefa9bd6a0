"""`tradebot export`: files of a bot's trades, balances and gains, and whether they agree."""

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tradebot.documents import FillDocument, OrderDocument, document
from tradebot.export.command import command
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.recorder.reading import stored
from tradebot.records import DocType, Document

DAY = 86_400_000


def fill(number: int, side: str, price: float, amount: float, day: int) -> Document:
    body = FillDocument(
        trade_id=str(number),
        order_id=f"o{number}",
        client_order_id=f"c{number}",
        decision_id=f"d{number}",
        side="buy" if side == "buy" else "sell",
        price=price,
        amount=amount,
        fee=0.25,
        fee_currency="USD",
        liquidity="taker",
    )
    return document(
        DocType.FILL, bot="btc", symbol="BTCUSD", ts=day * DAY, key=str(number), body=body
    )


def order(number: int, executed: float, day: int) -> Document:
    body = OrderDocument(
        order_id=f"o{number}",
        client_order_id=f"c{number}",
        decision_id=f"d{number}",
        exchange="gemini",
        side="buy",
        price=1.0,
        avg_execution_price=1.0,
        original_amount=executed,
        executed_amount=executed,
        remaining_amount=0.0,
        is_live=False,
        is_cancelled=False,
        options=[],
        state="filled",
        timestamps=0,
        epoch=1,
        mode="Paper",
    )
    return document(
        DocType.ORDER, bot="btc", symbol="BTCUSD", ts=day * DAY, key=f"o{number}", body=body
    )


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    store = SqliteStore(tmp_path / "documents.sqlite")
    made = [fill(1, "buy", 100.0, 0.1, 1), fill(2, "sell", 110.0, 0.1, 400), order(1, 0.1, 1)]
    store.write([stored(each) for each in [*made, order(2, 0.1, 400)]])
    yield tmp_path
    store.close()


def export(folder: Path, *arguments: str) -> Result:
    where = ["--state-dir", str(folder), "--out", str(folder / "out")]
    return CliRunner().invoke(command, ["btc", *where, *arguments])


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / "out" / f"btc-{table}.csv").open() as file:
        return list(csv.DictReader(file))


def test_trades_and_gains_are_written_as_csv(folder: Path) -> None:
    result = export(folder)
    assert result.exit_code == 0, result.output
    assert [row["amount"] for row in rows(folder, "trades")] == ["0.1", "0.1"]
    fifo = [row for row in rows(folder, "gains") if row["method"] == "FIFO"]
    assert [Decimal(row["gain"]) for row in fifo] == [Decimal("0.5")]  # 10.75 - 10.25
    assert fifo[0]["acquired"] == "1970-01-02T00:00:00.000Z"


def test_a_sale_of_the_range_knows_its_buy_before_the_range(folder: Path) -> None:
    export(folder, "--from", "1971-01-01")
    assert [row["side"] for row in rows(folder, "trades")] == ["sell"]
    assert rows(folder, "gains")[0]["buy_trade_id"] == "1"


def test_parquet_has_times_with_a_zone(folder: Path) -> None:
    export(folder, "--format", "parquet")
    frame = pl.read_parquet(folder / "out" / "btc-trades.parquet")
    assert frame.schema["time"] == pl.Datetime("ms", "UTC")


def test_json_has_the_totals(folder: Path) -> None:
    found = json.loads(export(folder, "--json").stdout.splitlines()[-1])
    assert found["gains"] == {"FIFO": "0.5", "LIFO": "0.5", "HIFO": "0.5"}


def test_fills_that_do_not_add_up_to_their_order_are_named(folder: Path) -> None:
    store = SqliteStore(folder / "documents.sqlite")
    store.write([stored(order(3, 0.2, 401))])
    store.close()
    result = export(folder)
    assert result.exit_code == 1
    assert "order c3: the venue executed 0.2, its fills have 0" in result.output


def test_a_bot_without_trades_is_one_sentence(folder: Path) -> None:
    where = ["--state-dir", str(folder)]
    result = CliRunner().invoke(command, ["other", *where])
    assert result.exit_code == 1
    assert "bot other has no trades in this range" in result.output


def test_a_time_that_cannot_be_read_is_one_sentence(folder: Path) -> None:
    assert "'yesterday' is not a date or time" in export(folder, "--from", "yesterday").output
