"""`kubectl tradebot`: bots in a cluster, through the user's own kubectl and rights."""
