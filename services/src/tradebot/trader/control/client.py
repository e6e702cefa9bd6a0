"""Finds a running trader and sends it a request; shared by the commands of this folder."""

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
import httpx
import msgspec

from tradebot.trader.control.messages import Address, ControlRequest

DEFAULT_STATE_DIR: Final = ".tradebot"
TIMEOUT: Final = 30.0
"""Seconds; a flatten may take several orders."""


def ask(
    state_dir: Path, bot: str, act: str, request: ControlRequest | None = None
) -> dict[str, Any]:
    """Returns the running trader's response; with `request` it acts, without it only reports.

    Raises:
        ClickException: no trader runs for the bot under that folder, or it refused.
    """
    for name in ("control.json", "standby.json"):  # a standby responds if it is alone
        try:
            address = msgspec.json.decode((state_dir / bot / name).read_bytes(), type=Address)
            return _ask(address, bot, act, request)
        except (OSError, msgspec.DecodeError, httpx.TransportError):
            continue
    raise _nobody(bot, state_dir)


def _ask(address: Address, bot: str, act: str, request: ControlRequest | None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {address.token}"}
    if request is None:
        answer = httpx.get(f"{address.url}/{act}", headers=headers, timeout=TIMEOUT)
    else:
        answer = httpx.post(
            f"{address.url}/{act}",
            headers=headers,
            timeout=TIMEOUT,
            content=msgspec.json.encode(request),
        )
    if answer.status_code != 200:
        raise click.ClickException(
            f"the trader of {bot} rejected this ({answer.status_code}): {answer.text.strip()}"
        )
    found: dict[str, Any] = answer.json()
    return found


def _nobody(bot: str, state_dir: Path) -> click.ClickException:
    return click.ClickException(
        f"no trader of bot {bot} is running under {state_dir}: check the bot's name and its "
        "--state-dir"
    )


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
