"""The liquidity stage: flows and their ratio in 60-second windows of event time, by Faust."""
