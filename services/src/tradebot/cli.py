"""The `tradebot` command: each subcommand lives in its stage, imported when it is called."""

import importlib
from typing import Final

import click

from tradebot import __version__

COMMANDS: Final = {
    "demo": ("tradebot.demo.command", "the whole pipeline on this machine"),
    "ingest": ("tradebot.ingest.command", "the venue's order book and trades into Kafka"),
    "liquidity": ("tradebot.liquidity.command", "flows and their ratio in 60-second windows"),
    "forecast": ("tradebot.forecast.command", "the price of the coming minutes"),
    "trader": ("tradebot.trader.command", "decides and trades"),
    "recorder": ("tradebot.recorder.command", "documents into SQLite or Elasticsearch"),
    "dashboard": ("tradebot.dashboard.command", "a page that shows the line as it moves"),
    "emulator": ("tradebot.emulator.command", "a Gemini exchange on this machine"),
    "history": ("tradebot.history.command", "fetch, check and convert price history"),
    "backtest": ("tradebot.backtest.command", "a strategy on past prices"),
    "tune": ("tradebot.backtest.tune.command", "search a strategy's parameters, honestly"),
    "explain": ("tradebot.trader.explain", "why a trade happened"),
    "status": ("tradebot.trader.control.status", "what a bot is doing"),
    "pause": ("tradebot.trader.control.pause", "no new orders from a bot"),
    "resume": ("tradebot.trader.control.resume", "lift a pause or a halt"),
    "flatten": ("tradebot.trader.control.flatten", "sell all that a bot holds, and pause it"),
    "doctor": ("tradebot.doctor.command", "check a set-up and say what to do"),
    "init": ("tradebot.backtest.init", "make a project folder"),
    "bench": ("tradebot.bench", "measure speed beside a peer"),
}
"""Subcommand: the module whose `command` it is, and its line in the help."""


class LazyGroup(click.Group):
    """Imports a subcommand when it is called: `tradebot --help` loads no library but click."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All subcommands, in the order of the pipeline."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, or `None` where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        try:
            command = importlib.import_module(COMMANDS[cmd_name][0]).command
        except ModuleNotFoundError as error:
            from tradebot.platform.packages import EXTRAS, missing

            if error.name not in EXTRAS:
                raise
            raise missing(f"tradebot {cmd_name}", error) from None
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A line a subcommand, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tradebot")
def main() -> None:
    """Trading bots: liquidity, forecasts and trades on the Gemini exchange."""
