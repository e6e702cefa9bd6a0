"""Settings of orders, models, paper accounts and pods that the API server must refuse."""

from typing import Any


def _limited(**resources: dict[str, Any]) -> dict[str, Any]:
    return {"stages": {"strategy": {"resources": resources}}}


BAD_SETTINGS: list[tuple[str, dict[str, Any], str, str]] = [
    # what is wrong, the spec, the named field, a part of the sentence with the fix
    (
        "more slippage than the collar allows",
        {"orders": {"slippageBps": 200}},
        "spec.orders.slippageBps",
        "must not be above spec.orders.collarBps",
    ),
    (
        "a model that must be evaluated and never is",
        {"forecast": {"evaluateFolds": 0}},
        "spec.forecast.requireEvaluation",
        "needs spec.forecast.evaluateFolds above 0",
    ),
    (
        "a training between two forecasts",
        {"forecast": {"refitMinutes": 60, "trainMinutes": 30}},
        "spec.forecast.trainMinutes",
        "must not be below spec.forecast.refitMinutes",
    ),
    (
        "a model that is stale before its next fit",
        {"forecast": {"refitMinutes": 90}},
        "spec.freshness.maxModelAgeSeconds",
        "60 times spec.forecast.refitMinutes",
    ),
    (
        "model options that are a list",
        {"forecast": {"modelOptions": ["growth"]}},
        "spec.forecast.modelOptions",
        "must be of type object",
    ),
    ("a nonce that is not one", {"venue": {"nonce": "Random"}}, "spec.venue.nonce", "TimeBased"),
    ("a float as a balance", {"paper": {"quote": 5.5}}, "spec.paper.quote", "of type string"),
    ("a negative balance", {"paper": {"base": "-1"}}, "spec.paper.base", 'such as "1.5"'),
    (
        "a maker's fee alone",
        {"paper": {"fees": {"makerBps": "1"}}},
        "spec.paper.fees.takerBps",
        "Required value",
    ),
    (
        "a fee above everything",
        {"paper": {"fees": {"makerBps": "1", "takerBps": "1001"}}},
        "spec.paper.fees.takerBps",
        "at most 1000",
    ),
    (
        "requests above limits",
        {"stages": {"trader": {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "1500m"}}}}},
        "spec.stages.trader.resources",
        "requests must not be above its limits",
    ),
    (
        "a quantity that is not one",
        _limited(limits={"memory": "1 GB"}),
        "spec.stages.strategy.resources.limits.memory",
        "should match",
    ),
    (
        "a strategy that may use more memory than its pod",
        _limited(limits={"memory": "1Gi"}),
        "spec.stages.strategy.resources",
        "must be above spec.strategy.memoryMiB",
    ),
    (
        "a log level that is not one",
        {"stages": {"forecast": {"logLevel": "loud"}}},
        "spec.stages.forecast.logLevel",
        '"debug", "info", "warning", "error"',
    ),
    (
        "the pod of a stage that serves many bots",
        {"stages": {"ingest": {"logLevel": "debug"}}},
        "spec.stages.ingest",
        "unknown field",
    ),
]
