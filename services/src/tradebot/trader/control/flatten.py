"""`tradebot flatten BOT`, through its trader or, with `--direct`, without one."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tradebot.platform import logs
from tradebot.platform.control import ControlRequest
from tradebot.platform.settings import load
from tradebot.trader.control.client import ask, command_of, common_options, user

BECAUSE = "flattened by a person"


def _flatten(
    bot: str,
    because: str | None,
    direct: bool,
    config: Path | None,
    seconds: float,
    state_dir: Path,
    as_json: bool,
) -> None:
    if direct:
        told = _directly(bot, because or BECAUSE, config, seconds, state_dir)
    else:
        request = ControlRequest(because=because or BECAUSE, by=user())
        told = ask(state_dir, bot, "flatten", request)
    click.echo(json.dumps(told) if as_json else told["told"])


def _directly(
    bot: str, because: str, config: Path | None, seconds: float, state_dir: Path
) -> dict[str, Any]:
    from tradebot.trader import direct
    from tradebot.trader.settings import TraderSettings

    given = click.get_current_context().get_parameter_source("state_dir")
    flags = {"bot": bot, "state_dir": None if given == ParameterSource.DEFAULT else str(state_dir)}
    settings = load(TraderSettings, flags=flags, file=config)
    logs.setup("flatten", level="warning", form=settings.log_format)
    told = direct.flatten(
        settings,
        because=because,
        by=user(),
        seconds=seconds,
        tell=lambda text: click.echo(text, err=True),
    )
    return {"told": asyncio.run(told)}


command = command_of(
    "flatten",
    [
        click.Argument(["bot"]),
        click.Option(["--because"], help="why; kept in the journal and shown with the bot"),
        click.Option(
            ["--direct"],
            is_flag=True,
            help="sell with the keys and the lease, without a running trader and without Kafka",
        ),
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="with --direct: the trader's settings; TRADEBOT_ variables count as well",
        ),
        click.Option(
            ["--for", "seconds"],
            type=click.FloatRange(min=0),
            default=60.0,
            show_default=True,
            help="with --direct: seconds to go on trying",
        ),
        *common_options(),
    ],
    _flatten,
    summary="Pauses a bot and sells all that it may sell.",
    example='tradebot flatten btc --because "out before the weekend"\n'
    "  tradebot flatten btc --direct --config settings.toml",
)
