"""A real Prometheus watches the demo: quiet while all is well, and each fault rings its alert."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from demo_process import Demo

from tradebot.demo.stages import API_KEY, API_SECRET
from tradebot.platform import kafka
from tradebot.platform.kafka import Topics
from tradebot.platform.settings import StageSettings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "charts" / "tradebot" / "files" / "prometheus" / "tradebot.yaml"


class Watched:
    """A demo, and a Prometheus that scrapes every stage of it each second."""

    def __init__(self, folder: Path, prometheus: str) -> None:
        self.demo = Demo(folder, "--speed", "60")
        self.demo.wait_ready(120)
        self.stages = {name: pid for pid, name in self.demo.children().items()}
        environment = Path(f"/proc/{self.stages['trader']}/environ").read_bytes().decode()
        given = dict(e.split("=", 1) for e in environment.split("\0") if e.startswith("TRADEBOT_"))
        self.kafka = StageSettings(kafka=given["TRADEBOT_KAFKA"], kafka_embedded=True)
        targets = [s.partition("=http://")[2] for s in given["TRADEBOT_STAGES"].split(",")]
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{address}"
        self._prometheus = subprocess.Popen(
            [
                prometheus,
                f"--config.file={_configuration(folder, targets)}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ]
        )

    def ask(self, path: str) -> Any:
        with contextlib.suppress(httpx.HTTPError, ValueError):
            return httpx.get(f"{self.url}/api/v1/{path}", timeout=5).json()["data"]
        return {}

    def firing(self) -> set[str]:
        alerts = self.ask("alerts").get("alerts", [])
        return {a["labels"]["alertname"] for a in alerts if a["state"] == "firing"}

    def tell(self, stage: str, number: signal.Signals) -> None:
        os.kill(self.stages[stage], number)

    def end(self) -> None:
        for pid in self.stages.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._prometheus.terminate()
        self._prometheus.wait(10)
        self.demo.abandon()


def _configuration(folder: Path, targets: list[str]) -> Path:
    """The chart's rules, which here ring after two seconds instead of minutes."""
    rules = yaml.safe_load(RULES.read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        if "for" in rule:
            rule["for"] = "2s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": [{"job_name": "tradebot", "static_configs": [{"targets": targets}]}],
    }
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(configuration))
    return path


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        reason = "needs prometheus on the PATH (Debian's package of that name)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason + " (in CI a skip would hide it)")
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        # A model is stale after a quarter of an exchange hour here, not after a whole one.
        patch.setenv("TRADEBOT_MAX_MODEL_AGE_SECONDS", "900")
        watched = Watched(tmp_path_factory.mktemp("watched"), prometheus)
    yield watched
    watched.end()


def test_all_stages_are_scraped_every_rule_is_sound_and_nothing_rings(watched: Watched) -> None:
    def healths() -> list[str]:
        return [t["health"] for t in watched.ask("targets").get("activeTargets", [])]

    wait_until(lambda: len(healths()) >= 7 and set(healths()) == {"up"})
    time.sleep(3)
    rules = [r for g in watched.ask("rules")["groups"] for r in g["rules"]]
    assert {r["health"] for r in rules} == {"ok"}, rules
    assert watched.firing() == set()


def test_a_record_that_cannot_be_read_rings(watched: Watched) -> None:
    producer = kafka.producer(watched.kafka)
    producer.produce(Topics().documents, key="x", value=b"not a document")
    producer.flush()
    wait_until(lambda: "TradebotDeadLetters" in watched.firing())


def test_a_silent_feed_rings_and_the_windows_that_it_spoilt(watched: Watched) -> None:
    watched.tell("emulator", signal.SIGSTOP)
    wait_until(lambda: "TradebotFeedStalled" in watched.firing())
    watched.tell("emulator", signal.SIGCONT)
    wait_until(lambda: "TradebotFeedStalled" not in watched.firing())
    wait_until(lambda: "TradebotWindowIncomplete" in watched.firing())


def test_a_paused_bot_rings_until_it_is_resumed(watched: Watched) -> None:
    def control(verb: str) -> None:
        command = [sys.executable, "-m", "tradebot", verb, "demo", "--because", "a test"]
        command += ["--state-dir", str(watched.demo.state)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    control("pause")
    wait_until(lambda: "TradebotHalted" in watched.firing())
    control("resume")
    wait_until(lambda: "TradebotHalted" not in watched.firing())


def test_a_stage_that_hangs_rings(watched: Watched) -> None:
    watched.tell("forecast", signal.SIGSTOP)
    wait_until(lambda: "TradebotStageSilent" in watched.firing())


def test_a_forecast_that_grows_old_rings(watched: Watched) -> None:
    # The forecast stage hangs since the test before.
    wait_until(lambda: "TradebotModelStale" in watched.firing())
    watched.tell("forecast", signal.SIGCONT)
    wait_until(lambda: "TradebotModelStale" not in watched.firing())


def test_no_log_holds_a_key_and_each_decision_has_one_line(watched: Watched) -> None:
    logs = {file.stem: file.read_text() for file in (watched.demo.state / "logs").glob("*.log")}
    assert set(watched.stages.values()) and "trader" in logs
    for stage, text in logs.items():
        assert API_SECRET not in text and API_KEY not in text, stage
    watched.demo.wait_decisions(1, 30)
    lines = [line for line in logs["trader"].splitlines() if '"event": "decision"' in line]
    assert lines
