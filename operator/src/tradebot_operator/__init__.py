"""The Kubernetes operator that turns a TradeBot resource into a running bot."""

__version__ = "0.2.0"
