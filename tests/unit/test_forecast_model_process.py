"""The stage's side of the model's process: it reports the process's own reasons."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting.conditions import until

from tradebot.forecast.messages import Failed
from tradebot.forecast.model_process import ModelProcess
from tradebot.forecast.settings import ForecastSettings


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ModelProcess]:
    """A model whose venue does not respond."""
    settings = ForecastSettings(
        environment="Emulator", emulator_url="http://127.0.0.1:9", state_dir=tmp_path
    )
    process = ModelProcess(settings)
    process.start()
    yield process
    process.close()


def test_a_process_that_ends_for_want_of_history_says_so_and_nothing_else(
    process: ModelProcess,
) -> None:
    def failure() -> str:
        said = process.answer()
        return said.reason if isinstance(said, Failed) else ""

    reasons = [until(failure), until(failure)]
    assert all("start the venue's emulator there" in reason for reason in reasons), reasons
