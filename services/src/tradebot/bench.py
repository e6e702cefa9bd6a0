"""`tradebot bench`: measures speed compared with a peer, in the same run on the same machine."""

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

MEASUREMENTS: Final = {
    "ingest": ("ingest", "measure"),
    "liquidity": ("liquidity", "measure"),
    "order": ("order", "measure"),
    "latency": ("latency", "measure"),
    "proposal": ("proposal", "measure"),
    "prophet": ("prophet", "measure_linear"),
    "prophet-logistic": ("prophet", "measure_logistic"),
    "prophet-multiplicative": ("prophet", "measure_multiplicative"),
    "prophet-millions": ("prophet", "measure_millions"),
    "prophet-table": ("prophet", "measure_table"),
    "prophet-small": ("prophet", "measure_small"),
    "refit": ("prophet", "measure_refit"),
    "year-features": ("year_features", "measure"),
    "backtest": ("backtest", "measure"),
    "sweep": ("sweep", "measure"),
    "documents": ("documents", "measure"),
    "operator": ("operator_scale", "measure"),
}
"""Name: module and function in the checkout's `benchmarks` folder."""

Measurement = Callable[[], Mapping[str, Any]]


def find_benchmarks() -> Path:
    """Finds the checkout's `benchmarks`: near the working directory, or of an editable install.

    Raises:
        ClickException: there is no checkout.
    """
    for root in (Path.cwd(), *Path(__file__).resolve().parents):
        if (root / "benchmarks" / "__init__.py").is_file():
            return root / "benchmarks"
    raise click.ClickException(
        "the benchmarks are part of the project's checkout, not of the package:"
        " clone the project and call `tradebot bench` there"
    )


def load(name: str) -> Measurement:
    """Imports the function that measures `name`.

    Raises:
        ClickException: there is no such measurement, or one of its requirements is not installed.
    """
    module, function = MEASUREMENTS[name]
    folder = find_benchmarks()
    if "benchmarks" not in sys.modules:
        # Imported by its path: the checkout's root contains `operator/`, which must not shadow the
        # standard library's module of that name.
        spec = importlib.util.spec_from_file_location(
            "benchmarks", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None and spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules["benchmarks"] = package
        spec.loader.exec_module(package)
    try:
        measure: Measurement = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"{name} needs {error.name}, which is not installed: call `make setup-dev`"
        ) from None
    return measure


def table(results: list[Mapping[str, Any]]) -> Table:
    """Returns a table with one row per measurement."""
    view = Table(box=None, pad_edge=False)
    for heading in ("benchmark", "ours", "peer", "ratio", "unit", "also"):
        view.add_column(heading, justify="left" if heading in ("benchmark", "also") else "right")
    shown = {"name", "ours", "peer", "ratio", "unit", "table"}
    for result in results:
        also = "  ".join(f"{k}={_figure(v)}" for k, v in result.items() if k not in shown)
        view.add_row(
            str(result["name"]),
            *(_figure(result.get(key)) for key in ("ours", "peer", "ratio")),
            str(result.get("unit", "")),
            also,
        )
    return view


def rows_of(result: Mapping[str, Any]) -> Table | None:
    """The rows of a measurement that has a table of its own."""
    found: list[Mapping[str, Any]] = result.get("table") or []
    if not found:
        return None
    view = Table(title=str(result["name"]), title_justify="left", box=None, pad_edge=False)
    for heading in found[0]:
        view.add_column(heading, justify="right")
    for row in found:
        view.add_row(*(_figure(value) for value in row.values()))
    return view


def _figure(value: Any) -> str:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return "–" if value is None else str(value)


@click.command(
    "bench",
    short_help="measure performance compared with a peer",
    help=(
        "Measures performance compared with a peer in the same run.\n\n\b\nExample:\n  "
        f"tradebot bench liquidity --json\n\nNAME is one of {', '.join(MEASUREMENTS)}; all of "
        "them if not given."
    ),
)
@click.argument("name", required=False, type=click.Choice(list(MEASUREMENTS)))
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line, the last line last")
def command(name: str | None, as_json: bool) -> None:
    """Measures and prints."""
    console = Console(stderr=True)
    results: list[Mapping[str, Any]] = []
    for each in [name] if name else MEASUREMENTS:
        with console.status(f"measuring {each} ..."):
            results.append({"name": each, **load(each)()})
        if as_json:
            click.echo(json.dumps(results[-1]))
    if not as_json:
        out = Console(width=200 if not console.is_terminal else None)
        out.print(table(results))
        for view in filter(None, map(rows_of, results)):
            out.print(view)
