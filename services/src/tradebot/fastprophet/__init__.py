"""Prophet's model, fitted exactly and a thousand times faster; needs only numpy and scipy.

>>> from tradebot.fastprophet import FastProphet
>>> forecast = FastProphet().fit(times, values).predict(30)
"""

from tradebot.fastprophet.forecast import Forecast
from tradebot.fastprophet.model import FastProphet

__all__ = ["FastProphet", "Forecast"]
