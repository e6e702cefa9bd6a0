"""The demo's processes and their settings. Pure: nothing is started here."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tradebot.demo.settings import DemoSettings
from tradebot.platform.settings import flag, variable
from tradebot.platform.stages import Demo, Stage, installed

BOT = "demo"
API_KEY, API_SECRET = "account-demo", "demo-secret"  # the emulator's own, not secret


class DemoStage(msgspec.Struct, frozen=True, kw_only=True):
    """A process of the demo."""

    name: str
    arguments: tuple[str, ...]
    http_port: int
    needs: tuple[str, ...] = ()
    """Stages that must be ready first."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Free ports of this machine, one per listener."""

    own: dict[str, int]
    """By stage, for those that serve people or programs."""
    health: dict[str, int]
    """By stage, for all: health and metrics."""


LIVELY = '{"daily_seasonality": 48}'
"""FastProphet's options in the demo. Its default waves are at least six hours long, so a user would
watch one position for an hour; half-hour waves turn the signal within a minute or two."""


def in_demo(settings: DemoSettings | None = None) -> list[Stage]:
    """Returns the installed stages that the demo runs with these settings, in starting order."""
    settings = settings or DemoSettings()
    return [
        stage
        for stage in installed()
        if stage.demo is not None
        and (not stage.demo.only_with or getattr(settings, stage.demo.only_with))
    ]


def plan(settings: DemoSettings, ports: Ports) -> list[DemoStage]:
    """Returns the processes in starting order."""
    return [
        DemoStage(
            name=stage.name,
            arguments=(stage.name, *_arguments(stage.demo, settings, ports.own.get(stage.name))),
            http_port=ports.health[stage.name],
            needs=stage.demo.after,
        )
        for stage in in_demo(settings)
        if stage.demo is not None
    ]


def _arguments(demo: Demo, settings: DemoSettings, port: int | None) -> list[str]:
    arguments = list(demo.arguments)
    if port is not None:
        arguments += ["--port", str(port)]
    for name in demo.takes:
        value = getattr(settings, name)
        if value != "":
            arguments += [flag(name), str(value)]
    return arguments


def environment(settings: DemoSettings, ports: Ports, kafka: str) -> dict[str, str]:
    """Returns the settings that all stages share, as environment variables."""
    state = settings.state_dir.absolute()
    fields = {
        "kafka": kafka,
        "kafka_embedded": str(not settings.kafka).lower(),
        "symbol": settings.symbol,
        "speed": f"{settings.speed:g}",
        "environment": "Emulator",
        "emulator_url": f"http://127.0.0.1:{ports.own['emulator']}",
        "state_dir": str(state),
        "bot": BOT,
        "mode": "Live",
        "holdings": "All",  # the report's rule: the first sell sells the account's own 10 BTC
        "model": settings.model,
        "execution": settings.execution,
        "model_options": LIVELY if settings.model == "FastProphet" else "{}",
        "api_key_file": str(key_files(state)[0]),
        "api_secret_file": str(key_files(state)[1]),
        "stages": ",".join(
            f"{name}=http://127.0.0.1:{port}" for name, port in ports.health.items()
        ),
        "log_format": "json",
    }
    if settings.strategy:
        # The strategy's own sizes count, and it sells what it bought.
        fields |= {"proposer": BOT, "risk_fraction": "1", "holdings": "Own"}
    return {variable(name): value for name, value in fields.items()}


def for_a_shell(environment: Mapping[str, str]) -> str:
    """Writes the environment for a shell, so that commands use the demo's settings."""
    return "".join(f"export {name}={shlex.quote(text)}\n" for name, text in environment.items())


def for_prometheus(ports: Ports) -> bytes:
    """Writes the stages as Prometheus' `file_sd_configs`, each under its own name."""
    return msgspec.json.encode(
        [
            {
                "targets": [f"127.0.0.1:{port}"],
                "labels": {"job": "tradebot", "instance": name},
            }
            for name, port in ports.health.items()
        ]
    )


def key_files(state: Path) -> tuple[Path, Path]:
    """Returns where the trader finds the emulator's key and its secret."""
    return state / "keys" / "api-key", state / "keys" / "api-secret"
