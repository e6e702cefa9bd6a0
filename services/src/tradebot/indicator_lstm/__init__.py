"""An LSTM on technical indicators: RSI, MACD, its signal and the ratio of each close to the last.

The model of the tutorial "building an LSTM with technical indicators", faithful by default, with
its two flaws mended where asked: features that are not scaled, and (in the backtest) training on
the days that it is then tested on.
"""
