"""Prices: recorded or generated bars, and the order flow around them."""
