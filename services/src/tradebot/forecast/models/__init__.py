"""The forecasters: a file a model, found by the entry points `tradebot.forecasters`."""
