"""TradeBots, and the operator's children for them."""

import copy
from typing import Any

import msgspec

from tradebot_operator.resource import TradeBot, parse
from tradebot_operator.settings import (
    Credential,
    Emulator,
    Images,
    Kafka,
    OperatorSettings,
    StageTemplate,
)
from tradebot_operator.stages.table import shared_children, units
from tradebot_operator.stages.trader import trader_children
from tradebot_operator.units import Unit

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
