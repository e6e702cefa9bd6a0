"""Plots of a model: its forecasts of minutes that it learnt from, and of held-out ones."""
