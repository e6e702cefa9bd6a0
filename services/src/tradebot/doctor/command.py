"""`tradebot doctor`."""

import asyncio
import sys

import click
import msgspec
from rich.console import Console
from rich.table import Table

from tradebot.doctor import checks
from tradebot.doctor.checks import DoctorSettings
from tradebot.doctor.findings import Finding, Health
from tradebot.platform import settings as platform_settings
from tradebot.platform.store import StoreSettings
from tradebot.trader.settings import TraderSettings

SIGNS = {
    Health.GOOD: "[green]✓[/]",
    Health.WARNING: "[yellow]![/]",
    Health.BAD: "[red]✗[/]",
    Health.SKIPPED: "[dim]–[/]",
}


async def examine(
    trader: TraderSettings, store: StoreSettings, doctor: DoctorSettings
) -> list[Finding]:
    """Runs all checks, in the order of the pipeline."""
    found = await asyncio.gather(
        checks.venue(trader),
        checks.keys(trader),
        asyncio.to_thread(checks.key_files, trader),
        asyncio.to_thread(checks.broker, trader),
        asyncio.to_thread(checks.store, store),
        asyncio.to_thread(checks.history, doctor),
    )
    return [finding for part in found for finding in part]


def _doctor(trader: TraderSettings, store: StoreSettings, doctor: DoctorSettings) -> None:
    with Console(stderr=True).status("looking ..."):
        found = asyncio.run(examine(trader, store, doctor))
    bad = any(finding.health == Health.BAD for finding in found)
    if doctor.json:
        click.echo(msgspec.json.encode({"healthy": not bad, "findings": found}).decode())
    else:
        Console().print(_table(found))
    sys.exit(1 if bad else 0)


def _table(found: list[Finding]) -> Table:
    view = Table(box=None, pad_edge=False, show_header=False)
    for finding in found:
        text = finding.what + (f"\n[bold]→[/] {finding.advice}" if finding.advice else "")
        view.add_row(SIGNS[finding.health], finding.subject, text)
    return view


command = platform_settings.composed(
    (TraderSettings, StoreSettings, DoctorSettings),
    _doctor,
    name="doctor",
    summary=(
        "Checks the broker, venue, clock, keys, store and history, and says how to fix problems."
    ),
    example="tradebot doctor --config settings.toml",
)
