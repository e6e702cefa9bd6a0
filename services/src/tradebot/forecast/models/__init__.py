"""The forecasters, one file per model, listed in the entry points `tradebot.forecasters`."""
