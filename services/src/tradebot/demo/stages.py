"""Which processes make up the demo, and how each is set. Pure: nothing is started here."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tradebot.demo.settings import DemoSettings
from tradebot.platform.settings import variable

BOT = "demo"
API_KEY, API_SECRET = "account-demo", "demo-secret"  # the emulator's own, of no worth


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A process of the demo."""

    name: str
    arguments: tuple[str, ...]
    http_port: int
    needs: tuple[str, ...] = ()
    """Stages that must be ready before this one starts."""


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Free ports of this machine, one a listener."""

    emulator: int
    dashboard: int
    health: dict[str, int]


LIVELY = '{"daily_seasonality": 48}'
"""FastProphet's options here: by default its waves are six hours long at least, and a person would
watch one position for an hour; waves of half an hour turn the signal within a minute or two."""

NAMES = ("emulator", "ingest", "liquidity", "forecast", "trader", "recorder", "dashboard")


def plan(settings: DemoSettings, ports: Ports) -> list[Stage]:
    """The stages in the order of their start."""
    emulator = ["--port", str(ports.emulator), "--seed", str(settings.seed)]
    if settings.market:
        emulator += ["--market", settings.market]
    if settings.faults:
        emulator += ["--faults", settings.faults]
    store = ["--elasticsearch", settings.elasticsearch] if settings.elasticsearch else []
    arguments: dict[str, list[str]] = {
        "emulator": emulator,
        # Under one name a worker that was killed takes over its own partitions at once.
        "liquidity": ["--worker-id", "demo"],
        "recorder": store,
        "dashboard": ["--port", str(ports.dashboard), *store],
    }
    return [
        Stage(
            name=name,
            arguments=(name, *arguments.get(name, [])),
            http_port=ports.health[name],
            needs=() if name in ("emulator", "recorder", "dashboard") else ("emulator",),
        )
        for name in NAMES
    ]


def environment(settings: DemoSettings, ports: Ports, kafka: str) -> dict[str, str]:
    """The settings that the stages have in common, as environment variables."""
    state = settings.state_dir.absolute()
    fields = {
        "kafka": kafka,
        "kafka_embedded": str(not settings.kafka).lower(),
        "symbol": settings.symbol,
        "speed": f"{settings.speed:g}",
        "environment": "Emulator",
        "emulator_url": f"http://127.0.0.1:{ports.emulator}",
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
