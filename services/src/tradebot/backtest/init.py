"""`tradebot init`: a folder with settings, a TradeBot, a strategy, prices, and room for keys."""

from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

import click
import msgspec

from tradebot.backtest import sample
from tradebot.platform import settings as platform_settings
from tradebot.platform.settings import SettingsError

FILES = ("settings.toml", "bot.yaml", "strategy.py")
IGNORED = "# Keys and state stay on this machine.\nkeys/\nstate/\nbacktest.html\n"
KEYS = {
    "api-key": "paste the venue's API key here\n",
    "api-secret": "paste the key's secret here\n",  # a placeholder, not a secret
}


class InitSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A new project."""

    folder: Annotated[Path, "folder to create; it may exist if it is empty"] = Path("my-bot")
    symbol: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{5,12}$"), "symbol to trade"] = "BTCUSD"


def create(settings: InitSettings) -> list[Path]:
    """Creates the project; returns its files.

    Raises:
        SettingsError: the folder is not empty, or cannot be written.
    """
    folder = settings.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(f"{folder} exists and is not empty: choose another folder")
    words = {"symbol": settings.symbol, "name": _name_of(folder)}
    templates = resources.files("tradebot.backtest").joinpath("project")
    made: list[Path] = []
    try:
        (folder / "keys").mkdir(parents=True, mode=0o700)
        for name in FILES:
            text = Template(templates.joinpath(name).read_text()).substitute(words)
            made.append(_write(folder / name, text, 0o644))
        made.append(
            _write(
                folder / "prices.csv",
                sample.hourly().write_csv(datetime_format="%Y-%m-%d %H:%M"),
                0o644,
            )
        )
        made.append(_write(folder / ".gitignore", IGNORED, 0o644))
        made += [_write(folder / "keys" / name, text, 0o600) for name, text in KEYS.items()]
    except OSError as error:
        raise SettingsError(
            f"{folder} is not writable: {error.strerror}; choose another folder"
        ) from None
    return made


def _write(path: Path, text: str, mode: int) -> Path:
    path.touch(mode=mode)
    path.write_text(text)
    return path


def _name_of(folder: Path) -> str:
    """Derives a resource's name from a folder's: small letters, digits and dashes."""
    letters = "".join(c if c.isalnum() and c.isascii() else "-" for c in folder.resolve().name)
    return letters.lower().strip("-")[:53] or "bot"


def _init(settings: InitSettings) -> None:
    for path in create(settings):
        click.echo(f"created {path}")
    click.echo(
        f"next: cd {settings.folder} && tradebot backtest strategy.py --data prices.csv "
        f"--resolution 1h --symbol {settings.symbol}   (these prices are synthetic; strategy.py "
        "says how to download real ones)"
    )


command = platform_settings.command(
    InitSettings,
    _init,
    name="init",
    summary="Creates a project folder with settings, a TradeBot, a strategy and a place for keys.",
    example="tradebot init my-bot --symbol ETHUSD",
    arguments=("folder",),
)
