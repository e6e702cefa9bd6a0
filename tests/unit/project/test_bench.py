"""`tradebot bench` finds every listed measurement, and prints its result."""

import json

import pytest
from click.testing import CliRunner

from tradebot import bench


def test_the_checkout_is_found_from_an_editable_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert (bench.find_benchmarks() / "__init__.py").is_file()


def test_a_measurement_is_printed_as_one_object_on_the_last_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured = {"ours": 200.0, "peer": 2.0, "ratio": 100.0, "unit": "events/s"}
    monkeypatch.setattr(bench, "load", lambda _name: lambda: measured)
    output = CliRunner().invoke(bench.command, ["liquidity", "--json"]).stdout
    assert json.loads(output.splitlines()[-1]) == {"name": "liquidity", **measured}


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    result = CliRunner().invoke(bench.command, ["speed"])
    assert result.exit_code == 2
    assert "liquidity" in result.output


def test_a_measurement_with_rows_of_its_own_prints_them_below_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [{"rows": 3, "ours": 0.01, "peer": 0.1}, {"rows": 17, "ours": 0.02, "peer": None}]
    measured = {"ours": 0.01, "peer": 0.1, "ratio": 10.0, "unit": "s", "table": rows}
    monkeypatch.setattr(bench, "load", lambda _name: lambda: measured)
    output = CliRunner().invoke(bench.command, ["prophet-table"]).stdout
    _, _, title, heading, first, second = (line.split() for line in output.splitlines())
    assert title == ["prophet-table"]
    assert heading == ["rows", "ours", "peer"]
    assert (first, second) == (["3", "0.01", "0.1"], ["17", "0.02", "–"])
