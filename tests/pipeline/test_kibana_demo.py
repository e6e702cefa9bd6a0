"""A real demo into a real Elasticsearch: every panel has rows, and agrees with the page.

The demo meets everything that the panels show: a refused order, an order that is ambiguous for a
while, an order in the bot's name that is not its own, a halt and a pause that a person lifts, a
feed that breaks, and a model that goes stale. The tests make no documents themselves.
"""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from demo_process import Demo
from elasticsearch import Elasticsearch
from observing.kibana_questions import Numbers, Pages, kql, rows
from waiting.conditions import PATIENCE_SECONDS, until
from waving_market import waves

from tradebot.domain.money import floor_to
from tradebot.records import DocType
from tradebot.venue.gemini.answers import NewOrder
from tradebot.venue.gemini.nonces import TimeNonces
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.gemini.signing import Credentials

pytestmark = [pytest.mark.elasticsearch, pytest.mark.slow]

PREFIX = f"d{uuid.uuid4().hex[:8]}"
PAGES = Pages(PREFIX)
SPEED = 80
MINUTE = 60_000
SOURCES = ("ingest", "liquidity", "forecast")

LATER = {"One day"}
"""Columns whose rows come a day of exchange time after the first forecast, eighteen minutes here.
`tests/contract/test_kibana_queries.py` checks them with documents of two days."""


class Line:
    """The demo, the store that it fills, and its faults."""

    def __init__(self, folder: Path, address: str) -> None:
        url = address if "://" in address else f"http://{address}"
        self.server = Elasticsearch(url)
        self.frozen: set[int] = set()
        market = waves(folder / "waves.csv")
        options = ("--speed", str(SPEED), "--market", str(market), "--elasticsearch", url)
        self.demo = Demo(folder, *options)
        self.demo.wait_ready()
        words = shlex.split((self.demo.state / "environment").read_text())
        self.given = dict(word.split("=", 1) for word in words if word != "export")
        self.emulator = self.given["TRADEBOT_EMULATOR_URL"]
        (self.page,) = re.findall(r"all stages are ready:\s+(\S+)", self.demo.log.read_text())

    def count(self, kind: DocType, where: str = "") -> int:
        self.server.indices.refresh(index=f"{PREFIX}-*")
        found = self.server.count(index=f"{PREFIX}-{kind}-*", query=kql(where))
        return int(found["count"])

    def until(self, kind: DocType, where: str = "", count: int = 1) -> None:
        """Waits until that many such documents are stored."""
        until(
            lambda: self.count(kind, where) >= count,
            pause=0.25,
            told=lambda: f"no {count} {kind} with {where}: {self.said()}",
        )

    def said(self) -> str:
        log = (self.demo.state / "logs" / "trader.log").read_text().splitlines()
        return "\n".join(log[-8:])

    def fault(self, **rule: Any) -> None:
        httpx.post(
            f"{self.emulator}/emulator/faults", json=rule, timeout=PATIENCE_SECONDS
        ).raise_for_status()

    def control(self, verb: str) -> None:
        command = [sys.executable, "-m", "tradebot", verb, "demo", "--because", "a test"]
        command += ["--state-dir", str(self.demo.state)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def befall(self) -> None:
        """Causes all faults that the panels show, one after the other."""
        self.fault(
            kind="error", match="/v1/order/new", status=406, reason="InsufficientFunds", count=1
        )
        self.until(DocType.ORDER, "state: rejected")
        self.until(DocType.FILL, "side: buy")
        asyncio.run(self._order_in_the_bot_s_name())
        self.until(DocType.HALT, "state: halted")
        self.control("resume")
        self.fault(kind="drop", match="/v1/order/new", part="answer", count=1)
        self.fault(kind="error", match="/v1/order/status", status=503, **{"for": 20})
        self.fault(kind="error", match="/v1/mytrades", status=503, **{"for": 20})
        self.until(DocType.DECISION, "reconciled: false")
        httpx.delete(
            f"{self.emulator}/emulator/faults", timeout=PATIENCE_SECONDS
        ).raise_for_status()
        self.control("pause")
        self.control("resume")
        self.fault(kind="disconnect")
        self.until(DocType.HALT, "state: resumed", 2)
        self.until(DocType.SCORE)
        self.stop("forecast")
        self.until(DocType.DECISION, "gate: model")

    async def _order_in_the_bot_s_name(self) -> None:
        """Places an order unknown to the journal, far from the market, so that it stays."""
        credentials = Credentials("account-demo-time", "demo-secret")
        async with GeminiRest(self.emulator, credentials, nonces=TimeNonces()) as rest:
            bid = (await rest.ticker("BTCUSD")).bid
            order = NewOrder(
                symbol="btcusd",
                side="buy",
                amount=Decimal("0.01"),
                price=floor_to(bid * Decimal("0.97"), Decimal("0.01")),
                client_order_id="tb-demo-1-900",
            )
            await rest.new_order(order)

    def stop(self, *stages: str) -> None:
        """Suspends stages."""
        for pid, name in self.demo.children().items():
            if name in stages:
                os.kill(pid, signal.SIGSTOP)
                self.frozen.add(pid)

    def freeze(self) -> None:
        """Stops windows, and waits until everything is stored."""
        self.stop(*SOURCES)
        counts, same = [-1], 0
        while same < 4:
            time.sleep(0.5)
            counts.append(sum(self.count(kind) for kind in DocType))
            same = same + 1 if counts[-1] == counts[-2] else 0

    def thaw(self) -> None:
        for pid in self.frozen:
            os.kill(pid, signal.SIGCONT)
        self.frozen.clear()

    def shown(self) -> dict[str, Any]:
        """Returns all sections that the page sends to a new browser."""
        found: dict[str, Any] = {}
        with httpx.stream("GET", f"{self.page}/events", timeout=PATIENCE_SECONDS) as page:
            for line in page.iter_lines():
                field, _, text = line.partition(": ")
                if field == "event":
                    name = text
                elif field == "data":
                    found[name] = json.loads(text)
                if "state" in found:
                    return found
        raise AssertionError("the page's stream ended")


@pytest.fixture(scope="module")
def line(elasticsearch_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADEBOT_INDEX_PREFIX", PREFIX)
        patch.setenv("TRADEBOT_RECONCILE_SECONDS", "5")
        patch.setenv("TRADEBOT_BAND_MAX_BPS", "15000")
        patch.setenv("TRADEBOT_MAX_MODEL_AGE_SECONDS", "300")
        patch.setenv("TRADEBOT_COOLDOWN_SECONDS", "0")
        line = Line(tmp_path_factory.mktemp("kibana"), elasticsearch_address)
        try:
            line.befall()
            line.until(DocType.LIQUIDITY, count=75)
            line.freeze()
            yield line
        finally:
            line.thaw()
            line.demo.abandon()
            for name in list(line.server.indices.get(index=f"{PREFIX}-*").body):
                line.server.indices.delete(index=name)
            line.server.indices.delete_index_template(name=f"{PREFIX}-*")


@pytest.mark.parametrize(
    "numbers", [n for n in PAGES.numbers() if n.shown["label"] not in LATER], ids=str
)
def test_every_number_of_a_panel_has_rows(line: Line, numbers: Numbers) -> None:
    found = [row[numbers.column] for row in rows(line.server, numbers.layer)]
    known = [value for value in found if value is not None]
    # The last balance may be zero; nothing else that is counted or measured may.
    assert known and (any(known) or numbers.shown["operationType"] == "last_value"), found


@pytest.mark.parametrize("search", list(PAGES.searches()), ids=lambda o: o["id"])
def test_every_list_has_documents_with_its_columns(line: Line, search: dict[str, Any]) -> None:
    (reference,) = search["references"]
    answer = line.server.search(index=PAGES.index(reference["id"]), size=500)
    seen = {name for hit in answer["hits"]["hits"] for name in hit["_source"]}
    assert set(search["attributes"]["columns"]) <= seen


def number(line: Line, title: str) -> float:
    """Returns the value of a panel with one number."""
    (picture,) = (p for p in PAGES.pictures() if (p.title, p.kind) == (title, "lnsMetric"))
    (layer,) = picture.layers
    (row,) = rows(line.server, layer)
    value = row["metric0"]
    assert value is not None, title
    return float(value)


def test_the_panels_say_what_the_page_says(line: Line) -> None:
    page = line.shown()
    money, orders, fills = page["money"], page["orders"], page["fills"]
    held = {balance["currency"]: balance["amount"] for balance in money["balances"]}
    sides = [order["side"] for order in orders]
    said = {
        "Windows": len(page["windows"]),
        "Incomplete windows": sum(not window["complete"] for window in page["windows"]),
        "Last ratio": page["windows"][-1]["ratio"],
        "Equity": money["equity"][-1][1],
        "Base currency held": held["BTC"],
        "Round trips": money["trips"],
        "Score of all trips": money["last_score"]["realised"],
        "Buys": sides.count("buy"),
        "Sells": sides.count("sell"),
        "Orders": len(orders),
        "Rejected orders": sum(order["state"] == "rejected" for order in orders),
        "Fees paid": sum(fill["fee"] for fill in fills),
    }
    assert {title: number(line, title) for title in said} == pytest.approx(said)


def test_the_score_of_each_trip_and_equity_s_course_are_the_page_s(line: Line) -> None:
    money = line.shown()["money"]
    charts = {p.title: p for p in PAGES.pictures() if p.kind == "lnsXY"}
    scores = rows(line.server, charts["Score per trip"].layers[0])
    total = sum(row["metric0"] for row in scores if row["metric0"] is not None)
    assert total == pytest.approx(sum(score["score"] for score in money["scores"]))
    assert total == pytest.approx(number(line, "Score of all trips"))
    equity = [row["metric0"] for row in rows(line.server, charts["Equity"].layers[0])]
    course = [value for _, value in money["equity"]]
    assert min(course) <= min(equity) <= max(equity) <= max(course)


def test_a_click_on_a_trade_leads_to_all_about_it(line: Line) -> None:
    (trades,) = (p for p in PAGES.pictures() if p.title.startswith("Trades"))
    for clicked in rows(line.server, trades.layers[0]):
        where = f"decision_id: {clicked['by']}"
        for picture in PAGES.pictures():
            if picture.dashboard == "trade":
                (layer,) = picture.layers
                found = rows(line.server, msgspec.structs.replace(layer, where=where))
                assert any(row["metric0"] for row in found), picture.title
        about = line.server.search(index=PAGES.index("tradebot-all"), query=kql(where), size=100)
        kinds = {hit["_source"]["doc_type"] for hit in about["hits"]["hits"]}
        assert {"decision", "order", "fill"} <= kinds


def test_as_many_reconciliations_are_shown_as_the_trader_counts(line: Line) -> None:
    ports = dict(pair.split("=", 1) for pair in line.given["TRADEBOT_STAGES"].split(","))
    metrics = httpx.get(f"{ports['trader']}/metrics", timeout=PATIENCE_SECONDS).text
    counted = re.findall(r"^tradebot_trader_reconciliations_total\{.*\} (\S+)$", metrics, re.M)
    # Those since the last decision are stored with the next.
    since = sum(map(float, counted)) - number(line, "Reconciliations")
    assert 0 <= since <= 3
    assert number(line, "Decisions while not reconciled") >= 1


@pytest.mark.last
def test_the_demo_s_own_summary_counts_the_same(line: Line) -> None:
    line.thaw()
    summary = line.demo.end()
    line.server.indices.refresh(index=f"{PREFIX}-*")
    assert summary["documents"] == sum(line.count(kind) for kind in DocType)
    for title in ("Buys", "Sells", "Windows", "Halts"):
        assert summary[title.lower()] == number(line, title), title
