"""Imports the saved objects into Kibana, waiting for it; harmless when repeated."""

import os
import sys
import time
from pathlib import Path

import httpx

address = os.environ["KIBANA"]
password = Path(os.environ["PASSWORD_FILE"]).read_text().strip()
kibana = httpx.Client(
    base_url=address, auth=("elastic", password), headers={"kbn-xsrf": "setup"}, timeout=60
)

for attempt in range(120):
    try:
        if kibana.get("/api/status").status_code == 200:
            break
    except httpx.HTTPError as error:
        sys.stderr.write(f"waiting for Kibana at {address}: {error!r}\n")
    time.sleep(5)
else:
    sys.exit(f"Kibana at {address} was not ready in ten minutes")

for file in sorted(Path("/dashboards").glob("*.ndjson")):
    answer = kibana.post(
        "/api/saved_objects/_import",
        params={"overwrite": "true"},
        files={"file": (file.name, file.read_bytes(), "application/ndjson")},
    )
    # Kibana answers 200 also where it took only some of the objects.
    if answer.status_code != 200 or not answer.json().get("success"):
        sys.exit(f"{file.name} was not imported: {answer.status_code} {answer.text[:500]}")
    print(f"{file.name}: {answer.json().get('successCount')} objects")
