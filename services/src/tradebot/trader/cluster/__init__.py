"""A trader's use of its cluster's API server: its lease, its TradeBot's status and its orders."""

from typing import Final

TRADER: Final = "tradebot-trader"
"""The field manager of a trader's writes."""
