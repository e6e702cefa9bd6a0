"""The order book and its rules: pure, in whole price and amount steps."""
