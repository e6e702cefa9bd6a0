"""Backtests with the live bot's semantics, and the metrics that judge them."""
