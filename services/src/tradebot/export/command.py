"""`tradebot export BOT`: trades, balances and gains as CSV or Parquet, with sums that agree."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import click
import msgspec
import polars as pl

from tradebot.api import moment
from tradebot.domain.money import exact, short
from tradebot.export.ledger import disagreements, trade_of
from tradebot.export.lots import Gains, Method, Trade, gains_of
from tradebot.platform.open_store import open_store
from tradebot.platform.settings import SettingsError
from tradebot.platform.settings import command as make_command
from tradebot.platform.store import LAST, DocumentStore, StoreSettings, StoreUnavailableError
from tradebot.records import DocType

METHODS: Final[tuple[Method, ...]] = ("FIFO", "LIFO", "HIFO")


class ExportSettings(StoreSettings, frozen=True, kw_only=True):
    """Which documents to export, of what time, and where to write the files."""

    bot: Annotated[str, "the bot's name"]
    from_: Annotated[
        str, "first day or time, such as 2026-01-01 (UTC); default: the first trade"
    ] = ""
    to: Annotated[str, "first day or time that is left out; default: now"] = ""
    format: Annotated[Literal["csv", "parquet"], "csv or parquet"] = "csv"
    out: Annotated[Path, "folder for the files"] = Path()
    json: Annotated[bool, "print one JSON object instead of text"] = False


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """The data to export. Gains cover all sales of the range; their buys may be older."""

    fills: list[dict[str, Any]]
    balances: list[dict[str, Any]]
    trades: list[Trade]
    gains: dict[Method, Gains]
    disagreements: list[str]


def read(store: DocumentStore, settings: ExportSettings) -> Export:
    """Reads the bot's documents and computes its gains.

    Buys before the range are read too, since they are what its sales sold.

    Raises:
        ClickException: the bot has no trades in the range, or a time cannot be read.
        StoreUnavailableError: the store does not respond.
    """
    try:
        start, end = moment(settings.from_ or None, 0), moment(settings.to or None, LAST)
    except ValueError as error:
        raise click.ClickException(f"--from or --to: {error}") from None
    bot = settings.bot
    fills = list(store.between(DocType.FILL, 0, end, bot=bot))
    inside = [fill for fill in fills if fill["ts"] >= start]
    if not inside:
        raise click.ClickException(
            f"bot {bot} has no trades in this range: check the bot's name, --from and --to, "
            "and the store (--state-dir or --elasticsearch)"
        )
    trades = [trade for fill in fills if (trade := trade_of(fill)) is not None]
    gains = {method: _since(gains_of(trades, method), start) for method in METHODS}
    orders = list(store.between(DocType.ORDER, 0, end, bot=bot))
    return Export(
        fills=inside,
        balances=list(store.between(DocType.BALANCE, start, end, bot=bot)),
        trades=[trade for trade in trades if trade.ts >= start],
        gains=gains,
        disagreements=list(disagreements(orders, fills)),
    )


def _since(found: Gains, start: int) -> Gains:
    return msgspec.structs.replace(
        found, gains=tuple(gain for gain in found.gains if gain.sold >= start)
    )


def tables(found: Export) -> dict[str, pl.DataFrame]:
    """Returns the files by name. Money and amounts are text, so that no digit is lost."""
    trades = [
        {
            "time": fill["ts"],
            "symbol": fill["symbol"],
            "side": fill["side"],
            "price": short(exact(fill["price"])),
            "amount": short(exact(fill["amount"])),
            "fee": short(exact(fill["fee"])),
            "fee_currency": fill["fee_currency"],
            "broken": bool(fill.get("broken")),
            "trade_id": fill["trade_id"],
            "order_id": fill["order_id"],
            "client_order_id": fill["client_order_id"],
        }
        for fill in found.fills
    ]
    balances = [
        {
            "time": each["ts"],
            "currency": each["currency"],
            "amount": short(exact(each["amount"])),
            "available": short(exact(each["available"])),
        }
        for each in found.balances
    ]
    gains = [
        {
            "time": gain.sold,
            "method": method,
            "acquired": gain.acquired or None,
            "amount": short(gain.amount),
            "cost": short(gain.cost),
            "proceeds": short(gain.proceeds),
            "gain": short(gain.gain),
            "buy_trade_id": gain.buy,
            "sell_trade_id": gain.sell,
        }
        for method, all_gains in found.gains.items()
        for gain in all_gains.gains
    ]
    return {"trades": _dated(trades), "balances": _dated(balances), "gains": _dated(gains)}


def _dated(rows: list[dict[str, Any]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    times = [name for name in ("time", "acquired") if name in frame.columns]
    return frame.with_columns(
        pl.col(name).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC") for name in times
    )


def write(frames: Mapping[str, pl.DataFrame], settings: ExportSettings) -> dict[str, Path]:
    """Writes the files; returns their paths by table.

    Raises:
        SettingsError: the folder cannot be written.
    """
    paths = {}
    for name, frame in frames.items():
        path = settings.out / f"{settings.bot}-{name}.{settings.format}"
        try:
            settings.out.mkdir(parents=True, exist_ok=True)
            if settings.format == "csv":
                frame.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ")
            else:
                frame.write_parquet(path)
        except OSError as error:
            raise SettingsError(
                f"cannot write {path}: {error.strerror}; choose a writable folder with --out"
            ) from None
        paths[name] = path
    return paths


def lines(
    found: Export, frames: Mapping[str, pl.DataFrame], paths: Mapping[str, Path]
) -> list[str]:
    """Returns the summary for the user."""
    shown = [f"{path}: {frames[name].height:,} rows" for name, path in paths.items()]
    for method, gains in found.gains.items():
        shown.append(
            f"{method}: gains {short(gains.total)} in {len(gains.gains):,} parts; "
            f"open lots cost {short(gains.open_cost)}"
        )
    unknown = [gain for gain in found.gains["FIFO"].gains if not gain.acquired]
    if unknown:
        shown.append(
            f"{len(unknown):,} sales sold amounts that the bot did not buy; their cost counts as 0"
        )
    if found.disagreements:
        shown += ["The documents disagree:", *(f"  {each}" for each in found.disagreements)]
    else:
        shown.append("every order's fills add up to what the venue executed")
    return shown


def run(settings: ExportSettings) -> None:
    """Exports, and fails if the documents disagree.

    Raises:
        ClickException: there is nothing to export, or the store does not respond.
    """
    try:
        store = open_store(settings)
        found = read(store, settings)
    except StoreUnavailableError as error:
        raise click.ClickException(str(error)) from None
    frames = tables(found)
    paths = write(frames, settings)
    if settings.json:
        totals = {method: short(gains.total) for method, gains in found.gains.items()}
        result = {
            "files": {name: str(path) for name, path in paths.items()},
            "trades": len(found.trades),
            "gains": totals,
            "disagreements": found.disagreements,
        }
        click.echo(json.dumps(result))
    else:
        click.echo("\n".join(lines(found, frames, paths)))
    if found.disagreements:
        raise SystemExit(1)


command = make_command(
    ExportSettings,
    run,
    name="export",
    summary="Exports a bot's trades, balances and gains (FIFO, LIFO, HIFO) as CSV or Parquet.",
    example="tradebot export btc --from 2026-01-01 --to 2027-01-01 --format csv --out taxes",
    arguments=("bot",),
)
