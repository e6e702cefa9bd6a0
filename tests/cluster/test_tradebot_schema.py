"""The API server refuses a bad TradeBot with a sentence that names the field and the fix."""

import copy
from typing import Any

import pytest
import yaml
from apiserver import BOTS, ROOT, Api
from bad_tradebots import BAD, BAD_CHANGES, BAD_NAMES, by_url

pytestmark = pytest.mark.cluster


def tradebot(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Returns a TradeBot with `spec` merged into the required field; `None` removes a field."""
    merged = {"symbol": "BTCUSD"} | copy.deepcopy(spec)
    return {
        "apiVersion": "tradebot.dev/v1alpha1",
        "kind": "TradeBot",
        "metadata": {"name": name},
        "spec": {key: value for key, value in merged.items() if value is not None},
    }


def create(api: Api, body: dict[str, Any]) -> Any:
    """Sends a dry-run creation to the API server."""
    return api.post(BOTS.format("default"), body, dryRun="All", fieldValidation="Strict")


def test_the_table_holds_more_than_fifty_bad_resources() -> None:
    assert len(BAD) + len(BAD_NAMES) + len(BAD_CHANGES) > 50


@pytest.mark.parametrize(
    ("spec", "field", "fix"), [row[1:] for row in BAD], ids=[r[0] for r in BAD]
)
def test_a_bad_spec_is_refused(api: Api, spec: dict[str, Any], field: str, fix: str) -> None:
    answer = create(api, tradebot("bad", spec))
    assert answer.status_code in (400, 422), answer.text
    message = answer.json()["message"]
    assert field in message
    assert fix in message


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.csv",
        "https://example.org:443/b/c-2021.parquet",
        "https://192.0.2.7/history/BTC%20USD.csv",
        "https://bucket.example.org/a.csv.gz?X-Amz-Signature=0a%2F&X-Amz-Expires=600",
    ],
)
def test_a_history_by_https_is_taken(api: Api, url: str) -> None:
    create(api, tradebot("good", by_url(url))).raise_for_status()


@pytest.mark.parametrize("name", [row[1] for row in BAD_NAMES], ids=[row[0] for row in BAD_NAMES])
def test_a_bad_name_is_refused(api: Api, name: str) -> None:
    answer = create(api, tradebot(name, {}))
    assert answer.status_code == 422
    assert "metadata.name is part of the bot" in answer.json()["message"]


@pytest.mark.parametrize(
    ("before", "change", "field", "fix"),
    [row[1:] for row in BAD_CHANGES],
    ids=[row[0] for row in BAD_CHANGES],
)
def test_a_bad_change_is_refused(
    api: Api,
    namespace: str,
    before: dict[str, Any],
    change: dict[str, Any],
    field: str,
    fix: str,
) -> None:
    path = BOTS.format(namespace)
    api.post(path, tradebot("bot", before)).raise_for_status()
    answer = api.merge(f"{path}/bot", {"spec": change})
    assert answer.status_code == 422, answer.text
    message = answer.json()["message"]
    assert field in message
    assert fix in message


def test_only_the_symbol_is_required_and_the_defaults_are_the_documented_ones(api: Api) -> None:
    spec = create(api, tradebot("bot", {})).raise_for_status().json()["spec"]
    assert spec == {
        "symbol": "BTCUSD",
        "mode": "Paper",
        "venue": {"name": "gemini", "environment": "Emulator", "heartbeat": False}
        | {"nonce": "Increasing", "reconcileSeconds": 120},
        "holdings": "Own",
        "standby": False,
        "acceptDataLoss": False,
        "riskFraction": "0.05",
        "liquidityBand": {"minBps": 5000, "maxBps": 20000},
        "strategy": {
            "name": "Report",
            "resolution": "1h",
            "maxBars": 10000,
            "startSeconds": 60,
            "barSeconds": 5,
            "memoryMiB": 1024,
            "waitMs": 2000,
        },
        "forecast": {
            "model": "FastProphet",
            "horizonMinutes": 1440,
            "refitMinutes": 1,
            "minEdgeBps": 0,
            "modelOptions": {},
            "trainMinutes": 1440,
            "maxRows": 0,
            "evaluateFolds": 3,
            "evaluateMinutes": 1440,
            "requireEvaluation": True,
            "history": {"source": "Venue"},
        },
        "limits": {
            "maxPosition": "50%",
            "maxDailyLoss": "0.02",
            "maxDrawdown": "0.10",
            "cooldownSeconds": 60,
            "maxOrdersPerHour": 30,
            "onBreach": "ReduceOnly",
        },
        "execution": "Taker",
        "maker": {"reprices": 2, "waitSeconds": 15, "unfilled": "Take"},
        "exits": {
            "stopLoss": "0.05",
            "trailingStop": "0",
            "takeProfit": "0",
            "maxHoldMinutes": 0,
            "noSignalMinutes": 0,
            "maxExitSlippageBps": 500,
            "restAtVenue": False,
            "watchSeconds": 5,
        },
        "orders": {"slippageBps": 10, "collarBps": 100},
        "freshness": {
            "maxWindowLagSeconds": 10,
            "maxSilenceSeconds": 10,
            "maxModelAgeSeconds": 3600,
        },
        "paper": {"quote": "100000", "base": "0", "latencyMs": 100},
        "stages": {},
        "deletionPolicy": "Keep",
        "updatePolicy": "Auto",
    }


def test_a_bot_that_sets_everything_is_accepted(api: Api) -> None:
    resources = {"requests": {"cpu": 1, "memory": "500M"}, "limits": {"memory": "2Gi"}}
    options = {"changepoint_prior_scale": 0.1, "holidays": [{"holiday": "h", "ds": "2024-04-20"}]}
    spec = {
        "strategy": {"name": "SmaCross", "memoryMiB": 1500},
        "forecast": {"modelOptions": options, "evaluateFolds": 0, "requireEvaluation": False},
        "paper": {"quote": "2500.5", "fees": {"makerBps": "0", "takerBps": "2.5"}},
        "stages": {"strategy": {"resources": resources}, "trader": {"logLevel": "debug"}},
        "updatePolicy": "Manual",
    }
    taken = create(api, tradebot("bot", spec)).raise_for_status().json()["spec"]
    assert taken["forecast"]["modelOptions"] == options
    assert taken["stages"] == spec["stages"]


SHIPPED = [
    *sorted((ROOT / "manifests").glob("*.yaml")),
    *sorted((ROOT / "examples").rglob("*.yaml")),
]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda f: f.name)
def test_the_tradebots_that_we_ship_are_accepted(api: Api, file: Any) -> None:
    for body in yaml.safe_load_all(file.read_text()):
        if body.get("kind") == "TradeBot":
            create(api, body).raise_for_status()


def test_every_field_of_the_schema_has_a_description(api: Api) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tradebots.tradebot.dev"
    schema = api.get(path)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    silent: list[str] = []

    def walk(name: str, node: dict[str, Any]) -> None:
        for field, child in node.get("properties", {}).items():
            if "description" not in child and (name, field) != ("", "metadata"):
                silent.append(f"{name}.{field}")
            walk(f"{name}.{field}", child)

    walk("", schema)
    assert silent == []


def test_kubectl_shows_what_a_bot_does_and_why_not(api: Api, namespace: str) -> None:
    place = BOTS.format(namespace)
    api.post(place, tradebot("btc", {})).raise_for_status()
    condition = {
        "type": "Ready",
        "status": "False",
        "reason": "StagesStarting",
        "message": "ingest has not begun",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    stands = {
        "position": "0.5",
        "equity": "1019.20",
        "profit": "31.70",
        "tradesToday": 2,
        "lastDecision": {"action": "hold"},
    }
    status = {"conditions": [condition], "strategy": "Report", "bot": stands}
    api.merge(f"{place}/btc/status", {"status": status}).raise_for_status()
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    table = api.request("GET", place, headers=headers).raise_for_status().json()
    columns = table["columnDefinitions"]
    shown = [column["name"].upper() for column in columns if column["priority"] == 0]
    assert shown == [
        *("NAME", "SYMBOL", "STRATEGY", "MODE", "READY"),
        *("POSITION", "EQUITY", "PNL", "REASON", "AGE"),
    ]
    (row,) = table["rows"]
    told = dict(zip([column["name"] for column in columns], row["cells"], strict=True))
    age = told.pop("Age")
    assert age[-1] == "s" and int(age[:-1]) < 60
    assert (
        told.items()
        >= {
            "Name": "btc",
            "Symbol": "BTCUSD",
            "Mode": "Paper",
            "Strategy": "Report",
            "Position": "0.5",
            "Equity": "1019.20",
            "PnL": "31.70",
            "Trades": 2,
            "Decision": "hold",
            "Model": "FastProphet",
            "Ready": "False",
            "Reason": "StagesStarting",
            "Environment": "Emulator",
            "Message": "ingest has not begun",
        }.items()
    )
