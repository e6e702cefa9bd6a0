"""Finds a running trader and sends it a request; shared by the commands of this folder."""

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from tradebot.platform import control
from tradebot.platform.control import ControlRequest

DEFAULT_STATE_DIR: Final = ".tradebot"


def ask(
    state_dir: Path, bot: str, act: str, request: ControlRequest | None = None
) -> dict[str, Any]:
    """See `tradebot.platform.control.ask`.

    Raises:
        ClickException: no trader runs for the bot under that folder, or it refused.
    """
    try:
        return control.ask(state_dir, bot, act, request)
    except control.ControlError as error:
        raise click.ClickException(str(error)) from None


def act_command(
    act: str, *, summary: str, example: str, because_required: bool, default: str = ""
) -> click.Command:
    """Makes a command that lets a running trader act, with a reason for its journal."""
    parameters: list[click.Parameter] = [
        click.Argument(["bot"]),
        click.Option(
            ["--because"],
            required=because_required,
            help="reason; kept in the journal and shown with the bot",
        ),
        *common_options(),
    ]

    def callback(bot: str, because: str | None, state_dir: Path, as_json: bool) -> None:
        request = ControlRequest(because=because or default, by=user())
        told = ask(state_dir, bot, act, request)
        click.echo(json.dumps(told) if as_json else told["told"])

    return command_of(act, parameters, callback, summary=summary, example=example)


def command_of(
    name: str,
    parameters: list[click.Parameter],
    callback: Callable[..., None],
    *,
    summary: str,
    example: str,
) -> click.Command:
    """Makes a command whose help shows an example."""
    return click.Command(
        name,
        params=parameters,
        callback=callback,
        short_help=summary,
        help=f"{summary}\n\n\b\nExample:\n  {example}",
    )


def common_options() -> list[click.Parameter]:
    """Returns the options for the trader's files and for JSON output."""
    return [
        click.Option(
            ["--state-dir"],
            type=click.Path(path_type=Path),
            default=DEFAULT_STATE_DIR,
            envvar="TRADEBOT_STATE_DIR",
            show_default=True,
            help="state folder of the trader",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="print one JSON object"),
    ]


def user() -> str:
    """Returns the user who gives the command, as far as the machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
