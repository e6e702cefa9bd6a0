"""A running trader: it trades, survives kills, stops on a signal, and obeys commands."""

import json
import shutil
import stat
from collections import Counter
from pathlib import Path

import httpx
from line.trader import MINUTE, TraderLine
from waiting.conditions import PATIENCE_SECONDS


def _buys_and_sells(line: TraderLine) -> Counter[str]:
    return Counter(document["body"]["side"] for document in line.of_kind("order"))


def test_it_trades_survives_a_kill_and_stops_on_a_signal(tmp_path: Path) -> None:
    lag = ["--max-window-lag-seconds", "3"]
    with TraderLine(tmp_path, speed=120, options=lag) as line:
        line.start()
        line.wait(lambda: len(line.of_kind("score")) >= 1 and len(line.of_kind("order")) >= 3)
        line.kill()
        before = len(line.of_kind("order"))
        line.wait(lambda: line.windows > len(line.of_kind("decision")) + 15)
        line.start()
        line.wait(lambda: len(line.of_kind("order")) >= before + 2)
        line.wait(lambda: line.status())
        assert line.stop() == 0
        decisions = line.of_kind("decision")
        late = [d["body"] for d in decisions if d["body"]["gate"] == "window_age"]
        assert late, "windows of the dead time are accounted for, and not traded on"
        ends = [d["body"]["window_end"] for d in decisions]
        assert len(ends) == len(set(ends)), "one decision a window"
        assert max(ends) - min(ends) == (len(ends) - 1) * MINUTE, "and no window without one"
        kinds = {document["doc_type"] for document in line.documents.values()}
        assert kinds == {"balance", "ticker", "order", "fill", "decision", "score"}
        epochs = {d["body"]["epoch"] for d in line.of_kind("order")}
        assert epochs == {1, 2}
        account = line.emulator.exchange.accounts["primary"]
        names = [ticket.client_order_id for ticket in account.closed]
        assert len(names) == len(set(names)) == len(line.of_kind("order"))
        fills = {d["body"]["trade_id"] for d in line.of_kind("fill")}
        assert fills == {str(fill.tid) for fill in account.fills}


def test_on_paper_nothing_reaches_the_venue(tmp_path: Path) -> None:
    with TraderLine(tmp_path, speed=120, mode="Paper") as line:
        line.start()
        line.wait(lambda: len(line.of_kind("score")) >= 1)
        line.kill()
        line.start()
        orders = len(line.of_kind("order"))
        line.wait(lambda: len(line.of_kind("order")) >= orders + 2)
        account = line.emulator.exchange.accounts["primary"]
        assert not account.closed and not account.live
        assert _buys_and_sells(line)["sell"] >= 1


def test_a_person_pauses_it_and_lets_it_continue(tmp_path: Path) -> None:
    with TraderLine(tmp_path, speed=60, period=400) as line:
        line.start()
        line.wait(lambda: line.of_kind("order"))
        told = line.tell("flatten", "btc", "--because", "going home")
        assert told.returncode == 0, told.stderr
        assert "has nothing left to sell" in told.stdout
        status = line.status()
        assert status is not None
        assert (float(status["base"]), status["paused"]) == (0, "going home")

        decisions = len(line.of_kind("decision"))
        # A pause holds back only buys; a sell has nothing to sell.
        line.wait(
            lambda: "halt" in {d["body"]["gate"] for d in line.of_kind("decision")[decisions:]}
        )
        assert line.condition("Halted") is True

        refused = line.tell("resume", "btc")
        assert refused.returncode == 2, "a reason is asked for"
        assert line.tell("resume", "btc", "--because", "back again").returncode == 0
        orders = len(line.of_kind("order"))
        line.wait(lambda: len(line.of_kind("order")) > orders)
        halts = [document["body"] for document in line.of_kind("halt")]
        assert [(h["state"], h["because"]) for h in halts] == [
            ("paused", "going home"),
            ("resumed", "back again"),
        ]
        shown = line.tell("status", "btc").stdout
        assert "trading" in shown and "Reconciled" in shown


def test_only_who_may_read_its_token_may_steer_it(tmp_path: Path) -> None:
    with TraderLine(tmp_path, speed=120) as line:
        line.start()
        line.wait(lambda: line.status())
        address = tmp_path / "state" / "btc" / "control.json"
        assert stat.S_IMODE(address.stat().st_mode) == 0o600
        url = json.loads(address.read_bytes())["url"]
        assert httpx.get(f"{url}/status").status_code == 403


def test_a_second_trader_of_the_bot_is_refused(tmp_path: Path) -> None:
    with TraderLine(tmp_path, speed=120) as line:
        line.start()
        line.wait(lambda: line.status())
        first = line.process
        line.start()
        second, line.process = line.process, first
        assert second is not None and second.wait(PATIENCE_SECONDS) == 2
        assert "another trader is running for this bot" in line.log()


def test_a_stop_that_is_to_flatten_sells_all(tmp_path: Path) -> None:
    with TraderLine(tmp_path, speed=120, period=400, options=["--on-stop", "flatten"]) as line:
        line.start()
        held = line.emulator.exchange.accounts["primary"].ledger
        line.wait(lambda: line.of_kind("fill"))
        assert held.amount("BTC") > 0
        assert line.stop() == 0
        assert held.amount("BTC") == 0


def test_a_silent_feed_makes_it_unready_and_it_never_exits(tmp_path: Path) -> None:
    with TraderLine(tmp_path, speed=60, options=["--max-silence-seconds", "2"]) as line:
        line.start()
        line.wait(lambda: line.condition("FeedFresh") and line.condition("Reconciled"))
        line.wait(lambda: line.of_kind("decision"))
        line.talking = False
        line.wait(lambda: line.condition("FeedFresh") is False)
        line.wait(lambda: [d["body"]["gate"] for d in line.of_kind("decision")[-1:]] == ["feed"])
        orders = len(line.of_kind("order"))
        decisions = len(line.of_kind("decision"))
        line.wait(lambda: len(line.of_kind("decision")) > decisions + 2)
        assert len(line.of_kind("order")) == orders
        assert line.process is not None and line.process.poll() is None
        line.talking = True
        line.wait(lambda: line.condition("FeedFresh"))


def test_with_its_journal_in_kafka_it_continues_where_it_was_killed(
    tmp_path: Path, kafka_address: str
) -> None:
    options = ["--journal", "kafka"]
    with TraderLine(tmp_path, speed=120, options=options, kafka=kafka_address) as line:
        line.start()
        line.wait(lambda: len(line.of_kind("order")) >= 2)
        line.kill()
        before = len(line.of_kind("order"))
        line.start()
        line.wait(lambda: len(line.of_kind("order")) >= before + 2)
        assert line.stop() == 0
        assert not (tmp_path / "state" / "btc" / "journal.sqlite").exists()
        account = line.emulator.exchange.accounts["primary"]
        names = [ticket.client_order_id for ticket in account.closed]
        assert len(names) == len(set(names)) and {"tb-btc-1-1", "tb-btc-1-2"} <= set(names)
        numbers = [int(str(name).rsplit("-", 1)[1]) for name in names]
        assert sorted(numbers) == list(range(1, len(numbers) + 1)), "numbers go on"


def test_a_recreated_lease_does_not_fence_its_trader_from_its_own_journal(
    tmp_path: Path, kafka_address: str
) -> None:
    """The lease is deleted with its TradeBot; the journal stays for one of the same name."""
    options = ["--journal", "kafka"]
    with TraderLine(tmp_path, speed=120, options=options, kafka=kafka_address) as line:
        for _ in range(2):
            line.start()
            line.wait(line.status)
            line.kill()
        shutil.rmtree(tmp_path / "state" / "btc")
        line.start()
        line.wait(line.status)
        orders = len(line.of_kind("order"))
        line.wait(lambda: len(line.of_kind("order")) > orders)
        assert line.tell("pause", "btc", "--because", "a question of trust").returncode == 0
        before = line.status()
        line.kill()
        (tmp_path / "state" / "btc" / "control.json").unlink()
        line.start()
        line.wait(line.status)
        after = line.status()
        assert before is not None and after is not None
        assert (before["epoch"], after["epoch"]) == (3, 4)
        assert after["paused"] == "a question of trust", "what was written after that counts"
        assert after["orders"] == before["orders"]
