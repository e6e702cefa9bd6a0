"""The Kubernetes operator that makes a running bot from a TradeBot resource."""
