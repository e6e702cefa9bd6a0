"""Exits: policies that close a position, one a file, each a pure function with its reason."""
