"""`tradebot diff` foretells what a changed bot then does, window for window."""

import asyncio
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from soaks.floor import Floor
from soaks.orders import Soak
from soaks.trend import Trend

from tradebot.backtest.replay import Recording, record
from tradebot.diff import spec
from tradebot.diff.command import command, compare, lines
from tradebot.diff.foretell import foretell
from tradebot.domain.decision import Exits, Settings, Window
from tradebot.platform.settings import SettingsError
from tradebot.platform.sqlite_store import SqliteStore
from tradebot.recorder.reading import stored
from tradebot.records import DocType, Document
from tradebot.trader.settings import TraderSettings, rules

D = Decimal
MINUTE = 60_000
DEEP = D(1000)


class Minute(NamedTuple):
    """What a window showed: the best bid, the flow ratio, and which way the forecast goes."""

    bid: int
    ratio: float
    way: float


class Bot:
    """A trader, from its own code, that meets scripted minutes."""

    def __init__(self, chosen: Settings) -> None:
        self.desk = Soak(seed=1, windows=0, kill_rate=0.0, rules=chosen)
        self.windows: list[Document] = []

    async def run(self, minutes: Sequence[Minute]) -> "Bot":
        desk, script = self.desk, Trend(0.0, "FastProphet")
        desk.forecasts = script
        desk.venue.rate, desk.venue.base = 0.0, D(0)
        desk.venue.now = desk.venue.now // MINUTE * MINUTE
        desk.publisher.dice.random = lambda: 0.0  # type: ignore[method-assign]
        await desk._start()
        floor = Floor(desk, [(D(minutes[0].bid), DEEP)], ask=D(minutes[0].bid + 1))
        await desk.engine.reconcile()
        for minute in minutes:
            desk.venue.now += MINUTE
            floor.bids, floor.ask = [(D(minute.bid), DEEP)], D(minute.bid + 1)
            script.way = minute.way
            desk.clock.observe(desk.venue.now)
            window = Window(end=desk.venue.now, ratio=minute.ratio, complete=True)
            body = {"window_end": window.end, "ratio": window.ratio, "complete": True}
            name = f"window-{window.end}"
            self.windows.append(Document(name, DocType.LIQUIDITY, window.end, "", "BTCUSD", body))
            await desk.decider.on_window(window)
        return self

    @property
    def documents(self) -> list[Document]:
        return [*self.windows, *self.desk.publisher.delivered_documents]

    def recording(self) -> Recording:
        kinds: dict[str, list[dict[str, Any]]] = {
            "decision": [], "ticker": [], "order": [], "fill": [], "liquidity": []
        }  # fmt: skip
        for each in self.documents:
            head = {"_id": each.id, "ts": each.ts, "bot": each.bot, "symbol": each.symbol}
            kinds.setdefault(str(each.doc_type), []).append(head | each.body)
        return record(kinds, None)

    def decided(self) -> list[tuple[str, str, str, float, float | None]]:
        """Action, gate, exit, amount and limit of each window."""
        found = sorted(self.recording().decisions, key=lambda each: int(each["window_end"]))
        return [
            (each["action"], each["gate"], each["exit"], each["amount"], each["limit_price"])
            for each in found
        ]

    def profit(self, minutes: Sequence[Minute]) -> Decimal:
        """What the account gained, at the last mid."""
        mid = D(minutes[-1].bid) + D("0.5")
        return self.desk.venue.quote - 100_000 + self.desk.venue.base * mid


def foretold(bot: Bot, changed: Settings) -> list[tuple[str, str, str, float, float | None]]:
    rows = foretell(bot.recording(), changed).rows
    return [
        (
            row.decision.action, row.decision.gate, row.decision.exit, float(row.decision.amount),
            None if row.decision.price is None else float(row.decision.price),
        )
        for row in rows
    ]  # fmt: skip


minutes_of = st.lists(
    st.builds(
        Minute,
        bid=st.integers(9_700, 10_300),
        ratio=st.sampled_from([0.3, 0.8, 1.0, 1.5, 3.0]),
        way=st.sampled_from([0.01, 0.01, -0.01, 0.0]),
    ),
    min_size=5,
    max_size=25,
)
BASE = replace(
    rules(TraderSettings(symbol="BTCUSD")), max_window_age_ms=3_600_000, cooldown_ms=60_000
)
changes = st.builds(
    lambda **fields: replace(BASE, **fields),
    band_min_bps=st.sampled_from([5_000, 9_000]),
    band_max_bps=st.sampled_from([12_000, 20_000, 40_000]),
    risk_fraction=st.sampled_from([D("0.05"), D("0.3")]),
    cooldown_ms=st.sampled_from([0, 60_000, 300_000]),
    max_orders_per_hour=st.sampled_from([None, 3, 30]),
    max_daily_loss=st.sampled_from([None, D("0.002")]),
    exits=st.builds(
        Exits,
        stop_loss=st.sampled_from([None, D("0.01"), D("0.05")]),
        take_profit=st.sampled_from([None, D("0.01")]),
        max_hold_ms=st.sampled_from([None, 3 * MINUTE]),
    ),
)


@settings(max_examples=25, deadline=None)
@given(minutes=minutes_of, before=changes, after=changes)
def test_it_foretells_what_the_changed_bot_then_does_window_for_window(
    minutes: list[Minute], before: Settings, after: Settings
) -> None:
    now = asyncio.run(Bot(before).run(minutes))
    then = asyncio.run(Bot(after).run(minutes))
    assert foretold(now, after) == then.decided()
    assert foretold(now, before) == now.decided(), "without a change it foretells the recording"
    for chosen, bot in ((before, now), (after, then)):
        course = foretell(now.recording(), chosen)
        assert course.profit == bot.profit(minutes)
        assert course.orders == len(bot.desk.venue.orders)


BUYS, SELLS = 0.01, -0.01
FALLS = [
    Minute(10_000, 1.0, BUYS),
    Minute(10_050, 1.0, SELLS),
    Minute(10_100, 1.5, BUYS),
    Minute(9_900, 1.0, SELLS),
    Minute(9_800, 1.5, BUYS),
    Minute(9_700, 1.0, SELLS),
]
YAML = """
apiVersion: tradebot.dev/v1alpha1
kind: TradeBot
metadata: {name: btc}
spec:
  symbol: BTCUSD
  liquidityBand: {minBps: 5000, maxBps: 12000}
"""


def written(folder: Path, text: str = YAML) -> Path:
    path = folder / "bot.yaml"
    path.write_text(text)
    return path


async def test_the_change_is_said_in_one_sentence(tmp_path: Path) -> None:
    bot = await Bot(BASE).run(FALLS)
    found = compare(bot.recording(), spec.read(written(tmp_path)))
    assert (found.orders_before, found.orders_after) == (6, 2)
    assert found.recorded_orders == 6 and found.windows == 6
    assert found.first is not None and found.first.because == "band"
    first = lines(found)[0]
    assert first.startswith(f"6 orders become 2, profit {found.profit_before} becomes ")
    assert first.endswith("USD, first difference 22:17 (band)"), first


async def test_a_change_that_changes_nothing_says_so(tmp_path: Path) -> None:
    bot = await Bot(BASE).run(FALLS)
    path = written(tmp_path, YAML.replace("12000", "20000"))
    found = compare(bot.recording(), spec.read(path))
    assert found.first is None and lines(found)[0].startswith("no difference: 6 decisions of btc")


def test_the_command_reads_a_store(tmp_path: Path) -> None:
    bot = asyncio.run(Bot(BASE).run(FALLS))
    store = SqliteStore(tmp_path / "documents.sqlite")
    store.write([stored(each) for each in bot.documents])
    store.close()
    path = str(written(tmp_path))
    done = CliRunner().invoke(command, [path, "--state-dir", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["orders_before"], found["orders_after"]) == (6, 2)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: TradeBot", "kind: Other", "holds 0 TradeBots"),
        ("  symbol: BTCUSD\n", "", "has no spec.symbol"),
        ("minBps: 5000", "minBps: 50000", "the band is empty"),
        ("  symbol: BTCUSD", "  symbol: BTCUSD\n  execution: Maker", "spec.execution is Maker"),
        ("kind: TradeBot", "kind: [", "cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        spec.read(written(tmp_path, YAML.replace(old, new)))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  strategy: {name: SmaCross}", "spec.strategy differs"),
        ("  forecast: {model: Prophet}", "spec.forecast.model is Prophet"),
    ],
)
async def test_forecasts_and_proposals_that_were_not_recorded_are_not_made_up(
    tmp_path: Path, line: str, words: str
) -> None:
    bot = await Bot(BASE).run(FALLS)
    with pytest.raises(SettingsError, match=words):
        compare(bot.recording(), spec.read(written(tmp_path, YAML + line)))
