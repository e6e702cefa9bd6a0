"""The chart's table of stages says of each what the stage, the operator and the values say."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tradebot.platform.stages import Stage, installed
from tradebot_operator.builders.shared import PLANS
from tradebot_operator.units import STAGES, TRADER

CHART = Path(__file__).parents[2] / "charts" / "tradebot"
TABLE: dict[str, dict[str, Any]] = yaml.safe_load((CHART / "files" / "stages.yaml").read_text())
OF_BOTS = {name for name, entry in TABLE.items() if entry.get("bots")}
ON_TOPICS = [stage for stage in installed() if stage.topics]


@pytest.mark.parametrize("stage", ON_TOPICS, ids=lambda stage: stage.name)
def test_a_stages_user_has_the_rights_that_the_stage_needs(stage: Stage) -> None:
    entry = TABLE[stage.name]
    assert set(entry.get("read", [])) == {*stage.reads, *stage.keeps}
    assert set(entry.get("write", [])) == {*stage.writes, *stage.keeps}


def test_the_table_has_no_stage_that_is_not_installed() -> None:
    assert set(TABLE) == {stage.name for stage in ON_TOPICS}


def test_the_operator_runs_the_stages_that_the_table_gives_it() -> None:
    assert {stage.stage for stage in STAGES} == OF_BOTS
    assert set(PLANS) | {TRADER.stage} == OF_BOTS


def test_the_values_hold_the_resources_of_each_stage_of_a_bot() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(values["stages"]) == OF_BOTS
