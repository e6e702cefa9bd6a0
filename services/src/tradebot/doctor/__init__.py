"""`tradebot doctor`: checks a set-up, and says how to fix what is wrong."""
