"""Lookahead: whether a row changes when later bars are cut off or altered."""

from collections.abc import Iterator

import msgspec
import numpy as np

from tradebot.strategies.checks.finding import Finding, utc
from tradebot.strategies.checks.rows import Candidate, Decide, Rows, first_difference, wanted
from tradebot.strategies.interface import Bars
from tradebot.strategies.loading import LoadedStrategy
from tradebot.strategies.parameters import StrategyError

BARS = 10_000
"""Number of newest bars to check."""

CUTS = {False: 40, True: 6}
"""Number of cuts: for a function of arrays, and for a class, which is slow."""


class LookaheadError(StrategyError):
    """A strategy looks ahead; the message names the first row that changed."""


def check(decide: Decide, bars: Bars, cuts: int) -> Finding:
    """Compares the rows on all bars with those on the bars up to each cut.

    Half of the cuts follow rows with an order, which show what such a row knows of the next bar.
    """
    whole = decide(bars)
    found: tuple[int, Rows] | None = None
    for cut in _places(whole, cuts):
        for later in (bars.rows(0, cut), _altered(bars, cut)):
            rows = decide(later)[:cut]
            bar = first_difference(whole, rows)
            if bar is not None and (found is None or bar < found[0]):
                found = bar, rows
    if found is None:
        text = f"no row of {len(bars.ts):,} changed when later bars were cut off or altered"
        return Finding(check="lookahead", passed=True, reason=text)
    bar, rows = found
    ts = int(bars.ts[bar])
    return Finding(
        check="lookahead",
        passed=False,
        reason=(
            f"the row of bar {bar} ({utc(ts)}) changed from {wanted(whole[bar])} to "
            f"{wanted(rows[bar])} when later bars were cut off or altered: row i may depend on "
            "bars 0…i alone"
        ),
        bar=bar,
        ts=ts,
    )


def refuse(loaded: LoadedStrategy, bars: Bars, before: Bars | None = None) -> None:
    """Checks that the strategy does not look ahead on the newest of these bars.

    The backtest and the stage call this before they start.

    Args:
        before: the bars on which a class is fitted, if it is.

    Raises:
        LookaheadError: it looks ahead; the message names the first row that changed.
        StrategyError: it fails.
    """
    newest = bars.rows(max(0, len(bars.ts) - BARS // (10 if loaded.is_class else 1)), len(bars.ts))
    if len(newest.ts) < 2:
        return
    found = check(Candidate(loaded, before).rows, newest, CUTS[loaded.is_class] // 2)
    if not found.passed:
        raise LookaheadError(f"{loaded.source.where} looks ahead: {found.reason}")


def _places(whole: Rows, count: int) -> list[int]:
    """Returns numbers of bars to keep, at least one and at most all but one."""
    last = len(whole) - 1
    orders = np.flatnonzero(whole[:, 0] if whole.dtype == np.float64 else whole != "")
    spread = np.linspace(1, last, count - count // 2)
    chosen = orders[np.linspace(0, len(orders) - 1, count // 2).astype(int)] if len(orders) else []
    places = {int(place) for place in spread} | {int(row) + 1 for row in chosen}
    return sorted(place for place in places if 1 <= place <= last)


def _altered(bars: Bars, cut: int) -> Bars:
    """Returns the same bars up to `cut`, and altered ones after it."""
    random = np.random.default_rng(cut)
    later = len(bars.ts) - cut
    factor = np.concatenate([np.ones(cut), np.exp(np.cumsum(random.normal(0, 0.05, later)))])
    other = {
        name: getattr(bars, name) * factor for name in ("open", "high", "low", "close", "volume")
    }
    return msgspec.structs.replace(bars, **other, **dict(_altered_extras(bars, cut)))


def _altered_extras(bars: Bars, cut: int) -> Iterator[tuple[str, object]]:
    """Yields flows and forecasts, reversed from `cut` on."""

    def turned(column: np.ndarray) -> np.ndarray:
        return np.concatenate([column[:cut], column[cut:][::-1]])

    if bars.flows is not None:
        columns = msgspec.structs.asdict(bars.flows)
        yield "flows", type(bars.flows)(**{key: turned(each) for key, each in columns.items()})
    yield (
        "forecasts",
        {
            model: type(each)(
                **{key: turned(one) for key, one in msgspec.structs.asdict(each).items()}
            )
            for model, each in bars.forecasts.items()
        },
    )
