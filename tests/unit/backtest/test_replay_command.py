"""`tradebot replay` decides a stored run again, and fails where a decision differs."""

import json
import sqlite3
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from tradebot.backtest.replay_command import command
from tradebot.domain.decision import Inputs, Prediction, Quote, Settings, State, Window, decide
from tradebot.domain.situation import Increments, Stored
from tradebot.platform.settings import SettingsError
from tradebot.platform.spans import span_ms
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.store import StoredDocument
from tradebot.recorder.reading import stored as as_stored
from tradebot.records import DocType
from tradebot.trader.journal.documents import (
    Identity,
    decision_document,
    decision_id,
    ticker_document,
)
from tradebot.venue.port import Ticker

MINUTE = 60_000
START = 1_600_000_020_000 // MINUTE * MINUTE
WHO = Identity(bot="btc", symbol="BTCUSD", mode="Paper")


def seen(end: int, rises: bool) -> Stored:
    """A window whose ratio lies above the band, so that nothing is bought."""
    step = 0.001 if rises else 0.0
    return Stored(
        state=State(base=Decimal(0), quote=Decimal(1000)),
        inputs=Inputs(
            now=end,
            window=Window(end=end, ratio=3.5, complete=True),
            prediction=Prediction(
                model="FastProphet", digest="d", history_end=end, evaluated=True,
                log_price=4.6, log_price_next=4.6 + step, log_price_turn=4.6 + step,
            ),
            quote=Quote(bid=Decimal(99), ask=Decimal("99.5")),
            taker_fee_bps=Decimal(40),
            increments=Increments(
                amount_step=Decimal("1e-8"), price_step=Decimal("0.01"), minimum=Decimal("0.00001")
            ),
        ),
        settings=Settings(),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Documents of a hundred windows."""
    store = SqliteStore(tmp_path / "documents.sqlite")
    for number in range(100):
        end = START + number * MINUTE
        stored = seen(end, rises=number % 3 == 0)
        decision = decide(stored.state, stored.inputs, stored.settings)
        document = decision_document(
            WHO, stored, decision, name=decision_id("btc", end), ts=end, epoch=1, client_order_id=""
        )
        window = {"window_end": end, "ratio": 3.5, "complete": True, "ts": end}
        liquidity = StoredDocument(
            f"w{end}", DocType.LIQUIDITY, end, "", "BTCUSD", msgspec.json.encode(window)
        )
        prices = Ticker(bid=Decimal(99), ask=Decimal("99.5"), last=Decimal(99), ts=end, volumes={})
        ticker = ticker_document(WHO, prices, ("BTC", "USD"), window_end=end)
        store.write([as_stored(document), as_stored(ticker), liquidity])
    store.close()
    return tmp_path


def replayed(folder: Path, *arguments: str, bot: str = "btc") -> Result:
    return CliRunner().invoke(command, [bot, "--state-dir", str(folder), *arguments])


def change(folder: Path, number: int, old: str, new: str) -> None:
    """Changes the stored document of one decision."""
    with sqlite3.connect(folder / "documents.sqlite") as database:
        changed = database.execute(
            "update documents set source = replace(source, ?, ?) where instr(source, ?) "
            "and doc_type = 'decision' and json_extract(source, '$.window_end') = ?",
            (old, new, old, START + number * MINUTE),
        ).rowcount
    database.close()
    assert changed == 1


def test_a_run_that_was_recorded_is_decided_the_same_again(folder: Path) -> None:
    done = replayed(folder, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["decisions"], found["different"], found["same"]) == (100, 0, True)
    assert (found["start"], found["end"]) == (START, START + 99 * MINUTE)


def test_a_decision_that_differs_fails_and_the_first_one_is_named(folder: Path) -> None:
    for number in (70, 42):
        change(folder, number, '"action":"hold"', '"action":"sell"')
    done = replayed(folder, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["different"] == 2
    assert found["first"]["decision_id"] == f"btc-{START + 42 * MINUTE}"
    assert (found["first"]["live"], found["first"]["replayed"]) == ("sell", "hold")
    assert "DIFFERENT: 2 of 100 decisions of btc" in done.stdout


def test_what_a_decision_says_it_saw_is_not_believed_where_the_window_was_recorded(
    folder: Path,
) -> None:
    with sqlite3.connect(folder / "documents.sqlite") as database:
        database.execute(
            "update documents set source = replace(source, '3.5', '1.0') where id = ?",
            (f"w{START + 30 * MINUTE}",),
        )
    database.close()
    done = replayed(folder, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["first"]["window_end"] == START + 30 * MINUTE
    assert (found["first"]["live"], found["first"]["replayed"]) == ("hold", "buy")


def test_only_the_span_before_the_newest_decision_is_decided_again(folder: Path) -> None:
    done = replayed(folder, "--since", "30m", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["decisions"] == 31


def test_a_bot_without_decisions_is_one_sentence(folder: Path) -> None:
    done = replayed(folder, bot="eth")
    assert done.exit_code != 0
    assert "there is no decision of a bot 'eth': check the name" in done.output


@pytest.mark.parametrize("text", ["24", "h", "0h", "a day"])
def test_a_span_that_is_none_says_how_to_write_it(text: str) -> None:
    with pytest.raises(SettingsError, match="such as 24h or 7d"):
        span_ms(text)
