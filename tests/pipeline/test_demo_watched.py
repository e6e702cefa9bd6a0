"""A real Prometheus watches the demo: quiet while all is well, and each fault fires its alert."""

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_process import Demo
from observing.metrics_pages import EVERY, Metric, documented, shown
from observing.prometheus_watch import Prometheus, free_port
from waiting.conditions import PATIENCE_SECONDS, until

from tradebot.demo.stages import API_KEY, API_SECRET, in_demo
from tradebot.platform import kafka
from tradebot.platform.settings import StageSettings
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.platform.topics import Topics
from tradebot.records import DocType
from tradebot.venue.gemini.answers import NewOrder
from tradebot.venue.gemini.nonces import TimeNonces
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials

pytestmark = pytest.mark.slow

RINGING_SCRAPES = 4
"""Alerts fire after two seconds here, and each second has a scrape."""

ROOT = Path(__file__).resolve().parents[2]
READERS = ("charts/tradebot/files/prometheus", "charts/tradebot/files/grafana", "docs/runbooks")
"""Where metrics are used: alerts, dashboards, and runbooks."""


class Watched:
    """A demo, and a Prometheus that scrapes every stage of it each second."""

    def __init__(self, folder: Path, program: str) -> None:
        # A paused bot sells nothing either, so that a test can keep what it deposits.
        self.demo = Demo(folder, "--speed", "60", settings={"TRADEBOT_ON_BREACH": "Hold"})
        self.demo.wait_ready()
        self.stages = {name: pid for pid, name in self.demo.children().items()}
        words = shlex.split((self.demo.state / "environment").read_text())
        self.given = dict(word.split("=", 1) for word in words if word != "export")
        self.kafka = StageSettings(kafka=self.given["TRADEBOT_KAFKA"], kafka_embedded=True)
        groups = json.loads((self.demo.state / "targets.json").read_text())
        self.addresses = {g["labels"]["instance"]: g["targets"][0] for g in groups}
        stages = list(self.addresses.values())
        sooner = {"TradebotDocumentBacklog": ("> 300)", "> 5)")}
        self.prometheus = Prometheus(folder, program, stages, sooner)
        self.firing, self.firing_bots = self.prometheus.firing, self.prometheus.firing_bots
        self._more: list[subprocess.Popen[bytes]] = []

    def look(self) -> None:
        """Records what is shown before any fault."""
        healths = self.prometheus.healths
        until(lambda: len(healths()) >= 7 and set(healths()) == {"up"})
        # As long as every rule needs to fire.
        until(lambda: self.prometheus.value("min(count_over_time(up[1m]))") > RINGING_SCRAPES)
        groups = self.prometheus.ask("rules")["groups"]
        self.rules_at_first = [rule for group in groups for rule in group["rules"]]
        self.firing_at_first = self.firing()
        self.counters_at_first = self.counters_now()

    def control(self, verb: str) -> None:
        command = [sys.executable, "-m", "tradebot", verb, "demo", "--because", "a test"]
        command += ["--state-dir", str(self.demo.state)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def fault(self, *rules: dict[str, Any]) -> None:
        url = f"{self.given['TRADEBOT_EMULATOR_URL']}/emulator/faults"
        httpx.post(url, json=rules, timeout=PATIENCE_SECONDS).raise_for_status()

    def at_the_exchange(self, currency: str) -> float:
        """Returns the demo account's balance at the emulator."""
        url = f"{self.given['TRADEBOT_EMULATOR_URL']}/emulator/accounts"
        account = next(
            a for a in httpx.get(url, timeout=PATIENCE_SECONDS).json() if a["name"] == "primary"
        )
        balances = {each["currency"]: float(each["amount"]) for each in account["balances"]}
        return balances[currency]

    def buy_by_hand(self) -> None:
        """Places an order of the demo's account with another of its keys."""

        async def buy() -> None:
            key = Credentials(f"{API_KEY}-time", API_SECRET)
            url = self.given["TRADEBOT_EMULATOR_URL"]
            async with GeminiRest(url, key, nonces=TimeNonces()) as rest:
                best = (await rest.ticker(self.given["TRADEBOT_SYMBOL"])).ask
                order = NewOrder(
                    symbol=self.given["TRADEBOT_SYMBOL"],
                    side="buy",
                    amount=Decimal("0.001"),
                    price=(best * Decimal("1.01")).quantize(Decimal("0.01")),
                    client_order_id="by-hand",
                    option="immediate-or-cancel",
                )
                assert (await rest.new_order(order)).executed_amount > 0

        asyncio.run(buy())

    def lift_faults(self) -> None:
        httpx.delete(
            f"{self.given['TRADEBOT_EMULATOR_URL']}/emulator/faults", timeout=PATIENCE_SECONDS
        )

    def start_bot(self, bot: str, *options: str) -> None:
        """Starts a second trader, on paper, which Prometheus watches too."""
        port = free_port()
        command = [sys.executable, "-m", "tradebot", "trader", "--bot", bot, "--mode", "Paper"]
        command += ["--http-port", str(port), *options]
        with (self.demo.state / "logs" / f"{bot}.log").open("w") as log:
            environment = {**os.environ, **self.given}
            self._more.append(subprocess.Popen(command, env=environment, stderr=log))
        self.prometheus.watch([*self.prometheus.targets, f"127.0.0.1:{port}"])

    def end_bot(self) -> None:
        """Ends the trader that was started last."""
        process = self._more.pop()
        process.terminate()
        process.wait(PATIENCE_SECONDS)
        self.prometheus.watch(self.prometheus.targets[:-1])

    def counters_now(self) -> set[frozenset[tuple[str, str]]]:
        """Returns name and labels of each of the demo's counters that is used somewhere."""
        found = self.prometheus.ask(f"query?query={{__name__=~'{'|'.join(counters_read())}'}}")
        labels = [each["metric"] for each in found["result"]]
        return {frozenset(each.items()) for each in labels if each.get("bot", "demo") == "demo"}

    @contextlib.contextmanager
    def hanging(self, stage: str) -> Iterator[None]:
        """Suspends the stage inside the block."""
        os.kill(self.stages[stage], signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.stages[stage], signal.SIGCONT)

    def end(self) -> None:
        for pid in self.stages.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        for process in self._more:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
        self.prometheus.end()
        self.demo.abandon()


ELSEWHERE = ("tradebot_operator", "tradebot_strategy")
"""Beginnings of metrics whose process is not part of this demo."""


def counters_read() -> set[str]:
    files = [file for folder in READERS for file in (ROOT / folder).iterdir()]
    read = re.findall(r"\btradebot_[a-z0-9_]+_total\b", "".join(f.read_text() for f in files))
    return {name for name in read if not name.startswith(ELSEWHERE)}


@pytest.fixture(scope="module")
def watched(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with pytest.MonkeyPatch.context() as patch:
        # A model is stale after a quarter of an exchange hour here, not after a whole one.
        patch.setenv("TRADEBOT_MAX_MODEL_AGE_SECONDS", "900")
        # Outside activity reaches the ledger within seconds.
        patch.setenv("TRADEBOT_RECONCILE_SECONDS", "5")
        watched = Watched(tmp_path_factory.mktemp("watched"), prometheus)
    watched.look()
    yield watched
    watched.end()


def test_all_stages_are_scraped_every_rule_is_sound_and_no_alert_fires(watched: Watched) -> None:
    assert {rule["health"] for rule in watched.rules_at_first} == {"ok"}, watched.rules_at_first
    assert watched.firing_at_first == set()
    assert {dict(each)["__name__"] for each in watched.counters_at_first} == counters_read()


def test_each_stage_shows_the_metrics_that_the_table_says_and_no_others(watched: Watched) -> None:
    table = documented()
    for name, address in watched.addresses.items():
        page = httpx.get(f"http://{address}/metrics", timeout=PATIENCE_SECONDS).text
        said = table[EVERY] | table.get(name, {})
        found = shown(page)
        assert found.keys() == said.keys(), name
        for metric, seen in found.items():
            labels = said[metric].labels if seen.labels is not None else None
            assert seen == Metric(said[metric].kind, labels), metric
    elsewhere = {EVERY, "operator", "strategy"}  # the report's rule needs no strategy stage
    assert table.keys() - elsewhere <= watched.addresses.keys()


def test_an_order_whose_fate_is_not_known_fires_its_alert_until_it_is_found(
    watched: Watched,
) -> None:
    # A deposit, so that there is something to sell whatever was sold before. The bot is paused, or
    # its next signal could sell the deposit within the second in which it shows.
    watched.control("pause")
    watched.fault({"kind": "balance", "currency": "BTC", "amount": "1"})
    held = 'tradebot_trader_balance{bot="demo", currency="BTC"}'
    until(lambda: watched.prometheus.value(held) == watched.at_the_exchange("BTC") >= 1)
    watched.fault(
        {"kind": "error", "match": "/v1/order/new", "status": 502, "body": "", "processed": True},
        {"kind": "error", "match": "/v1/order/status", "status": 503},
        {"kind": "error", "match": "/v1/mytrades", "status": 503},
    )
    watched.control("flatten")
    wanted = {"TradebotOrderAmbiguous", "TradebotUnreconciled", "TradebotStageUnready"}
    until(lambda: wanted <= watched.firing())
    watched.lift_faults()
    watched.control("resume")
    until(lambda: ("TradebotUnreconciled", "demo") not in watched.firing_bots())
    assert ("TradebotOrderAmbiguous", "demo") not in watched.firing_bots()


def test_a_record_that_cannot_be_read_fires_its_alert(watched: Watched) -> None:
    producer = kafka.producer(watched.kafka)
    producer.produce(Topics().documents, key="x", value=b"not a document")
    producer.flush()
    until(lambda: "TradebotDeadLetters" in watched.firing())


def test_a_silent_feed_and_the_windows_that_it_spoilt_fire_their_alerts(watched: Watched) -> None:
    with watched.hanging("emulator"):
        until(lambda: "TradebotFeedStalled" in watched.firing())
    until(lambda: "TradebotFeedStalled" not in watched.firing())
    until(lambda: "TradebotWindowIncomplete" in watched.firing())


def test_a_paused_bot_fires_its_alert_until_it_is_resumed(watched: Watched) -> None:
    until(lambda: "TradebotHalted" not in watched.firing())
    watched.control("pause")
    until(lambda: "TradebotHalted" in watched.firing())
    watched.control("resume")
    until(lambda: "TradebotHalted" not in watched.firing())


def test_a_stage_that_hangs_fires_its_alert(watched: Watched) -> None:
    with watched.hanging("forecast"):
        until(lambda: "TradebotStageSilent" in watched.firing())
    until(lambda: "TradebotStageSilent" not in watched.firing())


def test_a_forecast_that_grows_old_fires_its_alert(watched: Watched) -> None:
    with watched.hanging("forecast"):
        until(lambda: "TradebotModelStale" in watched.firing())
    until(lambda: "TradebotModelStale" not in watched.firing())


def test_missing_windows_fire_their_alert(watched: Watched) -> None:
    with watched.hanging("liquidity"):
        until(lambda: "TradebotWindowsSilent" in watched.firing())
    until(lambda: "TradebotWindowsSilent" not in watched.firing())


def test_documents_that_the_store_does_not_take_fire_their_alert(watched: Watched) -> None:
    store = sqlite3.connect(watched.demo.state / "documents.sqlite", isolation_level=None)
    store.execute("begin immediate")  # blocks other writers
    until(lambda: "TradebotDocumentBacklog" in watched.firing())
    store.execute("rollback")
    store.close()
    until(lambda: "TradebotDocumentBacklog" not in watched.firing())


def test_a_fall_near_the_limit_fires_its_alert_for_the_bot_that_has_the_limit(
    watched: Watched,
) -> None:
    watched.start_bot("glass", "--paper-base", "10", "--max-drawdown", "0.0005")
    until(lambda: ("TradebotDrawdownNearLimit", "glass") in watched.firing_bots())
    assert ("TradebotDrawdownNearLimit", "demo") not in watched.firing_bots()
    watched.end_bot()  # the venue's rate limit is not for two at this speed


def test_trades_of_someone_else_on_the_account_fire_their_alert(watched: Watched) -> None:
    watched.buy_by_hand()
    until(lambda: ("TradebotOutsideTrades", "demo") in watched.firing_bots())


def test_no_counter_came_to_be_only_when_it_first_counted(watched: Watched) -> None:
    watched.fault({"kind": "disconnect"})
    watched.control("pause")
    watched.control("resume")
    until(lambda: watched.prometheus.value("sum(tradebot_ingest_connections_total)") > 1)
    assert watched.counters_now() - watched.counters_at_first == set()


def test_no_log_holds_a_key_and_each_decision_has_one_line(watched: Watched) -> None:
    files = [file for file in (watched.demo.state / "logs").rglob("*") if file.is_file()]
    assert {file.stem for file in files} >= {stage.name for stage in in_demo()}
    for file in files:
        text = file.read_text()
        assert API_SECRET not in text and API_KEY not in text, file.name
    store = SqliteStore(watched.demo.state / "documents.sqlite")
    decisions = {d["decision_id"]: d for d in store.latest(DocType.DECISION, 10_000, bot="demo")}
    store.close()
    assert decisions
    trader = (watched.demo.state / "logs" / "trader.log").read_text().splitlines()
    logged = [json.loads(line) for line in trader if '"event": "decision"' in line]
    lines = Counter(line["decision"] for line in logged)
    assert lines.keys() >= decisions.keys()
    assert set(lines.values()) == {1}
    for line in logged:
        assert (line["bot"], line["symbol"]) == ("demo", watched.given["TRADEBOT_SYMBOL"])
        if line["decision"] in decisions:
            stored = decisions[line["decision"]]
            assert line["order"] == stored["client_order_id"]
            assert line["action"] == stored["action"]
