"""docs/trader.md has a row for each gate, and states what the gate itself holds back."""

import re
from pathlib import Path

from tradebot.domain.risk.gates import GATES

PAGE = Path(__file__).parents[3] / "docs" / "trader.md"


def test_the_table_of_gates_is_that_of_the_code() -> None:
    row = r"^\| `(\w+)` \| (buys|signals|exits|all) \|"
    rows = dict(re.findall(row, PAGE.read_text(), re.MULTILINE))
    blocks = {gate.GATE: gate.HOLDS.replace("windows", "buys") for gate in GATES}
    assert rows == blocks


def test_a_gate_has_a_name_of_its_own() -> None:
    names = [gate.GATE for gate in GATES]
    assert len(names) == len(set(names))
