"""Manifests of each unit's children: pure functions of TradeBots and settings."""
