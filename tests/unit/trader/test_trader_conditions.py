"""The conditions that a trader reports, and the forecast that it follows."""

from decimal import Decimal
from typing import Any, Self

import msgspec
import pytest

from tradebot.domain.decision import State
from tradebot.domain.situation import DAY_MS
from tradebot.platform.clock import VenueClock
from tradebot.platform.health import Readiness
from tradebot.records import ForecastRecord
from tradebot.trader.control.gates import Gates
from tradebot.trader.inputs.forecasts import Forecasts
from tradebot.trader.settings import TraderSettings

D = Decimal


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """An engine and a lease as the gates see them."""

    doubt = ""
    down = ""
    holds = True
    halted = ""
    paused = ""
    outside_traded = 0
    window_end = 0

    def newest_window(self) -> int:
        return self.window_end

    @property
    def journaled(self) -> Self:
        return self

    @property
    def ledger(self) -> Self:
        return self

    def held(self) -> bool:
        return self.holds

    def state(self) -> State:
        return State(base=D(0), quote=D(0), halted=self.halted, paused=self.paused)


def gates_of(desk: Desk, clock: VenueClock, **settings: Any) -> tuple[Gates, Forecasts]:
    forecasts = Forecasts("BTCUSD", "FastProphet")
    made = TraderSettings(**settings)
    return Gates(made, desk, clock, forecasts, desk), forecasts  # type: ignore[arg-type]


def forecast(
    history_end: int,
    model: str = "FastProphet",
    *,
    forecaster: str = "",
    path: tuple[float, ...] = (1.0, 1.1, 1.2),
) -> ForecastRecord:
    ends = history_end, history_end, 0
    record = ForecastRecord("BTCUSD", model, "d", *ends, 60_000, [*path], [], [])
    return msgspec.structs.replace(record, forecaster=forecaster)


def test_a_trader_is_ready_when_reconciled_fresh_and_not_halted() -> None:
    desk, seconds, readiness = Desk(), Seconds(), Readiness("trader")
    clock = VenueClock(monotonic=seconds)
    gates, forecasts = gates_of(desk, clock)
    gates.watch(readiness)
    readiness.started()
    assert set(readiness.reasons()) == {"FeedFresh", "WindowsFresh", "ModelFresh"}
    clock.observe(10_000_000)
    assert forecasts.take(forecast(9_000_000))
    assert readiness.reasons() == {}
    seconds.now = 10.5
    assert "silent for more than 10 s" in readiness.reasons()["FeedFresh"]
    seconds.now = 2600.1
    clock.observe(10_000_000 + 2_600_100)
    assert "more than 3600 s old" in readiness.reasons()["ModelFresh"]
    desk.doubt, desk.halted = "an order's fate is not known", "the day's loss"
    assert readiness.reasons()["Reconciled"] == "an order's fate is not known"
    assert readiness.reasons()["Halted"] == "the day's loss"
    assert [c.reason for c in gates.conditions()] == [
        "NotReconciled", "FeedFresh", "WindowsSilent", "ModelStale", "LimitReached",
        "OnlyOwnTrades",
    ]  # fmt: skip


def test_windows_that_stop_make_the_trader_unready_after_three_minutes_and_the_lag() -> None:
    desk, seconds = Desk(), Seconds()
    clock = VenueClock(monotonic=seconds)
    gates, _ = gates_of(desk, clock)
    clock.observe(10_000_000)
    assert gates.windows_fresh().status, "a trader that just started waits for the first"
    seconds.now = 190
    assert gates.windows_fresh().status
    seconds.now = 190.1
    silent = gates.windows_fresh()
    assert (silent.status, silent.reason) == (False, "WindowsSilent")
    assert "no window has come since this bot began" in silent.message
    desk.window_end = 10_000_000 + 180_000
    assert gates.windows_fresh().status, "one came"
    seconds.now = 190 + 20 * 60
    assert "no window has come for 20 min" in gates.windows_fresh().message


def test_a_trader_reports_what_a_sell_would_sell() -> None:
    own, _ = gates_of(Desk(), VenueClock())
    everything, _ = gates_of(Desk(), VenueClock(), holdings="All")
    assert own.reconciled().message.endswith("a sell sells what the bot's own orders bought")
    assert "whole balance of base currency" in everything.reconciled().message


def test_trades_of_others_are_reported_for_a_day() -> None:
    desk, clock = Desk(), VenueClock(monotonic=Seconds())
    gates, _ = gates_of(desk, clock)
    clock.observe(2 * DAY_MS)
    assert not gates.outside_trades().status
    desk.outside_traded = DAY_MS + 1
    assert gates.outside_trades().status
    clock.observe(2 * DAY_MS + 1)
    assert not gates.outside_trades().status


def test_heartbeats_are_sent_only_while_all_is_well() -> None:
    desk, seconds = Desk(), Seconds()
    clock = VenueClock(monotonic=seconds)
    gates, _ = gates_of(desk, clock)
    assert not gates.well(), "nothing was heard of the feed"
    clock.observe(1)
    assert gates.well()
    desk.holds = False
    assert not gates.well(), "the lease is gone"
    desk.holds, desk.doubt = True, "not reconciled"
    assert not gates.well()
    desk.doubt, seconds.now = "", 11.0
    assert not gates.well(), "the feed is silent"


def test_a_bot_that_is_meant_to_be_paused_is_ready() -> None:
    desk, readiness = Desk(), Readiness("trader")
    desk.paused = "the mode is Paused"
    gates, _ = gates_of(desk, VenueClock(), mode="Paused")
    gates.watch(readiness)
    assert "Halted" not in readiness.reasons()
    assert gates.halted().reason == "ModePaused"


def test_the_forecast_that_saw_the_most_is_kept_and_others_are_passed_over() -> None:
    forecasts = Forecasts("BTCUSD", "FastProphet")
    assert not forecasts.take(forecast(1, model="Prophet"))
    assert forecasts.take(forecast(2000))
    assert not forecasts.take(forecast(1000))
    assert forecasts.history_end() == 2000
    assert forecasts.at(60_000) is not None
    assert forecasts.at(120_000) is None, "the step after is not covered"


@pytest.mark.parametrize(("follows", "rises"), [("day", True), ("hour", False)])
def test_of_two_forecasters_of_one_model_a_trader_follows_its_own_alone(
    follows: str, rises: bool
) -> None:
    forecasts = Forecasts("BTCUSD", "FastProphet", follows)
    for history_end in range(0, 10_000, 1000):
        forecasts.take(forecast(history_end, forecaster="day", path=(1.0, 1.1, 1.2)))
        forecasts.take(forecast(history_end + 500, forecaster="hour", path=(1.0, 0.9)))
        forecasts.take(forecast(history_end + 700, path=(1.0, 1.0, 1.0)))
        prediction = forecasts.at(0)
        assert prediction is not None
        assert (prediction.log_price_next > prediction.log_price) is rises


def test_a_trader_that_receives_only_anothers_forecasts_is_unready_and_says_whose() -> None:
    gates, forecasts = gates_of(Desk(), VenueClock())
    assert gates.model_fresh().message == "no forecast from FastProphet has arrived yet"
    assert not forecasts.take(forecast(1000, forecaster="hour"))
    assert gates.model_fresh().message == (
        "no forecast from FastProphet by a forecaster without a name has arrived yet, only"
        " from 'hour': set --forecaster to the one to follow"
    )


def test_a_trader_that_waits_for_a_model_that_is_not_installed_says_which_are() -> None:
    absence = Forecasts("BTCUSD", "Fastprophet").absence()
    assert absence.startswith(
        "no forecast from Fastprophet has arrived yet, and no forecaster with that name"
        " is installed here"
    )
    assert "FastProphet" in absence


def test_a_journal_that_is_down_is_said_and_the_account_still_counts_as_reconciled() -> None:
    desk = Desk()
    gates, _ = gates_of(desk, VenueClock(1))
    desk.down = "the journal is down: no broker responds"
    shown = next(c for c in gates.conditions() if c.type == "Reconciled")
    assert (shown.status, shown.reason) == (False, "JournalDown")
    assert "exits and sales go on" in shown.message
    assert gates.reconciled().status, "an order that is sent is still cancelled at a stop"
