"""The trader's inputs: windows, forecasts, the feed, the venue's prices."""
