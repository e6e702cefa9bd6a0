"""The doctor's judgements, and the command on a machine where nothing runs."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from tradebot.doctor.command import command
from tradebot.doctor.findings import Health, of_drift, of_fees, of_history, of_key_file


@pytest.mark.parametrize(
    ("seconds", "health"), [(0.5, Health.GOOD), (-5, Health.WARNING), (31, Health.BAD)]
)
def test_a_clock_that_drifts_is_judged_by_what_nonces_bear(seconds: float, health: Health) -> None:
    assert of_drift(seconds).health == health


def test_an_edge_of_nothing_is_told_what_fees_make_of_it() -> None:
    finding = of_fees(Decimal(40), 0)
    assert finding.health == Health.WARNING
    assert "cost 80 bps in fees" in finding.what
    assert of_fees(Decimal(40), 10).health == Health.GOOD


def test_a_history_of_a_day_is_too_short_for_daily_seasonality() -> None:
    assert of_history(1440, 1440).health == Health.WARNING
    assert of_history(0, 0).health == Health.BAD
    assert of_history(20_000, 20_000).health == Health.GOOD


def test_a_key_that_others_can_read_comes_with_the_command_that_mends_it() -> None:
    finding = of_key_file("keys/api-secret", 0o644)
    assert finding is not None
    assert finding.advice == "chmod 600 keys/api-secret"
    assert of_key_file("keys/api-secret", 0o600) is None


def test_a_machine_where_nothing_runs_is_told_what_to_start(tmp_path: Path) -> None:
    arguments = ["--kafka", "127.0.0.1:1", "--emulator-url", "http://127.0.0.1:1", "--json"]
    result = CliRunner().invoke(command, [*arguments, "--state-dir", str(tmp_path)])
    found = json.loads(result.stdout.splitlines()[-1])
    advice = {finding["subject"]: finding["advice"] for finding in found["findings"]}
    assert result.exit_code == 1
    assert found["healthy"] is False
    assert "tradebot emulator" in advice["venue"]
    assert "--kafka" in advice["Kafka"]
