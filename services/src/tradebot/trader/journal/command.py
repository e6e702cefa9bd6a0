"""`tradebot journal adopt`: what a person does with a bot's journal, without its trader."""

import asyncio
import json
from pathlib import Path

import click
from click.core import ParameterSource

from tradebot.platform import logs
from tradebot.platform.settings import load
from tradebot.trader.control.client import command_of, common_options, user
from tradebot.trader.settings import TraderSettings


def _settings(bot: str, config: Path | None, state_dir: Path) -> TraderSettings:
    given = click.get_current_context().get_parameter_source("state_dir")
    flags = {"bot": bot, "state_dir": None if given == ParameterSource.DEFAULT else str(state_dir)}
    settings = load(TraderSettings, flags=flags, file=config)
    logs.setup("journal", level="warning", form=settings.log_format)
    return settings


def _parameters(*more: click.Parameter) -> list[click.Parameter]:
    return [
        click.Argument(["bot"]),
        *more,
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="the trader's settings; TRADEBOT_ variables count as well",
        ),
        *common_options(),
    ]


def _adopt(bot: str, because: str, config: Path | None, state_dir: Path, as_json: bool) -> None:
    from tradebot.trader.journal.adopt import adopt

    told = asyncio.run(adopt(_settings(bot, config, state_dir), because=because, by=user()))
    click.echo(json.dumps({"bot": bot, "told": told}) if as_json else told)


command = click.Group(
    "journal",
    commands=[
        command_of(
            "adopt",
            _parameters(
                click.Option(["--because"], required=True, help="reason; kept in the journal")
            ),
            _adopt,
            summary="Starts a new journal for a bot whose journal was lost.",
            example='tradebot journal adopt btc --because "the disk failed; the account is mine"',
        ),
    ],
    help="Cares for a bot's journal: everything that its trader knows.",
)
