"""A real Prometheus with the chart's rules, whose alerts fire after seconds instead of minutes."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import yaml
from waiting.conditions import PATIENCE_SECONDS

RULES = Path(__file__).parents[2] / "charts" / "tradebot" / "files" / "prometheus" / "tradebot.yaml"


class Prometheus:
    """Scrapes its targets each second.

    Args:
        folder: for its files.
        program: its executable.
        targets: host:port of each target.
        sooner: further changes that make an alert fire sooner: an alert's name, a part of its
            expression, and its replacement.
    """

    def __init__(
        self,
        folder: Path,
        program: str,
        targets: list[str],
        sooner: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._targets = folder / "targets.json"
        self.watch(targets)
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={_configuration(folder, self._targets, sooner or {})}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ]
        )

    def watch(self, targets: list[str]) -> None:
        """Changes the targets."""
        self.targets = targets
        whole = self._targets.with_suffix(".new")
        whole.write_text(json.dumps([{"targets": targets}]))
        whole.replace(self._targets)

    def ask(self, path: str) -> Any:
        with contextlib.suppress(httpx.HTTPError, ValueError):
            return httpx.get(f"{self.url}/api/v1/{path}", timeout=PATIENCE_SECONDS).json()["data"]
        return {}

    def value(self, query: str) -> float:
        """Returns the query's value; 0 for no result."""
        result = self.ask(f"query?query={quote(query)}").get("result", [])
        return float(result[0]["value"][1]) if result else 0.0

    def healths(self) -> list[str]:
        """Returns the health of each target."""
        return [t["health"] for t in self.ask("targets").get("activeTargets", [])]

    def firing(self) -> set[str]:
        """Returns the firing alerts."""
        return {alert for alert, _ in self.firing_bots()}

    def firing_bots(self) -> set[tuple[str, str]]:
        """Returns the firing alerts, each with its bot."""
        alerts = self.ask("alerts").get("alerts", [])
        labels = [a["labels"] for a in alerts if a["state"] == "firing"]
        return {(each["alertname"], each.get("bot", "")) for each in labels}

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _configuration(folder: Path, targets: Path, sooner: Mapping[str, tuple[str, str]]) -> Path:
    rules = yaml.safe_load(RULES.read_text())
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        if "for" in rule:
            rule["for"] = "2s"
        if rule.get("alert") in sooner:
            piece, instead = sooner[rule["alert"]]
            assert rule["expr"].count(piece) == 1, rule["expr"]
            rule["expr"] = rule["expr"].replace(piece, instead)
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": [
            {"job_name": "tradebot", "file_sd_configs": [{"files": [str(targets)]}]}
        ],
    }
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(configuration))
    return path
