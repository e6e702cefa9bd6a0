"""Exits: policies that close a position, one per file, each a pure function with its reason."""
