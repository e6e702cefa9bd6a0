"""Price bars as columns."""

from collections.abc import Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from tradebot.history.minutes import MINUTE as MINUTE

DAY = 1440 * MINUTE
"""Milliseconds per day."""

Column = npt.NDArray[np.float64]


class Flows(msgspec.Struct, frozen=True, kw_only=True):
    """The liquidity of the windows in each bar.

    `bid` and `ask` (n,) are flows: the sum of price × remaining of one side, in quote currency.
    `ratio` (n,) is bid flow / ask flow, `nan` where a side was empty. `complete` (n,) says whether
    every window of the bar was seen as a whole.
    """

    bid: Column
    ask: Column
    ratio: Column
    complete: npt.NDArray[np.bool_]

    def rows(self, part: slice) -> "Flows":
        """These rows."""
        return Flows(
            bid=self.bid[part],
            ask=self.ask[part],
            ratio=self.ratio[part],
            complete=self.complete[part],
        )


class Predictions(msgspec.Struct, frozen=True, kw_only=True):
    """What one model forecast, as known at each bar's close.

    `log_price` (n,) is the forecast for the bar's end and `log_price_next` for one step later, both
    natural logarithms, `nan` where no forecast covers them. `history_end` (n,) int64 is the last
    minute that the model had seen, ms.
    """

    log_price: Column
    log_price_next: Column
    history_end: npt.NDArray[np.int64]

    @property
    def delta(self) -> Column:
        """forecast(t + 1) − forecast(t)."""
        return self.log_price_next - self.log_price

    def rows(self, part: slice) -> "Predictions":
        """These rows."""
        return Predictions(
            log_price=self.log_price[part],
            log_price_next=self.log_price_next[part],
            history_end=self.history_end[part],
        )


class Bars(msgspec.Struct, frozen=True):
    """Bars in rising order of time; a bar without trades is absent.

    `ts` is the start of a bar in ms UTC, prices are in quote and `volume` in base currency, and
    `step` is the length of a bar in ms. `flows` is the liquidity, `None` where the data has none.
    `forecasts` holds the predictions of the models that a strategy asked for, by name.
    """

    ts: npt.NDArray[np.int64]
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    step: int
    flows: Flows | None = None
    forecasts: Mapping[str, Predictions] = {}

    @property
    def bid_flow(self) -> Column:
        """Flow of the bids, quote currency; `nan` where the data has none."""
        return self._unknown() if self.flows is None else self.flows.bid

    @property
    def ask_flow(self) -> Column:
        """Flow of the asks, quote currency; `nan` where the data has none."""
        return self._unknown() if self.flows is None else self.flows.ask

    @property
    def ratio(self) -> Column:
        """Bid flow / ask flow; `nan` where a side was empty or the data has none."""
        return self._unknown() if self.flows is None else self.flows.ratio

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Whether every window of the bar was seen as a whole; `False` where the data has none."""
        if self.flows is None:
            return np.zeros(len(self.ts), np.bool_)
        return self.flows.complete

    def _unknown(self) -> Column:
        return np.full(len(self.ts), np.nan)

    def forecast(self, model: str) -> Predictions:
        """The predictions of a model.

        Raises:
            KeyError: the strategy did not ask for this model.
        """
        if model not in self.forecasts:
            raise KeyError(
                f"the bars hold no forecasts of {model}: ask for them with "
                f'FORECASTS = ("{model}",) in the strategy'
            )
        return self.forecasts[model]

    def rows(self, start: int, stop: int) -> "Bars":
        """Bars [start, stop), with all their columns, as views."""
        part = slice(start, stop)
        return Bars(
            ts=self.ts[part],
            open=self.open[part],
            high=self.high[part],
            low=self.low[part],
            close=self.close[part],
            volume=self.volume[part],
            step=self.step,
            flows=None if self.flows is None else self.flows.rows(part),
            forecasts={name: each.rows(part) for name, each in self.forecasts.items()},
        )

    def between(self, start: int, end: int) -> "Bars":
        """Those that begin at `start` or later and before `end`."""
        left, right = np.searchsorted(self.ts, (start, end))
        return self.rows(int(left), int(right))


def joined(parts: list[Bars]) -> Bars:
    """The bars of all parts, which follow one another.

    Flows and forecasts are kept where every part has them.
    """
    flows = [part.flows for part in parts if part.flows is not None]
    shared = set.intersection(*(set(part.forecasts) for part in parts))
    return Bars(
        ts=np.concatenate([part.ts for part in parts]),
        open=np.concatenate([part.open for part in parts]),
        high=np.concatenate([part.high for part in parts]),
        low=np.concatenate([part.low for part in parts]),
        close=np.concatenate([part.close for part in parts]),
        volume=np.concatenate([part.volume for part in parts]),
        step=parts[0].step,
        flows=_flows(flows) if len(flows) == len(parts) else None,
        forecasts={
            model: _predictions([part.forecasts[model] for part in parts]) for model in shared
        },
    )


def _flows(parts: list[Flows]) -> Flows:
    return Flows(
        bid=np.concatenate([part.bid for part in parts]),
        ask=np.concatenate([part.ask for part in parts]),
        ratio=np.concatenate([part.ratio for part in parts]),
        complete=np.concatenate([part.complete for part in parts]),
    )


def _predictions(parts: list[Predictions]) -> Predictions:
    return Predictions(
        log_price=np.concatenate([part.log_price for part in parts]),
        log_price_next=np.concatenate([part.log_price_next for part in parts]),
        history_end=np.concatenate([part.history_end for part in parts]),
    )
