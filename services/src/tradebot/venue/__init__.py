"""Venues: the port that stages use, and Gemini's client behind it."""
