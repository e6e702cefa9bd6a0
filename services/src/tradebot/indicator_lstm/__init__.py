"""An LSTM on technical indicators: RSI, MACD, its signal and the ratio of each close to the last.

The model of the tutorial "building an LSTM with technical indicators", faithful by default. Its two
flaws can be fixed by option: unscaled features, and (in the backtest) training on the days that are
tested afterwards.
"""
