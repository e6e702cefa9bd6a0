"""Gives the user kibana_system its password, waiting for Elasticsearch; harmless when repeated."""

import os
import sys
import time
from pathlib import Path

import httpx

address = os.environ["ELASTICSEARCH"]
password = Path(os.environ["PASSWORD_FILE"]).read_text().strip()
wanted = Path(os.environ["KIBANA_PASSWORD_FILE"]).read_text().strip()

for attempt in range(120):
    try:
        answer = httpx.post(
            f"{address}/_security/user/kibana_system/_password",
            json={"password": wanted},
            auth=("elastic", password),
            timeout=10,
        )
        if answer.status_code == 200:
            sys.exit(0)
        sys.stderr.write(f"Elasticsearch answers {answer.status_code}: {answer.text[:200]}\n")
    except httpx.HTTPError as error:
        sys.stderr.write(f"waiting for Elasticsearch at {address}: {error!r}\n")
    time.sleep(5)
sys.exit(f"Elasticsearch at {address} did not take the password of kibana_system in ten minutes")
