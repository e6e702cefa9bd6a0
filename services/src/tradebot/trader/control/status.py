"""`tradebot status BOT`."""

import json
from pathlib import Path
from typing import Any

import click

from tradebot.trader.control.client import ask, command_of, common_options
from tradebot.trader.control.report import BAD_WHEN_TRUE


def lines(status: dict[str, Any]) -> list[str]:
    """Returns the status for a user, most important lines first."""
    if status.get("standby"):
        return _standby_lines(status)
    state = "halted" if status["halted"] else "paused" if status["paused"] else "trading"
    found = [
        f"{status['bot']}: {status['symbol']}, {status['mode']}, {state} (epoch {status['epoch']})",
        f"  holds      {status['base']} base, {status['quote']} quote;"
        f" equity {float(status['equity']):,.2f} at mid {float(status['mid']):,.2f}",
        f"  sells      {status['sells']} base: {_whose(status)}",
        f"  score      {float(status['realised']):,.2f} realised in {status['trips']} round trips,"
        f" {float(status['unrealised']):,.2f} unrealised",
        f"  orders     {status['orders']} so far, {status['unresolved']} unresolved",
    ]
    outside = [status["outside_base"], status["outside_quote"]]
    if any(float(amount) for amount in outside):
        found.append(f"  outside    {outside[0]} base and {outside[1]} quote moved by others")
    for condition in status["conditions"]:
        good = condition["status"] is not (condition["type"] in BAD_WHEN_TRUE)
        mark = "ok " if good else "NOT"
        found.append(f"  {mark} {condition['type']}: {condition['message']}")
    return found


def _standby_lines(status: dict[str, Any]) -> list[str]:
    found = [
        f"{status['bot']}: {status['symbol']}, standby; {status['active'] or 'nobody'} trades",
        f"  journal    followed up to entry {status['entries']}",
    ]
    found += [f"  NOT {gate}: {reason}" for gate, reason in status["reasons"].items()]
    return found


def _whose(status: dict[str, Any]) -> str:
    """Says what a sell would sell of the base balance."""
    if float(status["sells"]) == float(status["base"]):
        return "everything"
    return "what the bot bought; the rest of the balance is not the bot's own"


def _status(bot: str, state_dir: Path, as_json: bool) -> None:
    status = ask(state_dir, bot, "status")
    click.echo(json.dumps(status) if as_json else "\n".join(lines(status)))


command = command_of(
    "status",
    [click.Argument(["bot"]), *common_options()],
    _status,
    summary="Shows what a bot is doing and, if it does not trade, why.",
    example="tradebot status btc",
)
