"""The children of a unit, and which bots share one."""

import importlib
from typing import Any

import msgspec
import pytest
from releases.made_children import SECURE, SETTINGS, bot, children, pod, unit

from tradebot_operator.builders.pod import OWNERS
from tradebot_operator.settings import OperatorSettings
from tradebot_operator.stages.table import shared_children, units
from tradebot_operator.stages.trader import trader_children

ALL_SPECS: list[dict[str, Any]] = [
    {},
    {"venue": {"name": "kraken", "environment": "Production"}},
    {"mode": "Live", "venue": {"environment": "Sandbox", "credentialsSecret": "keys"}},
    {"forecast": {"history": {"source": "Url", "url": "https://x/a.csv"}}},
    {"forecast": {"history": {"source": "Claim", "claim": {"name": "c", "path": "a.csv"}}}},
]


@pytest.mark.parametrize("spec", ALL_SPECS)
@pytest.mark.parametrize("settings", [SETTINGS, SECURE])
@pytest.mark.parametrize("stage", ["ingest", "liquidity", "forecast", "trader"])
def test_every_variable_is_a_setting_of_its_stage_and_its_value_is_taken(
    stage: str, spec: dict[str, Any], settings: OperatorSettings
) -> None:
    from tradebot.platform.settings import load, variable

    module = importlib.import_module(f"tradebot.{stage}.settings")
    kind = getattr(module, f"{stage.capitalize()}Settings")
    fields = {variable(field.name) for field in msgspec.structs.fields(kind)}
    made = children(bot(**spec), stage, settings)
    data = next(item["data"] for item in made if item["kind"] == "ConfigMap")
    own = {item["name"] for item in pod(made)["containers"][0]["env"]} - {"EXTRA"}
    assert set(data) | own <= fields
    values = {variable: str(value) for variable, value in data.items()} | dict.fromkeys(own, "x")
    load(kind, environment=values)


def test_the_trader_gets_every_number_of_the_resource() -> None:
    made = children(
        bot(
            holdings="All",
            standby=True,
            riskFraction="0.25",
            liquidityBand={"minBps": 1, "maxBps": 2},
            forecast={"model": "Prophet", "minEdgeBps": 7},
            limits={
                "maxPosition": "3",
                "maxDailyLoss": "0.4",
                "maxDrawdown": "0.5",
                "cooldownSeconds": 6,
                "maxOrdersPerHour": 8,
                "onBreach": "Flatten",
            },
            execution="Maker",
            maker={"reprices": 4, "waitSeconds": 14, "unfilled": "GiveUp"},
            exits={
                "stopLoss": "0.07",
                "trailingStop": "0.08",
                "takeProfit": "0.9",
                "maxHoldMinutes": 10,
                "noSignalMinutes": 11,
                "maxExitSlippageBps": 12,
                "restAtVenue": True,
                "watchSeconds": 13,
            },
        ),
        "trader",
    )
    data = next(item["data"] for item in made if item["kind"] == "ConfigMap")
    wanted = {
        "TRADEBOT_HOLDINGS": "All",
        "TRADEBOT_REST_AT_VENUE": "true",
        "TRADEBOT_HEARTBEAT": "false",
        "TRADEBOT_STANDBY": "true",
        "TRADEBOT_RISK_FRACTION": "0.25",
        "TRADEBOT_BAND_MIN_BPS": "1",
        "TRADEBOT_BAND_MAX_BPS": "2",
        "TRADEBOT_MODEL": "Prophet",
        "TRADEBOT_MIN_EDGE_BPS": "7",
        "TRADEBOT_MAX_POSITION": "3",
        "TRADEBOT_MAX_DAILY_LOSS": "0.4",
        "TRADEBOT_MAX_DRAWDOWN": "0.5",
        "TRADEBOT_COOLDOWN_SECONDS": "6",
        "TRADEBOT_MAX_ORDERS_PER_HOUR": "8",
        "TRADEBOT_ON_BREACH": "Flatten",
        "TRADEBOT_EXECUTION": "Maker",
        "TRADEBOT_MAKER_REPRICES": "4",
        "TRADEBOT_MAKER_WAIT_SECONDS": "14",
        "TRADEBOT_MAKER_UNFILLED": "GiveUp",
        "TRADEBOT_STOP_LOSS": "0.07",
        "TRADEBOT_TRAILING_STOP": "0.08",
        "TRADEBOT_TAKE_PROFIT": "0.9",
        "TRADEBOT_MAX_HOLD_MINUTES": "10",
        "TRADEBOT_NO_SIGNAL_MINUTES": "11",
        "TRADEBOT_MAX_EXIT_SLIPPAGE_BPS": "12",
        "TRADEBOT_WATCH_SECONDS": "13",
        "TRADEBOT_SPEED": "30",
        "TRADEBOT_TOPIC_PREFIX": "emulator.",
    }
    assert wanted.items() <= data.items()


@pytest.mark.parametrize(
    "other",
    [
        {"horizonMinutes": 60},
        {"refitMinutes": 5},
        {"history": {"source": "Url", "url": "https://x/a.csv"}},
    ],
)
def test_a_trader_follows_the_forecaster_of_its_own_spec(other: dict[str, Any]) -> None:
    def data(stage: str, **forecast: Any) -> dict[str, str]:
        made = children(bot(forecast={"model": "FastProphet", **forecast}), stage)
        return next(item["data"] for item in made if item["kind"] == "ConfigMap")

    names = [data(stage, **other)["TRADEBOT_FORECASTER"] for stage in ("forecast", "trader")]
    assert names[0] == names[1]
    assert names[0] != data("trader")["TRADEBOT_FORECASTER"], "one published under both"


def test_a_standby_is_a_second_pod_on_another_node_and_both_never_meet_another_version() -> None:
    made = children(bot(standby=True), "trader")
    spec = next(item["spec"] for item in made if item["kind"] == "Deployment")
    assert spec["replicas"] == 2 and spec["strategy"] == {"type": "Recreate"}
    rules = pod(made)["affinity"]["podAntiAffinity"]
    (apart,) = rules["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart["topologyKey"] == "kubernetes.io/hostname"
    assert apart["labelSelector"]["matchLabels"] == spec["selector"]["matchLabels"]
    alone = children(bot(), "trader")
    assert next(item["spec"] for item in alone if item["kind"] == "Deployment")["replicas"] == 1
    assert "affinity" not in pod(alone)


def test_a_trader_that_flattens_at_its_end_has_no_standby() -> None:
    of = bot(standby=True)
    made = trader_children(unit(of, "trader"), of, SETTINGS, flatten=True)
    assert next(item["spec"] for item in made if item["kind"] == "Deployment")["replicas"] == 1
    data = next(item["data"] for item in made if item["kind"] == "ConfigMap")
    assert "TRADEBOT_STANDBY" not in data, "a pod that waits is ready before it could sell"


def test_the_keys_are_mounted_into_the_trader_alone() -> None:
    live = bot(venue={"environment": "Sandbox", "credentialsSecret": "btc-keys"})
    for stage in ("ingest", "liquidity", "forecast"):
        assert "btc-keys" not in str(children(live, stage))
    volumes = {item["name"]: item for item in pod(children(live, "trader"))["volumes"]}
    assert volumes["keys"]["secret"]["secretName"] == "btc-keys"


def test_only_the_trader_has_a_token_and_only_for_its_own_bot() -> None:
    for stage in ("ingest", "liquidity", "forecast"):
        assert pod(children(bot(), stage))["automountServiceAccountToken"] is False
    made = {item["kind"]: item for item in children(bot(), "trader")}
    assert pod(list(made.values()))["serviceAccountName"] == "trader-btc"
    for rule in made["Role"]["rules"]:
        assert rule["resourceNames"] in (["btc"], ["trader-btc"])


def test_a_pod_passes_the_restricted_level() -> None:
    for stage in ("ingest", "liquidity", "forecast", "trader"):
        spec = pod(children(bot(), stage))
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        container = spec["containers"][0]["securityContext"]
        assert container["allowPrivilegeEscalation"] is False
        assert container["readOnlyRootFilesystem"] is True
        assert container["capabilities"] == {"drop": ["ALL"]}


def test_overlays_reach_the_pod_and_leave_the_rest() -> None:
    made = children(bot(), "trader", SECURE)
    spec = pod(made)
    assert spec["priorityClassName"] == "high"
    assert spec["securityContext"]["fsGroup"] == 7
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert {"name": "EXTRA", "value": "1"} in spec["containers"][0]["env"]
    assert made[-1]["spec"]["template"]["metadata"]["labels"]["team"] == "red"


def test_a_changed_band_restarts_the_trader_alone() -> None:
    before, after = bot(), bot(liquidityBand={"minBps": 1, "maxBps": 2})
    assert units(before) == units(after)
    for stage in ("ingest", "liquidity", "forecast"):
        assert children(before, stage) == children(after, stage)
    assert children(before, "trader") != children(after, "trader")


def test_bots_of_one_symbol_share_feed_and_liquidity_and_a_like_forecast() -> None:
    one, other = bot("a"), bot("b", riskFraction="0.5")
    assert units(one)[:3] == units(other)[:3]
    longer = bot("c", forecast={"horizonMinutes": 60})
    assert units(one)[:2] == units(longer)[:2]
    assert unit(one, "forecast") != unit(longer, "forecast")
    eth = bot("d", symbol="ETHUSD")
    assert unit(one, "liquidity") == unit(eth, "liquidity")
    assert unit(one, "ingest") != unit(eth, "ingest")


@pytest.mark.parametrize("stage", ["ingest", "forecast", "trader"])
def test_the_bots_venue_reaches_every_stage_that_talks_to_one(stage: str) -> None:
    made = children(bot(venue={"name": "kraken", "environment": "Production"}), stage)
    data = next(item["data"] for item in made if item["kind"] == "ConfigMap")
    assert data["TRADEBOT_VENUE"] == "kraken"
    assert data["TRADEBOT_TOPIC_PREFIX"] == "kraken.production."


def test_venues_share_nothing() -> None:
    one = bot("a", venue={"environment": "Production"})
    other = bot("b", venue={"name": "kraken", "environment": "Production"})
    assert not set(units(one)) & set(units(other))


def test_environments_share_nothing() -> None:
    one, other = bot("a"), bot("b", venue={"environment": "Sandbox"})
    assert not set(units(one)) & set(units(other))


def test_names_fit_kubernetes() -> None:
    longest = bot("b" * 40, symbol="ABCDEFGHIJKL", forecast={"model": "IndicatorLstm"})
    for item in units(longest):
        for child in children(longest, item.stage):
            assert len(child["metadata"]["name"]) <= 63


def test_a_shared_child_names_the_oldest_bots_as_owners_and_no_controller() -> None:
    many = [bot(f"b{index:02}", f"2026-01-01T00:00:{index:02}Z") for index in range(20)]
    made = shared_children(unit(many[0], "ingest"), list(reversed(many)), SETTINGS)
    owners = made[-1]["metadata"]["ownerReferences"]
    assert [owner["name"] for owner in owners] == [item.name for item in many[:OWNERS]]
    assert not any(owner["controller"] or owner["blockOwnerDeletion"] for owner in owners)
