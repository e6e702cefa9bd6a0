"""The stage's side of the model's process: it reports the process's own reasons."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting.conditions import until

from tradebot.forecast.messages import Failed
from tradebot.forecast.model_process import ModelProcess
from tradebot.forecast.settings import ForecastSettings
from tradebot.platform.embedded import EmbeddedBroker


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ModelProcess]:
    """A model whose broker has no minutes, and whose venue does not respond."""
    broker = EmbeddedBroker()
    settings = ForecastSettings(
        kafka=broker.address,
        kafka_embedded=True,
        environment="Emulator",
        emulator_url="http://127.0.0.1:9",
        state_dir=tmp_path,
    )
    process = ModelProcess(settings)
    process.start()
    yield process
    process.close()
    broker.close()


def test_a_process_that_ends_for_want_of_history_says_so_and_nothing_else(
    process: ModelProcess,
) -> None:
    def failure() -> str:
        said = process.answer()
        return said.reason if isinstance(said, Failed) else ""

    reasons = [until(failure), until(failure)]
    assert all("start the venue's emulator there" in reason for reason in reasons), reasons


def test_a_process_that_is_slow_to_exit_after_its_reason_adds_no_other(
    process: ModelProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(until(process.answer), Failed)
    exiting = process._process
    assert exiting is not None
    monkeypatch.setattr(type(exiting), "join", lambda _self, _timeout=None: None)
    monkeypatch.setattr(type(exiting), "exitcode", None)
    until(lambda: process.answer() is None and process._process is None)
