"""What a trader does with the API server of its cluster: its lease, and its TradeBot's status."""
