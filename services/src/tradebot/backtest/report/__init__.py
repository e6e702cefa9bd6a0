"""The report of a backtest: a table in the terminal, one page of HTML, one object of JSON."""
