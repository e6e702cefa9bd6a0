"""The nightly check: a trader's recorded windows are decided again, and it shows the result."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from line.trader import TraderLine
from observing.prometheus_watch import Prometheus

from tradebot.backtest.parity import check
from tradebot.backtest.parity.settings import ParitySettings
from tradebot.domain.risk import cooldown
from tradebot.domain.situation import Inputs, Proposal, Settings, State, Verdict
from tradebot.platform.topic import read_topic
from tradebot.records import ParityRecord, decode


def shown(line: TraderLine) -> dict[str, Any] | None:
    """Returns the trader's condition; `None` before the first check."""
    conditions = (line.status() or {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == "ParityHolds"), None)


def settings_of(line: TraderLine) -> ParitySettings:
    return ParitySettings(kafka=line.address, kafka_embedded=line.broker is not None)


def holds(line: TraderLine, status: bool) -> Callable[[], bool]:
    return lambda: (shown(line) or {}).get("status") is status


@pytest.fixture
def watch(tmp_path: Path, prometheus: str) -> Iterator[Prometheus]:
    made = Prometheus(tmp_path, prometheus, [])
    yield made
    made.end()


def port_of(line: TraderLine) -> int:
    """The trader's port of health and metrics."""
    found = re.search(r'"port": (\d+)', line.log())
    assert found is not None
    return int(found[1])


def test_a_changed_gate_turns_the_condition_of_the_bot_false_at_the_next_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: Prometheus
) -> None:
    options = ["--cooldown-seconds", "0", "--max-orders-per-hour", "1000", "--log-format", "json"]
    with TraderLine(tmp_path, options=options) as line:
        line.start()
        line.wait(lambda: len(line.of_kind("fill")) >= 2)
        assert shown(line) is None
        check.run(settings_of(line))
        line.wait(holds(line, True))
        watch.watch([f"127.0.0.1:{port_of(line)}"])
        line.wait(lambda: watch.value('tradebot_trader_condition{condition="ParityHolds"}') == 1)
        assert "TradebotParityBroken" not in watch.firing()

        unchanged = cooldown.check

        def planted(
            state: State, inputs: Inputs, settings: Settings, proposal: Proposal
        ) -> Verdict:
            changed = msgspec.structs.replace(settings, cooldown_ms=3_600_000)
            return unchanged(state, inputs, changed, proposal)

        monkeypatch.setattr(cooldown, "check", planted)
        check.run(settings_of(line))
        line.wait(holds(line, False))
        differs = shown(line)
        assert differs is not None and differs["reason"] == "DecisionsDiffer"
        assert "replayed hold" in differs["message"]
        line.wait(lambda: "TradebotParityBroken" in watch.firing())

        monkeypatch.undo()
        check.run(settings_of(line))
        line.wait(holds(line, True))
        line.wait(lambda: "TradebotParityBroken" not in watch.firing())
        found = [
            decode(value, ParityRecord)
            for value in read_topic(settings_of(line), line.topics.parity)
        ]
        assert [each.different > 0 for each in found] == [False, True, False]


def test_a_bot_that_cannot_be_checked_does_not_keep_the_others_from_their_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TraderLine(tmp_path) as line:
        line.start()
        line.wait(lambda: line.of_kind("decision"))

        def broken(*_: object) -> None:
            raise ValueError("a decision without inputs")

        monkeypatch.setattr(check, "replay", broken)
        check.run(settings_of(line))
        line.wait(holds(line, False))
        told = shown(line)
        assert told is not None
        assert (told["reason"], told["message"]) == (
            "NotChecked",
            "ValueError: a decision without inputs",
        )
