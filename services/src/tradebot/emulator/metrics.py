"""Metrics of the emulator."""

from prometheus_client import Counter, Gauge

FAULTS = Counter("tradebot_emulator_faults_total", "Faults that struck", ["kind"])
REQUESTS = Counter("tradebot_emulator_requests_total", "Calls answered", ["path", "status"])
CONNECTIONS = Gauge("tradebot_emulator_connections", "Open sockets", ["where"])
CHANGES = Counter("tradebot_emulator_book_changes_total", "Changes of books", ["symbol"])
LAG = Gauge("tradebot_emulator_lag_seconds", "How late the market's last move was, real seconds")
