"""The Kubernetes operator that makes a running bot from a TradeBot resource."""

__version__ = "0.2.0"
