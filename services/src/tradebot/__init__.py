"""tradebot: liquidity, forecasts and trades on the Gemini exchange, a stage a process."""

__version__ = "0.2.0"
