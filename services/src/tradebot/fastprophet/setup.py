"""What Prophet decides before it fits: scales, automatic seasonalities, changepoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tradebot.fastprophet.history import Rows
from tradebot.fastprophet.options import Options, Order, Seasonality
from tradebot.fastprophet.times import DAY, Floats, Nanos, to_nanos


@dataclass(frozen=True)
class Scales:
    """How times and values become Prophet's t and y_scaled.

    t = (time − start) / span; y_scaled = (y − floor) / y_scale, where the floor is `y_min`
    (0 for absmax) unless rows carry their own (`row_floor`). `low` and `high` bound y.
    """

    start: int
    span: int
    y_scale: float
    y_min: float
    low: float
    high: float
    row_floor: bool = False

    @property
    def offset(self) -> float:
        """The floor of rows without their own."""
        return 0.0 if self.row_floor else self.y_min

    def t(self, times: Nanos) -> Floats:
        """Prophet's scaled time: 0 at the first row, 1 at the last."""
        return (times - self.start) / self.span


def scales_of(options: Options, rows: Rows) -> Scales:
    """The scales of a history. Raises `ValueError` when all rows have the same time."""
    times, y = rows.times, rows.y
    span = int(times[-1] - times[0])
    if span == 0:
        raise ValueError("All rows have the same time: a trend needs at least two times.")
    low, high = float(y.min()), float(y.max())
    floor, cap = rows.column("floor"), rows.column("cap")
    if options.growth != "logistic" or floor is None:
        return _by_value(options, int(times[0]), span, low, high)
    if options.scaling == "absmax":
        away = np.abs(y - floor)
        scale, least = float(away.max()), float(away.min())
    else:
        assert cap is not None
        least = float(floor.min())
        scale = float(cap.max()) - least
    return Scales(int(times[0]), span, scale or 1.0, least, low, high, row_floor=True)


def scales_after(options: Options, before: Scales, more: Rows) -> Scales:
    """Updates the scales with later rows, for a history without per-row floors."""
    span = int(more.times[-1]) - before.start
    low, high = min(before.low, float(more.y.min())), max(before.high, float(more.y.max()))
    return _by_value(options, before.start, span, low, high)


def _by_value(options: Options, start: int, span: int, low: float, high: float) -> Scales:
    if options.scaling == "absmax":
        return Scales(start, span, max(abs(low), abs(high)) or 1.0, 0.0, low, high)
    return Scales(start, span, (high - low) or 1.0, low, low, high)


_BUILT_IN: Final = (
    # name, period in days, order, least span and largest step (both in days) of "auto"
    ("yearly", 365.25, 10, 730, np.inf),
    ("weekly", 7.0, 3, 14, 7),
    ("daily", 1.0, 4, 2, 1),
)


def seasonalities_of(
    options: Options, custom: Mapping[str, Seasonality], span: int, step: int
) -> tuple[Seasonality, ...]:
    """All seasonalities of a history that spans `span` ns with a least step of `step` ns."""
    found = dict(custom)
    for name, period, default, least_span, largest_step in _BUILT_IN:
        setting: Order = getattr(options, f"{name}_seasonality")
        if setting == "auto":
            short = span < least_span * DAY or step >= largest_step * DAY
            order = 0 if name in custom or short else default
        else:
            order = default if setting is True else int(setting)
        if order > 0:
            scale, mode = options.seasonality_prior_scale, options.seasonality_mode
            found[name] = Seasonality(name, period, order, scale, mode)
    return tuple(found.values())


def least_step(times: Nanos, otherwise: int = 0) -> int:
    """The smallest step between different times, in nanoseconds; `otherwise` if none differ."""
    least = otherwise or int(np.iinfo(np.int64).max)
    for start in range(0, len(times), 65_536):
        steps = np.diff(times[start : start + 65_537])
        least = int(steps[steps > 0].min(initial=least))
    return least


@dataclass(frozen=True)
class Changepoints:
    """Where the rate of the trend may change.

    `times` (S,) ascending, in ns; `bounds` (S + 2,) the rows at which segments begin and end:
    segment i is rows bounds[i] to bounds[i + 1]. Without changepoints Prophet keeps a dummy one
    at the start, `dummy`, and folds its coefficient into k; here that coefficient is 0.
    """

    times: Nanos
    bounds: npt.NDArray[np.int64]
    dummy: bool = False

    def t(self, scales: Scales) -> Floats:
        """Scaled times (S,)."""
        return scales.t(self.times)


def change_scale(options: Options, changepoints: Changepoints) -> float:
    """Returns the Laplace prior's scale of δ; none for a dummy change at the start (see k)."""
    return 1e-9 if changepoints.dummy else options.changepoint_prior_scale


def changepoints_of(options: Options, times: Nanos) -> Changepoints:
    """Given or automatic changepoints. Raises `ValueError` for one outside the history."""
    n = len(times)
    if options.changepoints is not None:
        given = np.sort(to_nanos(options.changepoints)) if len(options.changepoints) else None
        if given is None:
            return _dummy(times)
        if given[0] < times[0] or given[-1] > times[-1]:
            raise ValueError("Changepoints must fall within training data.")
        rows = np.searchsorted(times, given, side="left")
        return Changepoints(given, np.concatenate(([0], rows, [n])))
    rows = automatic_rows(n, options.n_changepoints, options.changepoint_range)
    if not len(rows):
        return _dummy(times)
    return Changepoints(times[rows], np.concatenate(([0], rows, [n])))


def automatic_rows(n: int, count: int, share: float) -> npt.NDArray[np.int64]:
    """Returns the rows of automatic changepoints: evenly over the first `share` of the history."""
    size = int(np.floor(n * share))
    count = min(count, size - 1)
    if count <= 0:
        return np.empty(0, np.int64)
    return np.linspace(0, size - 1, count + 1).round().astype(np.int64)[1:]


def _dummy(times: Nanos) -> Changepoints:
    return Changepoints(times[:1].copy(), np.array([0, 0, len(times)]), dummy=True)
