"""A bot's report in its TradeBot's status, and how often it is written."""

from decimal import Decimal
from typing import Any

import httpx
import msgspec
import pytest

from tradebot.domain.account.trip import Traded, Trip
from tradebot.domain.decision import Decision, Settings
from tradebot.domain.order_state import Fill
from tradebot.domain.situation import DAY_MS, HOUR_MS, Marks
from tradebot.records import ForecastRecord
from tradebot.trader.bot_report import BotReport, Latest, bot_report
from tradebot.trader.cluster.status import FIGURES_SECONDS, StatusReporter
from tradebot.trader.control.report import Condition
from tradebot.trader.journal.ledger import Ledger

NOW = 20_000 * DAY_MS + 6 * HOUR_MS
RULES = Settings(
    max_daily_loss=Decimal("0.02"), max_drawdown=Decimal("0.10"), max_orders_per_hour=30
)
BOUGHT = Traded(
    side="buy",
    fill=Fill(
        trade_id=1,
        ts=NOW - HOUR_MS,
        price=Decimal(100),
        amount=Decimal(2),
        fee=Decimal("0.8"),
        fee_currency="USD",
        taker=True,
    ),
    fee_in_base=False,
    name="btc-1",
    mid=Decimal(100),
)
HOLDING = Ledger(
    known=True,
    base=Decimal(2),
    quote=Decimal("799.2"),
    fees=Decimal("0.8"),
    realised=Decimal("12.5"),
    trip=Trip(
        trip_id="btc-1",
        opened=NOW - HOUR_MS,
        bought=Decimal(2),
        cost=Decimal(200),
        fees_in=Decimal("0.8"),
    ),
    recent=(BOUGHT,),
    marks=Marks(day=20_000, day_equity=Decimal(1000), peak_equity=Decimal(1100)),
    orders_at=(NOW - 2 * HOUR_MS, NOW - 1000),
)
HOLD = Decision(action="hold", signal="hold", reason="delta is 0.00001", gate="signal", verdicts=())
FORECAST = ForecastRecord(
    "BTCUSD", "FastProphet", "d1", NOW, NOW, NOW, 60_000, [], [], [], rows=9, evaluated=True,
    score=0.01234,
)  # fmt: skip


def report(ledger: Ledger = HOLDING, mid: str = "110", **changed: Any) -> BotReport:
    asked: dict[str, Any] = {
        "price_step": Decimal("0.01"),
        "now": NOW,
        "latest": Latest(HOLD, NOW),
        "forecast": FORECAST,
    }
    return bot_report(ledger, RULES, mid=Decimal(mid), **asked | changed)


def test_the_report_values_the_account_and_the_open_trip_at_the_mid() -> None:
    made = report()
    assert (made.position, made.equity, made.fees) == ("2", "1019.20", "0.80")
    assert (made.realised, made.unrealised, made.profit) == ("12.50", "19.20", "31.70")
    assert made.open_since == "2024-10-04T05:00:00Z"


def test_the_report_has_the_last_fill_and_the_model_card() -> None:
    made = msgspec.to_builtins(report())
    assert made["lastFill"] == {
        "side": "buy",
        "price": "100",
        "amount": "2",
        "fee": "0.80",
        "time": "2024-10-04T05:00:00Z",
    }
    assert made["model"]["name"] == "FastProphet"
    assert (made["model"]["evaluated"], made["model"]["score"]) == (True, "0.0123")


def test_the_report_says_what_the_limits_still_allow() -> None:
    left = report().limits_left
    assert left.daily_loss == "39.20"  # 1019.20 - 98 % of 1000
    assert left.drawdown == "29.20"  # 1019.20 - 90 % of 1100
    assert left.orders_this_hour == 29


def test_a_new_day_has_its_whole_daily_loss_left() -> None:
    assert report(now=NOW + DAY_MS).limits_left.daily_loss == "20.38"


def test_a_limit_that_is_passed_leaves_nothing() -> None:
    assert report(mid="50").limits_left.daily_loss == "0.00"


def test_a_decision_is_dated_from_the_window_in_which_it_began() -> None:
    first = Latest(HOLD, NOW)
    again = msgspec.structs.replace(HOLD, reason="delta is 0.00002")
    assert first.then(again, NOW + 60_000) == Latest(again, NOW)
    other = msgspec.structs.replace(HOLD, gate="cooldown")
    assert first.then(other, NOW + 60_000) == Latest(other, NOW + 60_000)


class Cluster:
    """An API server that counts the writes of a status."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.status: dict[str, Any] = {}
        self.writes = 0

    async def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, **_: Any
    ) -> httpx.Response:
        if body is not None:
            self.writes += 1
            self.status = body["status"]
        asked = httpx.Request(method, f"http://cluster{path}")
        return httpx.Response(200, json={"status": self.status}, request=asked)

    async def close(self) -> None:
        pass


def conditions(fresh: bool = True) -> list[Condition]:
    return [Condition(type="FeedFresh", status=fresh, reason="Heard", message="x")]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def reporter(cluster: Cluster) -> StatusReporter:
    return StatusReporter(
        cluster,  # type: ignore[arg-type]
        namespace="bots",
        bot="btc",
        monotonic=lambda: cluster.now,
    )


async def test_a_bot_whose_figures_change_is_written_once_in_thirty_seconds(
    cluster: Cluster, reporter: StatusReporter
) -> None:
    await reporter.report(conditions(), report())
    for second in range(120):
        cluster.now += 1
        await reporter.report(conditions(), report(mid=str(110 + second)))
    assert cluster.writes == 1 + 120 // int(FIGURES_SECONDS)
    assert cluster.status["bot"]["equity"] == "1257.20"


async def test_a_bot_to_which_nothing_happens_is_not_written(
    cluster: Cluster, reporter: StatusReporter
) -> None:
    await reporter.report(conditions(), report())
    for minute in range(60):
        cluster.now += 60
        said = msgspec.structs.replace(HOLD, reason=f"delta is 0.0000{minute}")
        refit = msgspec.structs.replace(FORECAST, digest=f"d{minute}", fitted_at=NOW + minute)
        await reporter.report(conditions(), report(latest=Latest(said, NOW), forecast=refit))
    assert cluster.writes == 1


async def test_a_changed_condition_is_written_at_once_with_the_figures(
    cluster: Cluster, reporter: StatusReporter
) -> None:
    await reporter.report(conditions(), report())
    await reporter.report(conditions(fresh=False), report(mid="120"))
    assert cluster.writes == 2
    assert cluster.status["bot"]["equity"] == "1039.20"


async def test_figures_that_are_not_known_yet_leave_those_that_are_shown(
    cluster: Cluster, reporter: StatusReporter
) -> None:
    cluster.status = {"bot": msgspec.to_builtins(report())}
    await reporter.report(conditions(), None)
    assert cluster.status["bot"]["equity"] == "1019.20"


async def test_a_status_that_another_version_wrote_is_replaced(
    cluster: Cluster, reporter: StatusReporter
) -> None:
    cluster.status = {"bot": {"equity": 7}}
    await reporter.report(conditions(), report())
    assert cluster.status["bot"]["equity"] == "1019.20"
