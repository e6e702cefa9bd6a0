"""Settings, the paper account, and the texts of users' commands."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import httpx
import msgspec
import pytest
from click.testing import CliRunner

from tradebot.cli import main
from tradebot.domain.decision import (
    Increments,
    Inputs,
    Prediction,
    Quote,
    Settings,
    State,
    Window,
    decide,
)
from tradebot.domain.instrument import Instrument
from tradebot.domain.intent import Intent
from tradebot.domain.situation import Stored
from tradebot.platform.settings import SettingsError, load
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.recorder.reading import stored as as_stored
from tradebot.records import DocType
from tradebot.trader.control.status import lines
from tradebot.trader.journal.documents import Identity, decision_document, decision_id
from tradebot.trader.orders.paper import PaperAccount
from tradebot.trader.settings import TraderSettings, rules
from tradebot.venue.errors import RejectedError
from tradebot.venue.gemini.fees import FEES
from tradebot.venue.gemini.nonce_file import counter_nonces
from tradebot.venue.gemini.rest import GeminiRest

D = Decimal


# Settings.


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"risk_fraction": "2"}, "risk_fraction is 2: it must be above 0 and at most 1"),
        ({"max_drawdown": "-0.1"}, "max_drawdown is -0.1: it must be at most 1, and 0 turns it"),
        ({"max_position": "-1"}, "max_position is -1: use a number above 0, such as 1.5"),
        ({"max_position": "0%"}, "max_position is 0%: use a number above 0"),
        ({"max_position": "101%"}, "max_position is 101%: use at most 100%"),
        ({"max_position": "5 EUR"}, "max_position is 5 EUR: use USD, the quote currency"),
        ({"band_min_bps": "3", "band_max_bps": "2"}, "the band is empty"),
        ({"mode": "Live"}, "set --api-key-file and --api-secret-file"),
        ({"mode": "Dead"}, "--mode is 'Dead'"),
        ({"bot": "My Bot"}, "--bot is 'My Bot'"),
        ({"lease": "kubernetes"}, "--namespace and --pod-name"),
        ({"paper_maker_bps": "1"}, "go together: set both"),
        ({"paper_maker_bps": "1", "paper_taker_bps": "1001"}, "use 1000 or less"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_fix(
    flags: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load(TraderSettings, flags=flags, environment={})


def test_lateness_is_allowed_in_real_seconds_whatever_the_speed() -> None:
    slow = rules(load(TraderSettings, environment={}))
    fast = rules(load(TraderSettings, flags={"speed": "30"}, environment={}))
    assert (slow.max_window_age_ms, fast.max_window_age_ms) == (70_000, 360_000)


def test_the_rules_are_the_settings() -> None:
    flags = {"max_daily_loss": "0.02", "cooldown_seconds": "7", "max_position": "1.5"}
    made = rules(load(TraderSettings, flags=flags, environment={}))
    assert (made.max_daily_loss, made.cooldown_ms, made.max_position) == (
        D("0.02"),
        7000,
        D("1.5"),
    )


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--state-dir", "{folder}/file"], "file/btc is not writable: Not a directory"),
        (
            ["--mode", "Live", "--api-key-file", "/none", "--api-secret-file", "/none"],
            "api_key_file is '/none': No such file or directory",
        ),
    ],
)
def test_a_trader_that_cannot_start_says_why_in_one_sentence(
    flags: list[str], sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    flags = [flag.replace("{folder}", str(tmp_path)) for flag in flags]
    command = [sys.executable, "-m", "tradebot", "trader", "--state-dir", str(tmp_path), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


# Paper.

RULES = Instrument(
    symbol="BTCUSD", base="BTC", quote="USD", amount_step=D("1e-8"), price_step=D("0.01"),
    minimum=D("0.00001"),
)  # fmt: skip
BOOK = {
    "bids": [{"price": "99", "amount": "1"}, {"price": "98", "amount": "5"}],
    "asks": [{"price": "100", "amount": "1"}, {"price": "101", "amount": "1"}],
}


def paper_intent(side: str, amount: str, price: str) -> Intent:
    return Intent(
        client_order_id="tb-btc-1-1", epoch=1, number=1, decision_id="d", symbol="BTCUSD",
        side=side,  # type: ignore[arg-type]
        amount=D(amount), price=D(price), mid=D("99.5"), window_end=0, created=0,
    )  # fmt: skip


async def paper(base: str, quote: str) -> PaperAccount:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=BOOK))
    rest = GeminiRest("http://venue", transport=transport)
    return PaperAccount(
        rest, RULES, fees=lambda: FEES.first, base=D(base), quote=D(quote), now=lambda: 7
    )


async def test_on_paper_an_order_takes_the_book_up_to_its_limit_and_pays_the_fee() -> None:
    account = await paper("0", "1000")
    status = await account.place(paper_intent("buy", "3", "100.50"))
    assert (status.executed, status.original, status.live) == (1, 3, False)
    assert [(t.price, t.amount, t.fee) for t in status.trades] == [(100, 1, D("0.4"))]
    base, quote = await account.balances()
    assert (base.amount, quote.amount) == (1, D("899.6"))
    assert await account.find("tb-btc-1-1") == [status]


async def test_on_paper_what_is_not_held_cannot_be_spent() -> None:
    with pytest.raises(RejectedError, match="InsufficientFunds"):
        await (await paper("0", "50")).place(paper_intent("buy", "1", "101"))
    with pytest.raises(RejectedError, match="InsufficientFunds"):
        await (await paper("0.5", "50")).place(paper_intent("sell", "1", "98"))


# Nonces.


def test_a_restarted_trader_begins_above_the_nonce_that_its_predecessor_leapt_to(
    tmp_path: Path,
) -> None:
    first = counter_nonces(tmp_path / "bot" / "nonce")
    drawn = first.next()
    first.refused()
    leapt = first.next()
    assert leapt - drawn >= 60_000
    assert counter_nonces(tmp_path / "bot" / "nonce").next() > leapt


# Words.


def decision_in_store(folder: Path, *, tampered: bool = False) -> str:
    """Stores a decision of a bot; returns its id."""
    stored = Stored(
        state=State(base=D(0), quote=D(1000)),
        inputs=Inputs(
            now=61_000,
            window=Window(end=60_000, ratio=1.0, complete=True),
            prediction=Prediction(
                model="FastProphet", digest="d1", history_end=0, evaluated=True, log_price=4.6,
                log_price_next=4.7, log_price_turn=4.7,
            ),
            quote=Quote(bid=D(99), ask=D("99.5")),
            taker_fee_bps=D(40),
            increments=Increments(
                amount_step=D("1e-8"), price_step=D("0.01"), minimum=D("0.00001")
            ),
        ),
        settings=Settings(),
    )  # fmt: skip
    decision = decide(stored.state, stored.inputs, stored.settings)
    assert decision.action == "buy"
    if tampered:
        poorer = msgspec.structs.replace(stored.state, quote=D(10))
        stored = msgspec.structs.replace(stored, state=poorer)
    who = Identity(bot="btc", symbol="BTCUSD", mode="Paper")
    document = decision_document(
        who, stored, decision, name=decision_id("btc", 60_000), ts=1, epoch=1,
        client_order_id="tb-btc-1-1",
    )  # fmt: skip
    store = SqliteStore(folder / "documents.sqlite")
    store.write([as_stored(document)])
    store.close()
    return document.id


def test_a_decision_reports_the_equity_and_whether_the_books_agreed_with_the_venue(
    tmp_path: Path,
) -> None:
    decision_in_store(tmp_path)
    store = SqliteStore(tmp_path / "documents.sqlite")
    (told,) = store.latest(DocType.DECISION, 1)
    store.close()
    assert (told["equity"], told["reconciled"], told["reconciliations"]) == (1000.0, True, 0)


def test_explain_says_why_and_that_the_same_comes_out(tmp_path: Path) -> None:
    name = decision_in_store(tmp_path)
    done = CliRunner().invoke(main, ["explain", name, "--state-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "decision  buy" in done.output and "gate      ok  band" in done.output
    assert "ratio 1.0 (band 0.5 to 2)" in done.output and "FastProphet d1" in done.output
    assert "same decision" in done.output


def test_explain_takes_the_decision_s_own_id_which_logs_and_lists_show(tmp_path: Path) -> None:
    decision_in_store(tmp_path)
    done = CliRunner().invoke(main, ["explain", "btc-60000", "--state-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "decision  buy" in done.output
    lost = CliRunner().invoke(main, ["explain", "btc-60001", "--state-dir", str(tmp_path)])
    assert "no decision or document has the id btc-60001" in lost.output


def test_explain_says_what_differs_when_another_decision_comes_out(tmp_path: Path) -> None:
    name = decision_in_store(tmp_path, tampered=True)
    done = CliRunner().invoke(main, ["explain", name, "--json", "--state-dir", str(tmp_path)])
    told = json.loads(done.output.splitlines()[-1])
    assert told["same"] is False
    assert any(difference.startswith("amount: was") for difference in told["differences"])


@pytest.mark.parametrize("command", ["status", "pause", "flatten"])
def test_a_command_to_a_bot_that_does_not_run_is_one_clear_sentence(
    command: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(main, [command, "btc", "--state-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert f"no trader of bot btc is running under {tmp_path}" in done.output


def test_status_says_first_what_a_person_wants_to_know() -> None:
    status = {
        "bot": "btc", "symbol": "BTCUSD", "mode": "Live", "epoch": 3, "base": "0.5", "quote": "10",
        "sells": "0.2",
        "equity": "5010", "mid": "10000", "realised": "-1.5", "trips": 2, "unrealised": "0",
        "orders": 5, "unresolved": 0, "halted": "loss", "paused": "", "outside_base": "0",
        "outside_quote": "-7.5",
        "conditions": [
            {"type": "Halted", "status": True, "message": "loss", "reason": "LimitReached"},
            {"type": "FeedFresh", "status": True, "message": "heard", "reason": "FeedFresh"},
        ],
    }  # fmt: skip
    text = "\n".join(lines(status))
    assert "btc: BTCUSD, Live, halted (epoch 3)" in text
    assert "sells      0.2 base: what the bot bought" in text
    assert "NOT Halted: loss" in text and "ok  FeedFresh: heard" in text
    assert "0 base and -7.5 quote moved by others" in text
