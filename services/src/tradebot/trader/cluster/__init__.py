"""A trader's use of its cluster's API server: its lease, and its TradeBot's status."""
