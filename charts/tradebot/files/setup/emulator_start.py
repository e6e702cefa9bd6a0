"""Starts the emulator so that its time goes on where it would be, had it never been restarted.

At ten times the speed of real time an exchange that began again at now would go back by hours,
and everything that lives by its time would wait for as long.
"""

import os
import time
from datetime import UTC, datetime

epoch, speed = float(os.environ["EPOCH"]), float(os.environ["TRADEBOT_SPEED"])
now = epoch + (time.time() - epoch) * speed
os.environ["TRADEBOT_START"] = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
os.execvp("tradebot", ["tradebot", "emulator"])
