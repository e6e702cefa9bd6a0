"""Creates a real Prophet object with this package's fit. Needs pandas and prophet when called."""

from typing import Any

import numpy as np

from tradebot.fastprophet.engine import Fitted
from tradebot.fastprophet.times import to_datetime64, to_nanos


def to_prophet(fitted: Fitted) -> Any:
    """Returns a fitted `prophet.Prophet`: predict, plots, diagnostics and serialization work on it.

    Prophet's own methods set its scales, columns and changepoints, so the object is what its `fit`
    would have produced, with other parameters. Raises `ImportError` if prophet is not installed.
    """
    import pandas as pd
    from prophet import Prophet

    options, specification = fitted.specification.options, fitted.specification
    arguments = {name: getattr(options, name) for name in _ARGUMENTS}
    if options.changepoints is not None:
        arguments["changepoints"] = pd.Series(to_datetime64(to_nanos(options.changepoints)))
    if options.holidays is not None:
        table = {n: np.asarray(options.holidays[n]) for n in _COLUMNS if n in options.holidays}
        table["ds"] = to_datetime64(to_nanos(options.holidays["ds"]))
        arguments["holidays"] = pd.DataFrame(table)
    model = Prophet(**arguments)
    for seasonality in specification.seasonalities.values():
        model.add_seasonality(
            seasonality.name,
            seasonality.period,
            seasonality.fourier_order,
            seasonality.prior_scale,
            seasonality.mode,
            seasonality.condition_name,
        )
    for regressor in specification.regressors:
        model.add_regressor(
            regressor.name, regressor.prior_scale, regressor.standardize, regressor.mode
        )
    rows = fitted.rows
    frame = pd.DataFrame({"ds": to_datetime64(rows.times), "y": rows.y})
    conditions = {s.condition_name for s in specification.seasonalities.values()}
    for name, values in rows.others(slice(None)).items():
        frame[name] = values != 0 if name in conditions else values
    seen = np.union1d(rows.times, rows.unused)
    model.history_dates = pd.Series(to_datetime64(seen), name="ds")
    model.history = model.setup_dataframe(frame, initialize_scales=True)
    model.set_auto_seasonalities()
    # The columns do not depend on the rows: two rows save the work for millions.
    _, _, columns, modes = model.make_all_seasonality_features(model.history.head(2))
    model.train_component_cols, model.component_modes = columns, modes
    model.set_changepoints()
    model.params = fitted.parameters.as_prophet()
    return model


_ARGUMENTS = (
    "growth",
    "n_changepoints",
    "changepoint_range",
    "yearly_seasonality",
    "weekly_seasonality",
    "daily_seasonality",
    "seasonality_mode",
    "seasonality_prior_scale",
    "holidays_prior_scale",
    "changepoint_prior_scale",
    "interval_width",
    "uncertainty_samples",
    "scaling",
    "holidays_mode",
)

_COLUMNS = ("holiday", "ds", "lower_window", "upper_window", "prior_scale")
