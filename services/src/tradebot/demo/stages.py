"""Which processes make up the demo, and how each is set. Pure: nothing is started here."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tradebot.demo.settings import DemoSettings
from tradebot.platform.settings import flag, variable
from tradebot.platform.stages import Demo, Stage, installed

BOT = "demo"
API_KEY, API_SECRET = "account-demo", "demo-secret"  # the emulator's own, of no worth


class DemoStage(msgspec.Struct, frozen=True, kw_only=True):
    """A process of the demo."""

    name: str
    arguments: tuple[str, ...]
    http_port: int
    needs: tuple[str, ...] = ()
    """Stages that must be ready before this one starts."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Free ports of this machine, one a listener."""

    own: dict[str, int]
    """By stage, of those that serve people or programs."""
    health: dict[str, int]
    """By stage, of all: their health and metrics."""


LIVELY = '{"daily_seasonality": 48}'
"""FastProphet's options here: by default its waves are six hours long at least, and a person would
watch one position for an hour; waves of half an hour turn the signal within a minute or two."""


def in_demo() -> list[Stage]:
    """The installed stages that the demo runs, in the order of their start."""
    return [stage for stage in installed() if stage.demo is not None]


def plan(settings: DemoSettings, ports: Ports) -> list[DemoStage]:
    """The stages in the order of their start."""
    return [
        DemoStage(
            name=stage.name,
            arguments=(stage.name, *_arguments(stage.demo, settings, ports.own.get(stage.name))),
            http_port=ports.health[stage.name],
            needs=stage.demo.after,
        )
        for stage in in_demo()
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
    """The settings that the stages have in common, as environment variables."""
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
        "model_options": LIVELY if settings.model == "FastProphet" else "{}",
        "api_key_file": str(key_files(state)[0]),
        "api_secret_file": str(key_files(state)[1]),
        "stages": ",".join(
            f"{name}=http://127.0.0.1:{port}" for name, port in ports.health.items()
        ),
        "log_format": "json",
    }
    return {variable(name): value for name, value in fields.items()}


def for_a_shell(environment: Mapping[str, str]) -> str:
    """The environment as a file that a shell reads, so that commands see the demo as it does."""
    return "".join(f"export {name}={shlex.quote(text)}\n" for name, text in environment.items())


def for_prometheus(ports: Ports) -> bytes:
    """The stages as Prometheus' `file_sd_configs` reads them, each under its own name."""
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
    """Where the emulator's key and its secret lie for the trader."""
    return state / "keys" / "api-key", state / "keys" / "api-secret"
