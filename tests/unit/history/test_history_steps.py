"""A daily file is counted in days, an hourly one in hours, a minute file in minutes."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tradebot.backtest import prices
from tradebot.history import check, read
from tradebot.history.command import command as history
from tradebot.platform.settings import SettingsError

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FIRST = 1_609_459_200_000


def written(folder: Path, step: int, missing: range = range(0)) -> Path:
    rows = ["ts,open,high,low,close,volume,weighted"]
    rows += [f"{FIRST + i * step},10,10,10,10,5,10" for i in range(60) if i not in missing]
    path = folder / "prices.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("step", [MINUTE, HOUR, 6 * HOUR, DAY])
def test_the_length_of_a_bar_is_that_between_the_rows(tmp_path: Path, step: int) -> None:
    checked = check.repair(read.read(written(tmp_path, step, range(20, 23))))
    assert (checked.step, checked.gaps.absent) == (step, 3)


def test_minutes_of_which_every_tenth_was_traded_stay_minutes(tmp_path: Path) -> None:
    assert check.repair(read.read(written(tmp_path, 10 * MINUTE))).step == MINUTE


@pytest.mark.parametrize(
    ("step", "length"), [(MINUTE, "3 minutes"), (HOUR, "3 hours"), (DAY, "3 days")]
)
def test_a_gap_is_reported_in_the_unit_of_its_file(tmp_path: Path, step: int, length: str) -> None:
    file = written(tmp_path, step, range(20, 23))
    output = CliRunner().invoke(history, ["check", str(file), "--gaps"]).output
    assert f"1 gaps, the longest {length} from" in output
    assert f"  {length} missing from" in output


def test_a_finer_resolution_than_the_files_names_the_files(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has bars of 1 day, longer than --resolution 1h"):
        prices.load(str(written(tmp_path, DAY)), "1h")
