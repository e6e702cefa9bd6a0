"""Exports a bot's trades, fees, balances and gains to files."""
