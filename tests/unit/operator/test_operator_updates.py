"""updatePolicy: with Manual an edit waits for a restart, and the status says what waits."""

from typing import Any

from releases.made_children import SETTINGS, children

from tradebot_operator import status
from tradebot_operator.pods import Trouble
from tradebot_operator.resource import RESTART_ANNOTATION, TradeBot, parse
from tradebot_operator.updates import waiting_changes

FIRST = {"symbol": "BTCUSD", "updatePolicy": "Manual", "orders": {"slippageBps": 10}}


def seen(
    spec: dict[str, Any], *, generation: int = 2, restart: str = "", applied: Any = FIRST
) -> TradeBot:
    """A bot whose stages run `applied` of generation 1, as the operator sees it after an edit."""
    metadata: dict[str, Any] = {
        "namespace": "bots",
        "name": "btc",
        "uid": "uid",
        "generation": generation,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    if restart:
        metadata["annotations"] = {RESTART_ANNOTATION: restart}
    shown = {"applied": {"generation": 1, "spec": applied}} if applied else {}
    return parse({"metadata": metadata, "spec": spec, "status": shown})


def edited(**spec: Any) -> dict[str, Any]:
    return FIRST | spec


def drift(bot: TradeBot) -> dict[str, Any]:
    refusal = Trouble("KeysInUse", "it may not run")
    found = status.conditions(bot, refusal, [], {}, waiting=waiting_changes(bot, SETTINGS))
    return next((item for item in found if item["type"] == "ConfigDrift"), {})


def test_an_edit_waits_and_the_stages_stay_as_they_are() -> None:
    bot = seen(edited(orders={"slippageBps": 5}))
    assert children(bot, "trader") == children(seen(FIRST), "trader")
    assert bot.waiting is not None and bot.waiting.orders.slippage_bps == 5


def test_the_condition_names_the_stages_the_fields_and_both_values() -> None:
    spec = edited(orders={"slippageBps": 5}, forecast={"modelOptions": {"growth": "flat"}})
    condition = drift(seen(spec))
    assert (condition["status"], condition["reason"]) == ("True", "RestartNeeded")
    told = condition["message"]
    assert told.startswith("run `kubectl tradebot restart btc` to apply the edits of forecast (")
    growth = "spec.forecast.modelOptions.growth: unset -> flat"
    assert f"forecast ({growth})" in told
    assert f"trader ({growth}, spec.orders.slippageBps: 10 -> 5)" in told
    assert "ingest" not in told


def test_an_edit_takes_effect_with_the_generation_that_a_person_restarts_with() -> None:
    spec = edited(orders={"slippageBps": 5})
    assert seen(spec, restart="2").spec.orders.slippage_bps == 5
    assert seen(spec, restart="1").spec.orders.slippage_bps == 10
    assert seen(spec, restart="soon").spec.orders.slippage_bps == 10
    assert drift(seen(spec, restart="2"))["status"] == "False"


def test_after_a_restart_the_status_keeps_the_new_spec() -> None:
    bot = seen(edited(orders={"slippageBps": 5}), restart="2")
    assert bot.applied is not None
    assert (bot.applied.generation, bot.applied.spec["orders"]) == (2, {"slippageBps": 5})
    assert status.changed(bot, []), "the status still shows generation 1"


def test_the_first_spec_of_a_bot_takes_effect_at_once() -> None:
    bot = seen(FIRST, generation=1, applied=None)
    assert bot.waiting is None and bot.spec.orders.slippage_bps == 10
    assert drift(bot)["reason"] == "UpToDate"


def test_with_auto_an_edit_takes_effect_at_once_and_nothing_is_kept() -> None:
    bot = seen(edited(updatePolicy="Auto", orders={"slippageBps": 5}))
    assert bot.spec.orders.slippage_bps == 5 and bot.applied is None
    assert drift(bot) == {}


def test_what_no_stage_runs_by_never_waits() -> None:
    bot = seen(edited(deletionPolicy="Flatten", control={"state": "Paused", "because": "x"}))
    assert bot.spec.deletion_policy == "Flatten" and bot.waiting is None
    assert drift(bot)["status"] == "False"


def test_another_forecaster_waits_with_its_unit() -> None:
    bot = seen(edited(forecast={"model": "Lstm"}))
    assert children(bot, "forecast") == children(seen(FIRST), "forecast")
    changes = waiting_changes(bot, SETTINGS)
    assert changes["forecast"] == ["spec.forecast.model: FastProphet -> Lstm"]
    assert set(changes) == {"forecast", "trader"}
