"""Metrics of the emulator."""

from prometheus_client import Counter, Gauge

FAULTS = Counter("tradebot_emulator_faults_total", "Faults applied", ["kind"])
REQUESTS = Counter("tradebot_emulator_requests_total", "Calls handled", ["path", "status"])
CONNECTIONS = Gauge("tradebot_emulator_connections", "Open sockets", ["where"])
CHANGES = Counter("tradebot_emulator_book_changes_total", "Order book changes", ["symbol"])
LAG = Gauge("tradebot_emulator_lag_seconds", "Delay of the market's last move, in real seconds")
