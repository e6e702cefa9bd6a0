"""The report of a backtest: a table in the terminal, one HTML page, one JSON object."""
