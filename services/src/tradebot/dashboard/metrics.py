"""Metrics of the dashboard."""

from prometheus_client import Counter

UNSHOWN = Counter(
    "tradebot_dashboard_unshown_records_total",
    "Records that cannot be true or cannot be read, and so are not shown",
    ["topic"],
)
