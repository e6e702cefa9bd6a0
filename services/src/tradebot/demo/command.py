"""`tradebot demo`."""

import asyncio
import webbrowser

import click
from rich.console import Console

from tradebot.demo.process import StageProcess
from tradebot.demo.runner import run
from tradebot.demo.settings import DemoSettings
from tradebot.demo.summary import summarise
from tradebot.demo.view import TerminalView
from tradebot.platform import settings as platform_settings


def _demo(settings: DemoSettings) -> None:
    console = Console(stderr=True)
    opened = not (settings.open_ and console.is_terminal)

    with TerminalView(console) as view:

        def show(processes: list[StageProcess], elapsed: float, page: str) -> None:
            nonlocal opened
            view(processes, elapsed, page)
            if not opened and all(not process.reasons for process in processes):
                opened = True
                webbrowser.open(page)

        outcome = asyncio.run(run(settings, show))
    summary = summarise(settings, outcome)
    if settings.json:
        click.echo(summary.as_json())
    else:
        click.echo(summary.as_text())


command = platform_settings.command(
    DemoSettings,
    _demo,
    name="demo",
    summary=(
        "Runs the whole pipeline on this machine, with a dashboard. Trades on paper, on an "
        "emulated market."
    ),
    example="tradebot demo --speed 30 --market bars.csv.gz",
)
