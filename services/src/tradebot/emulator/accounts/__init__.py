"""Who may do what: balances, fees, keys, nonces and rate limits."""
