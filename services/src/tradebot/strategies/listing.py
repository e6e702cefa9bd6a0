"""`tradebot strategy list`: the installed strategies, with their parameters and ranges."""

import click
import msgspec
from rich.console import Console
from rich.table import Table

from tradebot.platform.settings import SettingsError
from tradebot.strategies.loading import LoadedStrategy, load
from tradebot.strategies.parameters import Parameter
from tradebot.strategies.source import installed


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """An installed strategy, or why it cannot be loaded."""

    name: str
    description: str = ""
    form: str = ""
    parameters: tuple[Parameter, ...] = ()
    warmup: int = 0
    forecasts: tuple[str, ...] = ()
    error: str = ""


def listed() -> list[Listed]:
    """Returns every installed strategy, by name."""
    return [_listed(name) for name in installed()]


def _listed(name: str) -> Listed:
    try:
        loaded = load(name)
    except SettingsError as error:
        return Listed(name=name, error=str(error))
    return Listed(
        name=name,
        description=_first_sentence(loaded),
        form="class" if loaded.is_class else "arrays",
        parameters=loaded.known,
        warmup=loaded.warmup,
        forecasts=loaded.forecasts,
    )


def _first_sentence(loaded: LoadedStrategy) -> str:
    return " ".join(loaded.description.partition("\n\n")[0].split())


def _range(parameter: Parameter) -> str:
    text = f"{parameter.name}={parameter.default}"
    return f"{text} ({parameter.low} to {parameter.high})" if parameter.ranged else text


def table(rows: list[Listed]) -> Table:
    """Renders a row per strategy."""
    view = Table(box=None, pad_edge=False)
    for heading in ("strategy", "what it does", "parameters", "warm-up"):
        view.add_column(heading, justify="right" if heading == "warm-up" else "left")
    for each in rows:
        parameters = "\n".join(_range(parameter) for parameter in each.parameters)
        view.add_row(each.name, each.error or each.description, parameters, str(each.warmup))
    return view


@click.command(
    "list",
    short_help="list the installed strategies",
    help="Lists the installed strategies, their parameters and ranges.\n\n\b\nExample:\n"
    "  tradebot strategy list",
)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object on the last line")
def command(as_json: bool) -> None:
    """Prints the table or the object."""
    rows = listed()
    if as_json:
        click.echo(msgspec.json.encode({"strategies": rows}).decode())
        return
    Console().print(table(rows))
