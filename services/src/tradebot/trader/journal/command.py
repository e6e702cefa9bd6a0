"""`tradebot journal`: what a person does with the journal of a bot, apart from its trader."""

import asyncio
import json
from pathlib import Path

import click
import msgspec
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


def _verify(bot: str, config: Path | None, state_dir: Path, as_json: bool) -> None:
    from tradebot.trader.backends import journal_of
    from tradebot.trader.journal.store import JournalError
    from tradebot.trader.journal.verify import verify

    try:
        journal = journal_of(_settings(bot, config, state_dir))
        head = journal.head()  # before the entries: a trader may write meanwhile
        report = verify(journal.lines(), bot, head, journal.doubled)
        journal.close()
    except JournalError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(report)))
    else:
        for fault in report.faults:
            click.echo(f"entry {fault.number}: {fault.what}")
        click.echo(
            f"{bot}: {report.entries} entries, {report.first} to {report.last}; {report.fills} "
            f"fills; position {report.base}, quote {report.quote}, fees {report.fees}, score "
            f"{report.score} in {report.trips} trips"
        )
        if report.unhashed:
            click.echo(
                f"{report.unhashed} entries of earlier releases have no hash: changes to them "
                "cannot be seen"
            )
        click.echo("damaged" if report.faults else "whole")
    if report.faults:
        raise SystemExit(1)


def _backup(bot: str, file: Path, config: Path | None, state_dir: Path, as_json: bool) -> None:
    from tradebot.trader.journal.backup import backup

    entries = backup(_settings(bot, config, state_dir), file)
    found = {"bot": bot, "file": str(file), "entries": entries}
    click.echo(json.dumps(found) if as_json else f"{file} has {entries} entries of {bot}")


def _restore(bot: str, file: Path, config: Path | None, state_dir: Path, as_json: bool) -> None:
    from tradebot.trader.journal.backup import restore

    told = asyncio.run(restore(_settings(bot, config, state_dir), file))
    click.echo(json.dumps({"bot": bot, "told": told}) if as_json else told)


_FILE = click.Argument(["file"], type=click.Path(path_type=Path, dir_okay=False))

command = click.Group(
    "journal",
    commands=[
        command_of(
            "verify",
            _parameters(),
            _verify,
            summary="Finds changed, missing, doubled and moved entries, and recounts the fills.",
            example="tradebot journal verify btc",
        ),
        command_of(
            "backup",
            _parameters(_FILE),
            _backup,
            summary="Writes a bot's journal to a file; the bot may trade meanwhile.",
            example="tradebot journal backup btc btc.journal",
        ),
        command_of(
            "restore",
            _parameters(_FILE),
            _restore,
            summary="Restores a backup into a bot's empty journal.",
            example="tradebot journal restore btc btc.journal",
        ),
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
