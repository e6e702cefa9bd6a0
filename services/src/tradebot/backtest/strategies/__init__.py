"""Strategies that come with the backtest: the report's rule, the indicator LSTM, and standards."""
