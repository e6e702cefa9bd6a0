"""The children of each unit, as plain manifests: pure functions of TradeBots and settings."""
