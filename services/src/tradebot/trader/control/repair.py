"""`tradebot repair BOT`: resets marks of the journal that are in the future to now."""

import json
from pathlib import Path

import click

from tradebot.platform.control import ControlRequest
from tradebot.trader.control.client import ask, command_of, common_options, user


def _repair(bot: str, yes: bool, because: str | None, state_dir: Path, as_json: bool) -> None:
    if yes and not because:
        raise click.UsageError("--yes needs --because: the journal keeps the reason")
    found = ask(state_dir, bot, "repair")
    if yes and found["marks"]:
        request = ControlRequest(because=because or "", by=user())
        found |= ask(state_dir, bot, "repair", request)
    if as_json:
        click.echo(json.dumps({"bot": bot, "acted": yes and bool(found["marks"]), **found}))
        return
    for mark in found["marks"]:
        click.echo(f"{mark['name']} is {mark['at']}: {mark['ahead_ms'] / 1000:.0f} s in the future")
    if not found["marks"]:
        click.echo(f"no mark of {bot} lies in the future; nothing to repair")
    elif yes:
        click.echo(found["told"])
    else:
        click.echo(
            f"nothing was changed: add --yes and --because to set them back to {found['now']}"
        )


command = command_of(
    "repair",
    [
        click.Argument(["bot"]),
        click.Option(["--yes"], is_flag=True, help="set the marks back; without it only show them"),
        click.Option(["--because"], help="reason; kept in the journal"),
        *common_options(),
    ],
    _repair,
    summary="Shows marks in the journal that lie in the future; --yes sets them back to now.",
    example='tradebot repair btc --yes --because "windows stamped 2099"',
)
