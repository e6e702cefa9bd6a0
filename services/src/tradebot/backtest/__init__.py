"""Backtests that mean what the live bot does, and the metrics that judge them."""
