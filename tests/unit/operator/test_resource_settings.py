"""Every setting of a stage is a field of the TradeBot, or the operator sets it for a reason."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml
from releases.made_children import bot, children, pod

from tradebot.diff.spec import FIELDS as FIELDS_OF_DIFF
from tradebot.platform.settings import variable
from tradebot_operator.stages.table import STAGES

ROOT: Final = Path(__file__).parents[3]
CRD: Final = yaml.safe_load(
    (ROOT / "charts/tradebot/files/crds/tradebots.tradebot.dev.yaml").read_text()
)
SPEC: Final = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
PAGE: Final = (ROOT / "docs/resource.md").read_text()

OTHER: Final[dict[str, tuple[str, Any, str]]] = {
    # setting: the field of the spec, a value other than its default, the value of the variable
    "symbol": ("symbol", "ETHUSD", "ETHUSD"),
    "venue": ("venue.name", "kraken", "kraken"),
    "environment": ("venue.environment", "Sandbox", "Sandbox"),
    "log_level": ("stages.STAGE.logLevel", "debug", "debug"),
    "model": ("forecast.model", "Lstm", "Lstm"),
    "model_options": (
        "forecast.modelOptions",
        {"seed": 3, "holidays": [{"holiday": "h", "ds": "2024-04-20"}]},
        '{"holidays":[{"ds":"2024-04-20","holiday":"h"}],"seed":3}',
    ),
    "horizon_minutes": ("forecast.horizonMinutes", 60, "60"),
    "refit_minutes": ("forecast.refitMinutes", 5, "5"),
    "train_minutes": ("forecast.trainMinutes", 90, "90"),
    "max_rows": ("forecast.maxRows", 5000, "5000"),
    "evaluate_folds": ("forecast.evaluateFolds", 4, "4"),
    "evaluate_minutes": ("forecast.evaluateMinutes", 70, "70"),
    "retrain_hours": ("forecast.retrain", {"everyHours": 12, "window": "30d"}, "12"),
    "retrain_window": ("forecast.retrain", {"everyHours": 12, "window": "30d"}, "30d"),
    "history_source": ("forecast.history.source", "Url", "Url"),
    "history_file": ("forecast.history", {"source": "Url", "url": "https://x/a.csv"}, ""),
    "strategy": ("strategy", {"name": "DollarCost"}, "DollarCost"),
    "resolution": ("strategy.resolution", "5m", "5m"),
    "parameters": ("strategy.parameters", {"fast": 3}, '{"fast":3}'),
    "max_bars": ("strategy.maxBars", 500, "500"),
    "start_seconds": ("strategy.startSeconds", 90, "90"),
    "bar_seconds": ("strategy.barSeconds", 9, "9"),
    "memory_mb": ("strategy.memoryMiB", 512, "512"),
    "proposal_wait_seconds": ("strategy.waitMs", 1500, "1.5"),
    "mode": ("mode", "Paused", "Paused"),
    "holdings": ("holdings", "All", "All"),
    "risk_fraction": ("riskFraction", "0.25", "0.25"),
    "band_min_bps": ("liquidityBand.minBps", 1, "1"),
    "band_max_bps": ("liquidityBand.maxBps", 2, "2"),
    "min_edge_bps": ("forecast.minEdgeBps", 7, "7"),
    "require_evaluation": ("forecast.requireEvaluation", False, "false"),
    "slippage_bps": ("orders.slippageBps", 11, "11"),
    "collar_bps": ("orders.collarBps", 120, "120"),
    "max_position": ("limits.maxPosition", "3", "3"),
    "max_daily_loss": ("limits.maxDailyLoss", "0.4", "0.4"),
    "max_drawdown": ("limits.maxDrawdown", "0.5", "0.5"),
    "cooldown_seconds": ("limits.cooldownSeconds", 6, "6"),
    "max_orders_per_hour": ("limits.maxOrdersPerHour", 8, "8"),
    "on_breach": ("limits.onBreach", "Flatten", "Flatten"),
    "stop_loss": ("exits.stopLoss", "0.07", "0.07"),
    "trailing_stop": ("exits.trailingStop", "0.08", "0.08"),
    "take_profit": ("exits.takeProfit", "0.9", "0.9"),
    "max_hold_minutes": ("exits.maxHoldMinutes", 10, "10"),
    "no_signal_minutes": ("exits.noSignalMinutes", 11, "11"),
    "max_exit_slippage_bps": ("exits.maxExitSlippageBps", 12, "12"),
    "rest_at_venue": ("exits.restAtVenue", True, "true"),
    "watch_seconds": ("exits.watchSeconds", 13, "13"),
    "execution": ("execution", "Maker", "Maker"),
    "maker_reprices": ("maker.reprices", 4, "4"),
    "maker_wait_seconds": ("maker.waitSeconds", 14, "14"),
    "maker_unfilled": ("maker.unfilled", "GiveUp", "GiveUp"),
    "max_window_lag_seconds": ("freshness.maxWindowLagSeconds", 14, "14"),
    "max_silence_seconds": ("freshness.maxSilenceSeconds", 15, "15"),
    "max_model_age_seconds": ("freshness.maxModelAgeSeconds", 160, "160"),
    "paper_quote": ("paper.quote", "500", "500"),
    "paper_base": ("paper.base", "1.5", "1.5"),
    "paper_latency_ms": ("paper.latencyMs", 250, "250"),
    "paper_maker_bps": ("paper.fees", {"makerBps": "1", "takerBps": "2"}, "1"),
    "paper_taker_bps": ("paper.fees", {"makerBps": "1", "takerBps": "2"}, "2"),
    "reconcile_seconds": ("venue.reconcileSeconds", 30, "30"),
    "heartbeat": ("venue.heartbeat", True, "true"),
    "time_based_nonce": ("venue.nonce", "TimeBased", "true"),
    "standby": ("standby", True, "true"),
    "accept_data_loss": ("acceptDataLoss", True, "true"),
    "api_key_file": ("venue.credentialsSecret", "keys", "/etc/tradebot/keys/api-key"),
    "api_secret_file": ("venue.credentialsSecret", "keys", "/etc/tradebot/keys/api-secret"),
}

RELEASE: Final = "the brokers and topics are the release's, for all bots"
MADE: Final = "the operator chooses it, so that the bot's stages find each other"
PLACE: Final = "it describes the pod that the operator makes"
SHARED: Final = "the stage serves every bot of the symbol or environment: the value stages.NAME.env"
OPERATOR: Final[dict[str, str]] = {
    "kafka": RELEASE,
    "kafka_security": RELEASE,
    "kafka_username": RELEASE,
    "kafka_password_file": RELEASE,
    "kafka_ca_file": RELEASE,
    "kafka_embedded": "only `tradebot demo` has an embedded broker",
    "kafka_ephemeral": RELEASE,
    "topic_prefix": RELEASE,
    "http_host": PLACE,
    "http_port": PLACE,
    "log_format": "the logs of a cluster are JSON",
    "speed": "the emulator's speed is the release's",
    "emulator_url": "the emulator is the release's",
    "state_dir": PLACE,
    "namespace": PLACE,
    "pod_name": PLACE,
    "bot": MADE,
    "forecaster": MADE,
    "model_store": "where models are kept is the release's: the value modelStore",
    "proposer": MADE,
    "group": MADE,
    "worker_id": "a static identity would evict the pod that replaces it",
    "on_stop": "deletionPolicy sets it, when the TradeBot is deleted",
    "lease": PLACE,
    "lease_seconds": "a standby must take over within 20 seconds, which fixes it",
    "journal": PLACE,
    "report": PLACE,
    "generation": PLACE,
    "interface": SHARED,
    "stall_seconds": SHARED,
    "quiet_seconds": SHARED,
    "queue_records": SHARED,
    "minutes_file": SHARED,
    "window_seconds": "the windows of the topic faust.out are 60 seconds long",
    "grace_ms": SHARED,
    "silence_seconds": SHARED,
    "session_seconds": SHARED,
    "web_port": SHARED,
}
FOR_OPERATOR: Final = {
    # fields of the spec that are no setting of a stage: what the operator does with them
    "deletionPolicy",
    "updatePolicy",
    "control",  # the running trader reads it from the TradeBot
    "strategy.name",
    "strategy.file.configMap",
    "strategy.file.key",
    "forecast.history.claim.name",
    "forecast.history.claim.path",
    *(f"stages.{stage}.resources" for stage in ("forecast", "strategy", "trader")),
}
WITH: Final[dict[str, dict[str, Any]]] = {
    "proposal_wait_seconds": {"strategy": {"name": "SmaCross"}},
    "history_source": {"forecast": {"history": {"url": "https://x/a.csv"}}},
}


def settings_of(stage: str) -> list[str]:
    module = importlib.import_module(f"tradebot.{stage}.settings")
    kind = getattr(module, f"{stage.capitalize()}Settings")
    return [field.name for field in msgspec.structs.fields(kind)]


CASES: Final = [(stage.name, name) for stage in STAGES for name in settings_of(stage.name)]
OF_MANY_BOTS: Final = {("ingest", "log_level"), ("liquidity", "log_level"), ("liquidity", "symbol")}
"""Settings that are the bot's on other stages; here the stage serves many bots."""
FIELDS: Final = [(stage, name) for stage, name in CASES if name in OTHER]


def nested(path: str, value: Any) -> dict[str, Any]:
    head, _, rest = path.partition(".")
    return {head: nested(rest, value) if rest else value}


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = merged(old, value) if both else value
    return result


def variables(stage: str, spec: dict[str, Any]) -> dict[str, str]:
    base = {"strategy": {"name": "SmaCross"}} if stage == "strategy" else {}
    made = children(bot(**merged(base, spec)), stage)
    return next(item["data"] for item in made if item["kind"] == "ConfigMap")


def leaves(node: dict[str, Any], path: str = "") -> Iterator[str]:
    children = node.get("properties", {})
    for name, child in children.items():
        yield from leaves(child, f"{path}.{name}".lstrip("."))
    if not children:
        yield path


def described(path: str) -> dict[str, Any]:
    node = SPEC
    for name in path.split("."):
        node = node["properties"][name]
    return node


@pytest.mark.parametrize(("stage", "name"), CASES)
def test_a_setting_is_a_field_of_the_tradebot_or_has_a_reason_not_to_be(
    stage: str, name: str
) -> None:
    assert (name in OTHER) != (name in OPERATOR), (
        f"{stage}: add {name} to the TradeBot's spec, or say in this test why the operator sets it"
    )


@pytest.mark.parametrize(
    ("stage", "name"),
    [case for case in FIELDS if case not in OF_MANY_BOTS],
)
def test_a_field_s_value_reaches_the_stage(stage: str, name: str) -> None:
    path, value, expected = OTHER[name]
    spec = merged(WITH.get(name, {}), nested(path.replace("STAGE", stage), value))
    found = variables(stage, spec).get(variable(name))
    if name == "history_file":
        expected = "https://x/a.csv"
    assert found == expected
    assert found != variables(stage, {}).get(variable(name)), "the value is the default"


@pytest.mark.parametrize("name", OTHER)
def test_kubectl_explain_and_the_reference_describe_the_field(name: str) -> None:
    path = OTHER[name][0].replace("STAGE", "trader")
    text = " ".join(described(path)["description"].split())
    assert f"| `spec.{path}` |" in PAGE
    assert text.replace("|", "\\|") in PAGE


def test_every_field_of_the_spec_reaches_a_stage_or_the_operator() -> None:
    used = {"venue.credentialsSecret", *FOR_OPERATOR}
    for path, *_ in OTHER.values():
        used |= {path.replace("STAGE", stage) for stage in ("forecast", "strategy", "trader")}
    idle = [
        leaf
        for leaf in leaves(SPEC)
        if not any(leaf == path or leaf.startswith(f"{path}.") for path in used)
    ]
    assert idle == []


def test_diff_reads_each_setting_where_the_operator_does() -> None:
    assert {name: OTHER[name][0] for name in FIELDS_OF_DIFF} == FIELDS_OF_DIFF


def test_a_bot_s_resources_are_merged_over_the_release_s() -> None:
    asked = {"trader": {"resources": {"limits": {"memory": "300Mi"}}}}
    container = pod(children(bot(stages=asked), "trader"))["containers"][0]
    assert container["resources"]["limits"] == {"memory": "300Mi"}


def test_bots_that_ask_for_the_same_model_share_its_forecast_and_others_do_not() -> None:
    def unit(**forecast: Any) -> str:
        return children(bot(forecast=forecast), "forecast")[-1]["metadata"]["name"]

    assert unit() == unit(trainMinutes=1440, requireEvaluation=False)
    options = json.loads('{"growth": "flat", "holidays": []}')
    assert unit(modelOptions=options) == unit(modelOptions=dict(reversed(options.items())))
    assert len({unit(), unit(modelOptions=options), unit(maxRows=9), unit(evaluateFolds=1)}) == 4


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://example.org/a.csv", True),
        ("https://example.org:443/a.parquet", True),
        ("https://bucket.example.org/b/a.csv.gz?X-Amz-Signature=0a%2F&X-Amz-Expires=600", True),
        ("https://bucket.example.org/a?file=b.csv", False),
        ("https://example.org/a.zip?x=.csv", False),
        ("https://me:secret@example.org/a.csv", False),
        ("http://example.org/a.csv", False),
        ("https://example.org:8443/a.csv", False),
    ],
)
def test_a_history_s_url_may_be_presigned_and_compressed(url: str, good: bool) -> None:
    (rule,) = described("forecast.history.url")["x-kubernetes-validations"]
    found = re.search(r"matches\('(.*)'\)$", rule["rule"])
    assert found is not None
    assert bool(re.search(found[1], url)) is good
