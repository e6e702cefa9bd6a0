"""The `tradebot` command. Each subcommand is in its stage's package, imported when called."""

from typing import Final

import click

from tradebot import __version__
from tradebot.platform.stages import installed, load

DEMO: Final = ("tradebot.demo.command:command", "run the whole pipeline on this machine")

TOOLS: Final = {
    "history": ("tradebot.history.command:command", "fetch, check and convert price history"),
    "backtest": ("tradebot.backtest.command:command", "run a strategy on past prices"),
    "tune": (
        "tradebot.backtest.tune.command:command",
        "search a strategy's parameters, out of sample",
    ),
    "replay": (
        "tradebot.backtest.replay_command:command",
        "decide again what a bot decided, and compare",
    ),
    "diff": (
        "tradebot.diff.command:command",
        "show what a changed bot would have decided",
    ),
    "explain": ("tradebot.trader.explain:command", "show why a trade happened"),
    "export": ("tradebot.export.command:command", "write trades, balances and gains to files"),
    "status": ("tradebot.trader.control.status:command", "show what a bot is doing"),
    "pause": ("tradebot.trader.control.pause:command", "stop a bot from sending new orders"),
    "resume": ("tradebot.trader.control.resume:command", "lift a pause or a halt"),
    "flatten": (
        "tradebot.trader.control.flatten:command",
        "sell everything a bot holds, and pause it",
    ),
    "repair": (
        "tradebot.trader.control.repair:command",
        "set journal marks that lie in the future back to now",
    ),
    "journal": ("tradebot.trader.journal.command:command", "care for a bot's journal"),
    "doctor": ("tradebot.doctor.command:command", "check a setup and say how to fix it"),
    "password": (
        "tradebot.dashboard.access.command:command",
        "hash a password for a user of the dashboard",
    ),
    "init": ("tradebot.backtest.init:command", "create a project folder"),
    "bench": ("tradebot.bench:command", "measure performance compared with a peer"),
}
"""Subcommand: its click command, and its line in the help."""


def commands() -> dict[str, tuple[str, str]]:
    """Returns all subcommands, each with the location of its code and its line in the help."""
    of_stages = {each.name: (each.command or each.run, each.summary) for each in installed()}
    return {"demo": DEMO} | of_stages | TOOLS


def command(name: str) -> click.Command:
    """Imports and returns the subcommand.

    Raises:
        KeyError: there is no such subcommand.
    """
    stage = next((each for each in installed() if each.name == name and not each.command), None)
    if stage is not None:
        # Imported here: `tradebot --help` needs no settings.
        from tradebot.platform.stage_command import command_of

        return command_of(stage)
    found = load(commands()[name][0])
    assert isinstance(found, click.Command)
    return found


class LazyGroup(click.Group):
    """Imports a subcommand when it is called, so that `tradebot --help` loads only click."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Lists all subcommands in the order of the pipeline."""
        return list(commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns the subcommand, or `None` if it does not exist."""
        if cmd_name not in commands():
            return None
        try:
            return command(cmd_name)
        except ModuleNotFoundError as error:
            from tradebot.platform.packages import EXTRAS, missing

            if error.name not in EXTRAS:
                raise
            raise missing(f"tradebot {cmd_name}", error) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes one line per subcommand, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in commands().items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tradebot")
def main() -> None:
    """Trading bots: liquidity, forecasts and trades on the Gemini exchange."""
