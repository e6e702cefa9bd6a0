"""What a changed TradeBot would have decided on what its bot recorded."""
