"""Accounts: balances, fees, keys, nonces and rate limits."""
