"""FastProphet as a forecaster; until the fast solver is in place, Prophet fits it."""

from tradebot.forecast.models.prophet import ProphetForecaster


class FastProphetForecaster(ProphetForecaster):
    """Prophet's model under the name of the fast one, on a bounded number of rows."""

    name = "FastProphet"
