"""The forecast stage: the price of each coming minute, from its history."""
