"""History from real sources: the venue's candles, ccxt's venues, a URL."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import ccxt
import polars as pl
import pytest
from click.testing import CliRunner

from tradebot.emulator.embedded import EmbeddedEmulator
from tradebot.emulator.settings import EmulatorSettings
from tradebot.forecast import sources
from tradebot.forecast.settings import ForecastSettings
from tradebot.history import bars, fetch, store, venue
from tradebot.history.bars import MINUTE
from tradebot.history.command import command
from tradebot.platform.settings import SettingsError
from tradebot.venue.errors import RejectedError
from tradebot.venue.gemini.rest import GeminiRest
from tradebot.venue.port import Candle
from tradebot.venue.settings import VenueSettings


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmbeddedEmulator]:
    with EmbeddedEmulator(EmulatorSettings(port=0, history_days=3)) as running:
        yield running


def test_the_emulator_gives_all_of_its_past(emulator: EmbeddedEmulator) -> None:
    table = venue.fetch(VenueSettings(emulator_url=emulator.url))
    assert len(table) > 2 * 1440
    assert table.schema == bars.SCHEMA
    assert (table["ts"].diff().drop_nulls() > 0).all()
    assert (table["low"] <= table["weighted"]).all()
    assert (table["weighted"] <= table["high"]).all()


def test_geminis_candles_are_the_same_minutes_where_there_is_nothing_else(
    emulator: EmbeddedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = VenueSettings(emulator_url=emulator.url)
    whole = venue.fetch(where)

    async def unknown(_rest: GeminiRest, _symbol: str) -> list[Candle]:
        raise RejectedError("EndpointNotFound", "no such call")

    monkeypatch.setattr(GeminiRest, "emulator_history", unknown)
    day = venue.fetch(where)
    shared = whole.join(day, on="ts", suffix="_day")
    assert len(shared) >= min(len(day), 1400)
    assert (shared["close"] - shared["close_day"]).abs().max() == pytest.approx(0, abs=0.01)


def test_an_unknown_symbol_and_a_dead_venue_are_clear_sentences(
    emulator: EmbeddedEmulator,
) -> None:
    with pytest.raises(SettingsError, match="has no candles of ABCUSD: is the symbol right"):
        venue.fetch(VenueSettings(symbol="ABCUSD", emulator_url=emulator.url))
    with pytest.raises(SettingsError, match="start the venue's emulator there"):
        venue.fetch(VenueSettings(emulator_url="http://127.0.0.1:9"))


def test_ccxts_gemini_fetches_the_emulators_minutes(
    emulator: EmbeddedEmulator, tmp_path: Path
) -> None:
    gemini = ccxt.gemini({"options": {"fetchMarketsMethod": "fetch_markets_from_api"}})
    gemini.urls["api"] = dict.fromkeys(gemini.urls["api"], emulator.url)
    newest = venue.fetch(VenueSettings(emulator_url=emulator.url))["ts"][-1]
    start = int(newest) - 60 * MINUTE
    end = int(newest)
    assert fetch.fetch(gemini, "BTCUSD", tmp_path, start=start, end=end) > 50
    held = store.read(tmp_path, "BTCUSD")
    assert held["ts"].is_between(start, end, closed="left").all()


def test_history_fetch_stores_what_the_venue_gives(
    emulator: EmbeddedEmulator, tmp_path: Path
) -> None:
    flags = ["fetch", "--environment", "Emulator", "--emulator-url", emulator.url]
    flags += ["--out", str(tmp_path)]
    said = CliRunner().invoke(command, flags)
    assert said.exit_code == 0, said.output
    assert "new minutes" in said.output
    again = CliRunner().invoke(command, flags)
    assert len(store.read(tmp_path, "BTCUSD")) > 2 * 1440
    assert again.exit_code == 0


def test_history_fetch_takes_a_venue_by_ccxts_name_and_continues_where_the_store_ends(
    emulator: EmbeddedEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Local(ccxt.gemini):  # type: ignore[misc]
        """One of ccxt's exchanges, at the emulator's address."""

        def __init__(self, config: dict[str, object]) -> None:
            markets = {"options": {"fetchMarketsMethod": "fetch_markets_from_api"}}
            super().__init__(config | markets)
            self.urls["api"] = dict.fromkeys(self.urls["api"], emulator.url)

    monkeypatch.setattr(ccxt, "local", Local, raising=False)
    monkeypatch.setattr(ccxt, "exchanges", [*ccxt.exchanges, "local"])
    newest = datetime.fromtimestamp(emulator.exchange.clock.market() / 1000, UTC)
    flags = ["fetch", "--venue", "local", "--symbol", "BTC/USD", "--json"]
    flags += ["--from", f"{newest - timedelta(days=1):%Y-%m-%d}", "--out", str(tmp_path)]
    first, again = (CliRunner().invoke(command, flags) for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0), first.output + again.output
    one, two = (json.loads(said.stdout.splitlines()[-1]) for said in (first, again))
    assert one["rows"] > 1000 and one["rows"] == len(store.read(tmp_path, "BTCUSD")) - two["new"]
    assert two["new"] <= 5, "only minutes that ended since"
    unknown = CliRunner().invoke(command, [*flags, "--symbol", "NOSUCH/USD"])
    assert (unknown.exit_code, "has no market NOSUCHUSD" in unknown.output) == (2, True)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without logging."""

    def log_message(self, *_arguments: object) -> None:
        """Logs nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served"))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_file_behind_an_address_is_fetched_and_joined_with_what_was_recorded(
    address: str, tmp_path: Path
) -> None:
    (tmp_path / "served").mkdir()
    first = 27_000_000
    rows = [(minute * MINUTE, 5.0, 6.0, 4.0, 5.0, 1.0, 5.0) for minute in range(first, first + 10)]
    table = pl.DataFrame(rows, schema=bars.SCHEMA, orient="row")
    table.write_parquet(tmp_path / "served" / "minutes.parquet")
    settings = ForecastSettings(
        history_source="Url",
        history_file=f"{address}/minutes.parquet",
        state_dir=str(tmp_path / "state"),
    )
    own = table.filter(pl.col("ts") == (first + 9) * MINUTE).with_columns(weighted=pl.lit(5.5))
    folder = sources.recorded(settings)
    assert folder
    store.write(folder, "BTCUSD", own)
    joined = sources.load(settings)
    assert len(joined) == 10
    assert joined["weighted"].to_list() == [5.0] * 9 + [5.5]


def test_an_address_without_a_file_is_a_clear_sentence(address: str, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    settings = ForecastSettings(
        history_source="Url", history_file=f"{address}/none.csv", state_dir=str(tmp_path)
    )
    with pytest.raises(SettingsError, match="cannot be downloaded: HTTP 404"):
        sources.load(settings)
