"""The order book and its rules: pure, on whole price and amount steps."""
