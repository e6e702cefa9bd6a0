"""Rules decide which faults strike, and the same seed repeats them."""

from pathlib import Path

import httpx
import pytest
from venues.raw_gemini import RawGemini

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.faults.injector import Injector
from tradebot.emulator.faults.rules import Chaos, Drop, chaos_rules, read_faults
from tradebot.emulator.settings import EmulatorSettings
from tradebot.platform.settings import SettingsError


def test_rules_are_listed_counted_and_lifted(venue: RawGemini) -> None:
    armed = venue.fault(kind="delay", where="rest", match="/v1/symbols", seconds=0.01)
    venue.get("/v1/symbols")
    venue.get("/v1/symbols")
    (listed,) = venue.get("/emulator/faults")
    assert (listed["id"], listed["strikes"]) == (armed["id"], 2)
    removed = venue.http.delete(f"/emulator/faults/{armed['id']}").json()
    assert removed == {"removed": 1}
    assert venue.get("/emulator/faults") == []


def test_a_rule_that_makes_no_sense_is_refused_with_its_reason(venue: RawGemini) -> None:
    for rule, says in (
        ({"kind": "explode"}, "explode"),
        ({"kind": "delay", "seconds": -1}, "seconds"),
        ({"kind": "drop", "colour": "red"}, "colour"),
    ):
        answer = venue.http.post("/emulator/faults", json=rule)
        assert answer.status_code == 400
        assert says in answer.json()["error"]


def test_the_same_seed_strikes_the_same_messages_again() -> None:
    def struck(seed: int) -> list[int]:
        injector = Injector(seed, lambda: 0)
        for rule in chaos_rules(Chaos(rate=0.1)):
            injector.arm(rule)
        return [n for n in range(500) if injector.strike(Drop, "v2", str(n)) is not None]

    assert struck(7) == struck(7)
    assert struck(7) != struck(8)
    assert 20 < len(struck(7)) < 90


def test_a_file_of_faults_is_read_and_a_wrong_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        "seed: 9\nfaults:\n- {kind: drop, where: rest, probability: 0.5, for: 30}\n"
        "chaos: {rate: 0.1, kinds: [gap, silence]}\n"
    )
    read = read_faults(str(file))
    assert read.faults == [Drop(where="rest", probability=0.5, lasting=30.0)]
    assert read.chaos == Chaos(rate=0.1, kinds=["gap", "silence"])
    settings = EmulatorSettings(port=0, history_days=1, faults=str(file))
    with EmbeddedEmulator(settings) as running, httpx.Client(base_url=running.url) as http:
        kinds = [each["rule"]["kind"] for each in http.get("/emulator/faults").json()]
    assert kinds == ["drop", "gap", "silence"]
    for text, says in (
        ("faults: [{kind: nonsense}]", "nonsense"),
        ("chaos: {kinds: [nonsense]}", "nonsense"),
        ("faults: [", "expected"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=says):
            read_faults(str(file))
    with pytest.raises(SettingsError, match="No such file"):
        read_faults("none.yaml")
