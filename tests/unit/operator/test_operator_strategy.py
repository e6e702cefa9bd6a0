"""A bot whose strategy has its own pod: which bots share it, its rights, and its file."""

from typing import Any

import msgspec
import pytest
from releases.made_children import SECURE, bot, children, pod, unit

from tradebot.platform.settings import load, variable
from tradebot.strategy.settings import StrategySettings
from tradebot_operator import status
from tradebot_operator.naming import MANAGED_BY, MANAGER
from tradebot_operator.observed import Observed, bot_keys
from tradebot_operator.pods import Trouble, UnitState
from tradebot_operator.resource import Condition, TradeBot
from tradebot_operator.stages.strategy import CODE_FOLDER, DIGEST_ANNOTATION
from tradebot_operator.stages.table import units
from tradebot_operator.strategy_code import LARGEST, Code, CodeMap, code, code_map, found

ARRAYS = "def signals(bars, fast=12):\n    ...\n"
CLASS = "class Mine:\n    def on_bar(self, market):\n        ...\n"
FILE = {"file": {"configMap": "sma", "key": "strategy.py"}}


def running(text: str, name: str = "btc", **spec: Any) -> TradeBot:
    """Returns a bot with this text as its strategy's file."""
    asked = {"strategy": FILE | spec.pop("strategy", {})} | spec
    return msgspec.structs.replace(bot(name, **asked), code=code(text))


def test_bots_share_the_stage_of_a_file_of_arrays() -> None:
    assert unit(running(ARRAYS, "a"), "strategy") == unit(running(ARRAYS, "b"), "strategy")


@pytest.mark.parametrize(
    "other",
    [
        {"strategy": {"parameters": {"fast": 13}}},
        {"strategy": {"resolution": "5m"}},
        {"strategy": {"file": {"configMap": "sma", "key": "other.py"}}},
        {"symbol": "ETHUSD"},
        {"venue": {"environment": "Sandbox"}},
    ],
)
def test_bots_that_would_run_it_otherwise_share_nothing(other: dict[str, Any]) -> None:
    assert unit(running(ARRAYS), "strategy") != unit(running(ARRAYS, **other), "strategy")


def test_each_bot_has_the_stage_of_a_class_or_of_an_installed_name_for_itself() -> None:
    assert unit(running(CLASS, "a"), "strategy") != unit(running(CLASS, "b"), "strategy")
    one, other = (bot(name, strategy={"name": "SmaCross"}) for name in "ab")
    assert unit(one, "strategy") != unit(other, "strategy")


def test_a_file_that_cannot_be_parsed_gets_a_stage_that_says_so() -> None:
    assert not code("def signals(bars:").shared
    assert unit(running("def signals(bars:"), "strategy")


def test_the_reports_rule_needs_no_stage() -> None:
    assert [each.stage for each in units(bot())] == ["ingest", "liquidity", "forecast", "trader"]


def config(of: TradeBot, stage: str) -> dict[str, str]:
    made = children(of, stage)
    return next(item["data"] for item in made if item["kind"] == "ConfigMap")


NAMED = bot(strategy={"name": "SmaCross"})


@pytest.mark.parametrize("of", [running(ARRAYS), running(CLASS), NAMED])
def test_the_trader_follows_the_name_under_which_its_strategy_proposes(of: TradeBot) -> None:
    proposer = config(of, "strategy")["TRADEBOT_PROPOSER"]
    assert config(of, "trader")["TRADEBOT_PROPOSER"] == proposer


def test_a_class_proposes_under_its_bots_name_and_sees_its_account() -> None:
    of = config(running(CLASS), "strategy")
    assert of["TRADEBOT_PROPOSER"] == of["TRADEBOT_BOT"] == "btc"


def test_arrays_see_no_account() -> None:
    assert "TRADEBOT_BOT" not in config(running(ARRAYS), "strategy")


def test_every_variable_is_a_setting_and_its_value_is_taken() -> None:
    data = config(
        running(ARRAYS, strategy={"parameters": {"fast": 12, "limit": "0.5"}}), "strategy"
    )
    fields = {variable(field.name) for field in msgspec.structs.fields(StrategySettings)}
    assert set(data) <= fields
    settings = load(StrategySettings, environment=data)
    assert settings.values == {"fast": 12, "limit": 0.5}
    assert settings.strategy == f"{CODE_FOLDER}/strategy.py"


def test_the_code_runs_without_keys_without_a_token_and_in_a_read_only_pod() -> None:
    live = running(
        ARRAYS, mode="Live", venue={"environment": "Sandbox", "credentialsSecret": "btc-keys"}
    )
    made = children(live, "strategy", SECURE)
    assert {item["kind"] for item in made} == {"ConfigMap", "Deployment"}
    assert "btc-keys" not in str(made)
    spec = pod(made)
    assert spec["automountServiceAccountToken"] is False
    security = spec["containers"][0]["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert "tradebot.dev/egress" not in made[-1]["spec"]["template"]["metadata"]["labels"]


def test_the_file_alone_is_mounted_read_only() -> None:
    spec = pod(children(running(ARRAYS), "strategy"))
    volume = next(item for item in spec["volumes"] if item["name"] == "strategy")
    assert volume["configMap"]["items"] == [{"key": "strategy.py", "path": "strategy.py"}]
    mounts = spec["containers"][0]["volumeMounts"]
    mount = next(item for item in mounts if item["name"] == "strategy")
    assert mount == {"name": "strategy", "mountPath": CODE_FOLDER, "readOnly": True}


def test_an_edit_of_the_file_restarts_the_strategy_and_nothing_else() -> None:
    before, after = running(ARRAYS), running(ARRAYS + "# edited\n")
    assert units(before) == units(after)
    for stage in ("ingest", "liquidity", "forecast", "trader"):
        assert children(before, stage) == children(after, stage)
    templates = [children(of, "strategy")[-1]["spec"]["template"] for of in (before, after)]
    digests = [made["metadata"]["annotations"][DIGEST_ANNOTATION] for made in templates]
    assert digests[0] != digests[1]


SMA = {"namespace": "bots", "name": "sma", "uid": "1"}


def listed(**content: Any) -> CodeMap:
    return code_map({"metadata": SMA} | content)


@pytest.mark.parametrize(
    ("config_map", "reason", "words"),
    [
        (None, "ConfigMapMissing", "kubectl create configmap sma --from-file=strategy.py"),
        (listed(data={"a.txt": ""}), "KeyMissing", "has no key strategy.py, but no Python file"),
        (listed(data={"other.py": ""}), "KeyMissing", "but other.py"),
        (listed(binaryData={"strategy.py": "/w=="}), "NotText", "is not UTF-8 text"),
        (
            listed(data={"strategy.py": "#" * (LARGEST + 1)}),
            "FileTooLarge",
            "has 1,048,577 bytes: a strategy may have at most 1,048,576",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    config_map: CodeMap | None, reason: str, words: str
) -> None:
    trouble = found("sma", "strategy.py", config_map)
    assert isinstance(trouble, Trouble)
    assert trouble.reason == reason
    assert words in trouble.message


def observed(*bots: TradeBot, **files: str) -> Observed:
    index: dict[Any, list[Any]] = {}
    for each in bots:
        for key in bot_keys(each):
            index.setdefault(key, []).append(each)
    codes = {("code", "bots", "sma"): [listed(data={f"{k}.py": v for k, v in files.items()})]}
    return Observed(index, [{}], {}, codes if files else {})


def test_a_strategys_unit_is_found_by_the_bots_that_need_it_now() -> None:
    one, other = (bot(name, strategy=FILE) for name in "ab")
    seen = observed(one, other, strategy=ARRAYS)
    shared = unit(running(ARRAYS), "strategy").name
    assert [each.name for each in seen.bots_of_unit("bots", shared)] == ["a", "b"]
    edited = observed(one, other, strategy=CLASS)
    assert edited.bots_of_unit("bots", shared) == []
    own = unit(running(CLASS, "a"), "strategy").name
    assert [each.name for each in edited.bots_of_unit("bots", own)] == ["a"]


def conditions(of: TradeBot) -> dict[str, Any]:
    """Returns the conditions of a bot whose stages all work, by type."""
    states = [(each, UnitState(running=True, ready=True)) for each in units(of)]
    return {item["type"]: item for item in status.conditions(of, None, states, {})}


def test_a_bot_whose_file_is_missing_has_no_strategy_stage_and_its_status_says_why() -> None:
    (held,) = observed(bot(strategy=FILE)).bots("bots")
    assert "strategy" not in {each.stage for each in units(held)}
    made = conditions(held)
    for kind in ("StrategyFound", "Ready"):
        assert (made[kind]["status"], made[kind]["reason"]) == ("False", "ConfigMapMissing")
    assert made["Stalled"]["status"] == "True"


def test_a_bot_whose_file_is_there_says_which_it_is() -> None:
    (held,) = observed(bot(strategy=FILE), strategy=ARRAYS).bots("bots")
    made = conditions(held)
    assert isinstance(held.code, Code)
    assert made["StrategyFound"]["status"] == "True"
    assert held.code.digest in made["StrategyFound"]["message"]


WHERE = "strategy.py failed: strategy.py:7: ZeroDivisionError: division by zero"
UNREADY = UnitState(running=True, ready=False, trouble=Trouble("StageNotReady", "see the logs"))
CRASHED = UnitState(running=False, ready=False, trouble=Trouble("CrashLoop", "no pandas"))


def failing(told: bool, of_strategy: UnitState) -> dict[str, Any]:
    """The conditions of a bot whose trader was told of a failure, or not."""
    said = ("False", "StrategyFailing", WHERE) if told else ("True", "ModelFresh", "x")
    condition = Condition(type="ModelFresh", status=said[0], reason=said[1], message=said[2])
    of = msgspec.structs.replace(running(ARRAYS), conditions=(condition,))
    ready = UnitState(running=True, ready=True)
    states = [(each, of_strategy if each.stage == "strategy" else ready) for each in units(of)]
    return {item["type"]: item for item in status.conditions(of, None, states, {})}


def test_a_strategy_that_raises_is_shown_with_its_line_before_its_unready_stage() -> None:
    made = failing(True, UNREADY)
    assert made["StrategyFailing"]["status"] == "True"
    assert made["Ready"]["reason"] == "StrategyFailing"
    assert "strategy.py:7: ZeroDivisionError" in made["Ready"]["message"]
    assert made["Stalled"]["status"] == "True"


def test_a_strategy_that_cannot_start_is_failing_too() -> None:
    made = failing(False, CRASHED)
    assert (made["StrategyFailing"]["status"], made["StrategyFailing"]["reason"]) == (
        "True",
        "CrashLoop",
    )


def test_a_strategy_that_warms_up_is_not_failing() -> None:
    made = failing(False, UNREADY)
    assert made["StrategyFailing"]["status"] == "False"
    assert made["Ready"]["reason"] == "StageNotReady"


def test_the_reports_rule_cannot_fail_on_its_own() -> None:
    assert "StrategyFailing" not in conditions(bot())


def test_a_bot_of_an_installed_strategy_says_nothing_of_a_file() -> None:
    assert "StrategyFound" not in conditions(NAMED)


async def test_our_own_config_maps_are_no_strategies() -> None:
    from tradebot_operator.handlers import _index_code

    ours = {"metadata": SMA | {"labels": {MANAGED_BY: MANAGER}}, "data": {"strategy.py": ARRAYS}}
    assert await _index_code(body=ours) == {}
    assert await _index_code(body={"metadata": SMA, "data": {"strategy.py": ARRAYS}})
