"""`tradebot history fetch|check`."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import click
import msgspec

from tradebot.history.bars import MINUTE
from tradebot.platform.settings import SettingsError
from tradebot.platform.settings import command as settings_command
from tradebot.venue.port import venue_names
from tradebot.venue.settings import Environment, VenueSettings


class FetchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What to fetch, from where, and into which folder."""

    symbol: Annotated[str, "symbol, such as BTCUSD"] = "BTCUSD"
    venue: Annotated[
        str,
        "gemini or another installed venue, for its candles (gemini: about the last day); any "
        "other name is an exchange of ccxt",
    ] = "gemini"
    environment: Annotated[
        Environment, "environment of an installed venue: Emulator, Sandbox or Production"
    ] = "Production"
    emulator_url: Annotated[str, "address of the emulator"] = "http://127.0.0.1:8090"
    from_: Annotated[str, "first day, UTC, such as 2021-03-15; for ccxt exchanges"] = ""
    to: Annotated[str, "day after the last day, UTC; default: now"] = ""
    out: Annotated[str, "folder of the store"] = "history"
    json: Annotated[bool, "print the result as one JSON object on the last line"] = False


class CheckSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which file to check, and where to write its good rows."""

    file: Annotated[str, "CSV or JSON candles (also packed), Parquet, or a folder of Parquet"]
    symbol: Annotated[str, "symbol, such as BTCUSD; names the folder in --out"] = "BTCUSD"
    out: Annotated[str, "folder of a store to save the usable rows to"] = ""
    volume: Annotated[
        Literal["", "base", "quote", "ticks"],
        ("unit of the volumes; default: depends on the file's format"),
    ] = ""
    gaps: Annotated[bool, "list every gap"] = False
    json: Annotated[bool, "print the result as one JSON object on the last line"] = False


def run_fetch(settings: FetchSettings) -> None:
    """Fetches, with progress on stderr."""
    from tradebot.history import check, fetch, store, venue

    out, symbol = Path(settings.out), settings.symbol.replace("/", "").upper()
    if settings.venue in venue_names() and not settings.from_:
        where = VenueSettings(
            symbol=symbol,
            venue=settings.venue,
            environment=settings.environment,
            emulator_url=settings.emulator_url,
        )
        added = store.write(out, symbol, venue.fetch(where))
    else:
        start, end = _day("from", settings.from_), _end(settings.to)
        if start >= end:
            raise SettingsError(
                f"--from is {settings.from_!r}, which is not before --to: choose an earlier day"
            )
        found = fetch.exchange(settings.venue)
        added = fetch.fetch(
            found,
            symbol,
            out,
            start=start,
            end=end,
            now=int(time.time() * 1000),
            progress=_shower(start, end),
        )
    held = store.read(out, symbol)
    if not len(held):
        raise SettingsError(f"{settings.venue} returned no minutes of {symbol} for that time")
    first, last = int(held["ts"][0]), int(held["ts"][-1])
    click.echo(
        f"{out / symbol}: {added:,} new minutes, {len(held):,} in total, from "
        f"{check.when(first)} to {check.when(last)} UTC"
    )
    if settings.json:
        result = {"new": added, "rows": len(held), "first": first, "last": last}
        click.echo(msgspec.json.encode(result).decode())


def _day(name: str, text: str) -> int:
    """Returns midnight UTC of a day, in ms."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise SettingsError(f"--{name} is {text!r}: use a day such as 2021-03-15") from None


def _end(text: str) -> int:
    return _day("to", text) if text else int(time.time() * 1000) // MINUTE * MINUTE


def _shower(start: int, end: int) -> Callable[[int, int], None]:
    """Returns a function that shows a fetch's progress, in place on a terminal."""
    from tradebot.history.check import when

    terminal = sys.stderr.isatty()

    def show(ts: int, rows: int) -> None:
        line = f"{(ts - start) / (end - start):4.0%}  {when(ts)}  {rows:,} new minutes"
        click.echo(f"\r\033[K{line}" if terminal else line, err=True, nl=not terminal)

    return show


def run_check(settings: CheckSettings) -> None:
    """Prints what is wrong with a file and what was done about it."""
    from tradebot.history import bars, check, load, read, store

    path = Path(settings.file)
    began = time.perf_counter()
    raw = read.read(path, settings.volume or None)
    checked = check.repair(raw)
    seconds = time.perf_counter() - began
    table = checked.table
    if not len(table):
        raise SettingsError(load.nothing_usable(path, raw, checked))
    first, last = int(table["ts"][0]), int(table["ts"][-1])
    click.echo(
        f"{path}: {len(raw.table):,} rows in format {raw.form.name!r}, {len(table):,} usable, "
        f"from {check.when(first)} to {check.when(last)} UTC, read in {seconds:.2f} s"
    )
    for finding in checked.findings:
        click.echo(
            f"- {finding.rows:,} × {finding.what}: {finding.done}"
            + (f" (first: {finding.first})" if finding.first else "")
        )
    for assumption in checked.assumed:
        click.echo(f"- assumed: {assumption}")
    if not checked.findings and not checked.assumed:
        click.echo("- no problems found")
    if settings.gaps:
        for start, minutes in zip(checked.gaps.start, checked.gaps.minutes, strict=True):
            length = bars.counted(int(minutes), checked.step)
            click.echo(f"  {length} missing from {check.when(int(start))}")
    if settings.out:
        added = store.write(Path(settings.out), settings.symbol, table)
        click.echo(f"{Path(settings.out) / settings.symbol}: {added:,} new minutes stored")
    if settings.json:
        result = {
            "form": raw.form.name,
            "rows": len(raw.table),
            "usable": len(table),
            "first": first,
            "last": last,
            "absent": checked.gaps.absent,
            "gaps": len(checked.gaps),
            "findings": [vars(finding) for finding in checked.findings],
            "assumed": checked.assumed,
            "seconds": seconds,
        }
        click.echo(msgspec.json.encode(result).decode())


@click.group()
def command() -> None:
    """Fetch, check and convert price history.

    \b
    Example:
      tradebot history check minutes.csv --out history --symbol BTCUSD
      tradebot history fetch --venue bitfinex --symbol BTCUSD --from 2021-01-01 --out history
    """


command.add_command(
    settings_command(
        FetchSettings,
        run_fetch,
        name="fetch",
        summary="download a venue's minutes to a store, continuing where the store ends",
        example="tradebot history fetch --venue bitfinex --symbol BTCUSD --from 2021-01-01",
    )
)
command.add_command(
    settings_command(
        CheckSettings,
        run_check,
        name="check",
        summary="check a file of minutes, and report each problem and what was done about it",
        example="tradebot history check minutes.csv --out history --symbol BTCUSD",
        arguments=("file",),
    )
)
