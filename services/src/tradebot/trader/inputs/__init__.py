"""What the trader reads: windows, forecasts, the feed, the venue's prices."""
