"""What the operator makes of TradeBots: pure functions from what is wanted and what is there."""

import copy
import importlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradebot_operator.builders.shared import OWNERS, shared_children
from tradebot_operator.builders.trader import trader_children
from tradebot_operator.reconcile import (
    Apply,
    Delete,
    Finalize,
    Trim,
    converge,
    reference,
    refusal,
    shared,
    trader,
)
from tradebot_operator.resource import FLATTEN_FINALIZER, TradeBot, parse
from tradebot_operator.settings import (
    Credential,
    Emulator,
    Images,
    Kafka,
    OperatorSettings,
    StageTemplate,
)
from tradebot_operator.units import Unit, units

SETTINGS = OperatorSettings(
    namespace="bots",
    images=Images(services="services:1", forecast="forecast:1"),
    kafka=Kafka(bootstrap="kafka:9092"),
    emulator=Emulator(url="http://emulator:8090", speed=30),
)
SECURE = msgspec.structs.replace(
    SETTINGS,
    kafka=Kafka(
        bootstrap="kafka:9093",
        security="SASL_SSL",
        ca_secret="ca",
        credentials={"default": Credential(username="tradebot", secret_name="tradebot")},
    ),
    stages={
        "trader": StageTemplate(
            resources={"requests": {"cpu": "50m"}},
            env={"EXTRA": "1"},
            labels={"team": "red"},
            pod={"priorityClassName": "high", "securityContext": {"fsGroup": 7}},
        )
    },
)


def bot(name: str = "btc", created: str = "2026-01-01T00:00:00Z", **spec: Any) -> TradeBot:
    body = {
        "metadata": {
            "namespace": "bots",
            "name": name,
            "uid": f"uid-{name}",
            "generation": 1,
            "creationTimestamp": created,
        },
        "spec": {"symbol": "BTCUSD"} | spec,
    }
    return parse(body)


def unit(of: TradeBot, stage: str) -> Unit:
    return next(item for item in units(of) if item.stage == stage)


def children(of: TradeBot, stage: str, settings: OperatorSettings = SETTINGS) -> list[Any]:
    if stage == "trader":
        return trader_children(unit(of, stage), of, settings)
    return shared_children(unit(of, stage), [of], settings)


def alive(manifests: list[Any]) -> list[Any]:
    """The manifests as live objects."""
    found = copy.deepcopy(manifests)
    for index, item in enumerate(found):
        item["metadata"] |= {"uid": f"live-{index}", "resourceVersion": str(index + 1)}
    return found


def pod(manifests: list[Any]) -> Any:
    return manifests[-1]["spec"]["template"]["spec"]


ALL_SPECS: list[dict[str, Any]] = [
    {},
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
            riskFraction="0.25",
            liquidityBand={"minBps": 1, "maxBps": 2},
            forecast={"model": "Prophet", "minEdgeBps": 7},
            limits={
                "maxPosition": "3",
                "maxDailyLoss": "0.4",
                "maxDrawdown": "0.5",
                "cooldownSeconds": 6,
                "maxOrdersPerHour": 8,
            },
        ),
        "trader",
    )
    data = next(item["data"] for item in made if item["kind"] == "ConfigMap")
    wanted = {
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


def test_what_is_missing_is_made_the_deployment_last() -> None:
    wanted = children(bot(), "trader")
    assert converge(wanted, []) == [Apply(item) for item in wanted]
    assert wanted[-1]["kind"] == "Deployment"


def test_what_is_there_needs_nothing() -> None:
    wanted = children(bot(), "trader")
    assert converge(wanted, alive(wanted)) == []


def test_a_variable_added_by_hand_is_trimmed() -> None:
    wanted = children(bot(), "trader")
    live = alive(wanted)
    pod(live)["containers"][0]["env"].append({"name": "TRADEBOT_MODE", "value": "Live"})
    (action,) = converge(wanted, live)
    assert isinstance(action, Trim)
    assert action.manifest["kind"] == "Deployment"


def test_a_rolling_update_set_by_hand_is_taken_back_whole_and_the_rest_afterwards() -> None:
    wanted = children(bot(), "trader")
    live = alive(wanted)
    spec = live[-1]["spec"]
    spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}
    spec["replicas"] = 3
    (action,) = converge(wanted, live)
    assert isinstance(action, Trim)
    assert action.patch[1] == {
        "op": "replace",
        "path": "/spec/strategy",
        "value": {"type": "Recreate"},
    }
    spec["strategy"] = {"type": "Recreate"}
    assert converge(wanted, live) == [Apply(wanted[-1])]


def test_an_old_config_goes_when_no_deployment_reads_it() -> None:
    before = alive(children(bot(), "trader"))
    wanted = children(bot(riskFraction="0.1"), "trader")
    first = converge(wanted, before)
    assert [type(action) for action in first] == [Apply, Apply]
    after = [item for item in before if item["kind"] != "Deployment"] + alive(wanted)[-2:]
    (last,) = converge(wanted, after)
    assert isinstance(last, Delete)
    assert reference(last.live) == reference(before[-2])


def test_a_unit_that_no_bot_needs_goes_whole() -> None:
    live = alive(children(bot(), "ingest"))
    actions = shared(unit(bot(), "ingest"), [], live, SETTINGS)
    assert actions == [Delete(item) for item in live]


def test_a_bot_that_is_refused_has_no_trader() -> None:
    live = alive(children(bot(), "trader"))
    why = refusal(bot(venue={"environment": "Production"}), [], {}, SETTINGS)
    assert why is not None and why.reason == "EnvironmentNotServed"
    actions = trader(unit(bot(), "trader"), bot(), why, live, SETTINGS)
    assert actions == [Delete(item) for item in live]


def keyed(name: str, created: str) -> TradeBot:
    return bot(name, created, venue={"credentialsSecret": "keys"})


def test_of_two_bots_with_one_key_the_older_trades_and_the_other_is_told() -> None:
    older, newer = keyed("z", "2026-01-01T00:00:00Z"), keyed("a", "2026-01-02T00:00:00Z")
    assert refusal(older, [older, newer], {}, SETTINGS) is None
    why = refusal(newer, [older, newer], {}, SETTINGS)
    assert why is not None and why.reason == "KeysInUse"
    assert "TradeBot z trades with the keys of Secret keys" in why.message


def test_the_bot_whose_trader_uses_the_key_keeps_it_from_an_older_one() -> None:
    older, newer = keyed("z", "2026-01-01T00:00:00Z"), keyed("a", "2026-01-02T00:00:00Z")
    traders = {"trader-a": children(newer, "trader")[-1]}
    assert refusal(newer, [older, newer], traders, SETTINGS) is None
    assert refusal(older, [older, newer], traders, SETTINGS) is not None


def test_a_trader_that_is_left_of_a_bot_that_is_gone_keeps_the_key() -> None:
    gone, fresh = keyed("old", "2026-01-01T00:00:00Z"), keyed("new", "2026-01-02T00:00:00Z")
    traders = {"trader-old": children(gone, "trader")[-1]}
    why = refusal(fresh, [fresh], traders, SETTINGS)
    assert why is not None and "Deployment trader-old" in why.message


@given(
    created=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    holding=st.sets(st.integers(0, 4)),
)
def test_whatever_is_there_at_most_one_bot_trades_on_a_key(
    created: list[int], holding: set[int]
) -> None:
    bots = [keyed(f"b{i}", f"2026-01-0{day + 1}T00:00:00Z") for i, day in enumerate(created)]
    traders = {f"trader-b{i}": children(bots[i], "trader")[-1] for i in holding if i < len(bots)}
    admitted = [item for item in bots if refusal(item, bots, traders, SETTINGS) is None]
    assert len(admitted) <= 1


def flattening(seconds: float) -> tuple[TradeBot, datetime]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    item = msgspec.structs.replace(
        bot(deletionPolicy="Flatten"), deleted_at=start, finalizers=(FLATTEN_FINALIZER,)
    )
    return item, start + timedelta(seconds=seconds)


def test_a_bot_that_is_to_be_flattened_is_held_by_a_finalizer_and_no_other_is() -> None:
    item = bot(deletionPolicy="Flatten")
    live = alive(children(item, "trader"))
    assert trader(unit(item, "trader"), item, None, live, SETTINGS) == [
        Finalize(item, (FLATTEN_FINALIZER,))
    ]
    held = msgspec.structs.replace(bot(), finalizers=("other", FLATTEN_FINALIZER))
    live = alive(children(held, "trader"))
    assert trader(unit(held, "trader"), held, None, live, SETTINGS) == [Finalize(held, ("other",))]


def test_flattening_restarts_the_trader_with_the_order_then_stops_it_then_lets_the_bot_go() -> None:
    item, now = flattening(1)
    spot = unit(item, "trader")
    live = alive(children(item, "trader"))
    ordered = trader(spot, item, None, live, SETTINGS, pods=1, now=now)
    config = next(a.manifest for a in ordered if isinstance(a, Apply))
    assert config["data"]["TRADEBOT_ON_STOP"] == "flatten"
    live = alive(trader_children(spot, item, SETTINGS, flatten=True))
    assert trader(spot, item, None, live, SETTINGS, pods=1, now=now) == []
    live[-1]["metadata"]["generation"] = 2
    live[-1]["status"] = {"readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 1}
    assert trader(spot, item, None, live, SETTINGS, pods=1, now=now) == [], "the old pod is ready"
    live[-1]["status"]["observedGeneration"] = 2
    (stop,) = trader(spot, item, None, live, SETTINGS, pods=1, now=now)
    assert isinstance(stop, Apply) and stop.manifest["spec"]["replicas"] == 0
    live = alive(trader_children(spot, item, SETTINGS, flatten=True, replicas=0))
    assert trader(spot, item, None, live, SETTINGS, pods=1, now=now) == []
    (end,) = trader(spot, item, None, live, SETTINGS, pods=0, now=now)
    assert isinstance(end, Finalize) and end.finalizers == ()
    assert end.event is not None and end.event.reason == "Flattened"


def test_flattening_ends_in_time_whatever_happens() -> None:
    item, now = flattening(SETTINGS.flatten_seconds + 1)
    live = alive(children(item, "trader"))
    (end,) = trader(unit(item, "trader"), item, None, live, SETTINGS, pods=1, now=now)
    assert isinstance(end, Finalize) and end.event is not None
    assert end.event.reason == "FlattenTimedOut"
    assert "a position may be left" in end.event.message


def test_a_bot_that_is_going_gets_no_new_children() -> None:
    going = msgspec.structs.replace(bot(), deleted_at=datetime.now(UTC))
    assert trader(unit(going, "trader"), going, None, [], SETTINGS) == []
