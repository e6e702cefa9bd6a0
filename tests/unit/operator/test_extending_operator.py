"""A stage of the operator is one file and one line of its table."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OPERATOR = Path(__file__).parents[3] / "operator/src/tradebot_operator"

LOUDNESS = """
from tradebot_operator.builders.pod import PodPlan, common_config, shared_owners
from tradebot_operator.stages.stage import Stage, market

def _plan(unit, bots, settings):
    namespace = bots[0].namespace
    return PodPlan(
        unit=unit, namespace=namespace, owners=shared_owners(bots),
        image=settings.images.services,
        config=common_config(settings, unit, namespace) | {"factor": "10"},
    )

STAGE = Stage(name="loudness", text=lambda bot: bot.spec.symbol, key=market, plan=_plan)
"""

SCRIPT = """
import json
from tradebot_operator.resource import parse
from tradebot_operator.settings import Images, Kafka, OperatorSettings
from tradebot_operator.stages.table import shared_children, units

SETTINGS = OperatorSettings(
    namespace="bots", images=Images(services="s:1", forecast="f:1"), kafka=Kafka(bootstrap="k:9092")
)

def bot(name, symbol):
    metadata = {"namespace": "bots", "name": name, "uid": name, "creationTimestamp": name}
    return parse({"metadata": metadata, "spec": {"symbol": symbol}})

def loud(of):
    return next(unit for unit in units(of) if unit.stage == "loudness")

one, same, other = bot("a", "BTCUSD"), bot("b", "BTCUSD"), bot("c", "ETHUSD")
print(json.dumps({
    "stages": [unit.stage for unit in units(one)],
    "shared": [loud(one) == loud(same), loud(one) == loud(other)],
    "children": shared_children(loud(one), [one, same], SETTINGS),
}))
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Returns the operator's children after adding the file and the line."""
    place = tmp_path_factory.mktemp("operator")
    package = place / "tradebot_operator"
    shutil.copytree(OPERATOR, package)
    (package / "stages" / "loudness.py").write_text(LOUDNESS)
    table = package / "stages" / "table.py"
    line = "    liquidity.STAGE,\n"
    text = table.read_text().replace("import forecast,", "import loudness, forecast,")
    assert line in text
    table.write_text(text.replace(line, f"{line}    loudness.STAGE,\n"))
    made = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | {"PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(made.stdout)
    return found


def test_a_bot_gets_a_unit_of_the_stage_where_the_table_has_it(extended: dict[str, Any]) -> None:
    assert extended["stages"] == ["ingest", "liquidity", "loudness", "forecast", "trader"]


def test_bots_share_the_stages_unit_where_its_key_is_the_same(extended: dict[str, Any]) -> None:
    assert extended["shared"] == [True, False]


def test_the_stages_pod_is_restricted_and_has_the_settings_of_its_plan(
    extended: dict[str, Any],
) -> None:
    config, deployment = extended["children"]
    assert config["data"]["TRADEBOT_FACTOR"] == "10"
    assert [owner["name"] for owner in deployment["metadata"]["ownerReferences"]] == ["a", "b"]
    pod = deployment["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["args"] == ["loudness"]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
