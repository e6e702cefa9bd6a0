"""Creates the Elasticsearch users of the chart's components; runs as a sidecar of Elasticsearch.

It waits for Elasticsearch, creates roles and users, sets the password of Kibana's own user, writes a
file when it is done, and then waits to be stopped. It is safe to repeat, such as after the pod lost
its data. Only this file and Elasticsearch itself read the superuser's password.
"""

import base64
import json
import os
import signal
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

INDICES = ["tradebot*"]
ROLES: dict[str, dict[str, Any]] = {
    # create templates and mappings, delete months, write documents, read the newest one
    "tradebot_writer": {
        "cluster": ["manage_index_templates"],
        "indices": [{"names": INDICES, "privileges": ["manage", "index", "read"]}],
    },
    "tradebot_reader": {
        "cluster": [],
        "indices": [{"names": INDICES, "privileges": ["read", "view_index_metadata"]}],
    },
}
USERS = {
    # by the password's key in the Secret
    "recorder": ("tradebot_recorder", ["tradebot_writer"]),
    "dashboard": ("tradebot_dashboard", ["tradebot_reader"]),
    "importer": ("tradebot_importer", ["kibana_admin"]),
}
PATIENCE_SECONDS = 600.0


def requests(passwords: dict[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Returns method, path and body of each request, in order."""
    roles = [("PUT", f"/_security/role/{name}", role) for name, role in ROLES.items()]
    users = [
        ("PUT", f"/_security/user/{name}", {"password": passwords[key], "roles": of_user})
        for key, (name, of_user) in USERS.items()
    ]
    password = {"password": passwords["kibana"]}
    return [*roles, *users, ("POST", "/_security/user/kibana_system/_password", password)]


def ask(address: str, superuser: str, method: str, path: str, body: dict[str, Any]) -> None:
    """Sends one request.

    Raises:
        OSError: there was no response, or it was an error.
    """
    token = base64.b64encode(f"elastic:{superuser}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, headers, method=method)
    authority = os.environ.get("CA_FILE")
    context = ssl.create_default_context(cafile=authority) if authority else None
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        answer.read()


def main() -> None:
    """Creates all users, or exits with the reason why it could not."""
    address = os.environ["ELASTICSEARCH"]
    folder = Path(os.environ["PASSWORDS"])
    passwords = {name: (folder / name).read_text().strip() for name in ("elastic", "kibana", *USERS)}
    end = time.monotonic() + PATIENCE_SECONDS
    for method, path, body in requests(passwords):
        while True:
            try:
                ask(address, passwords["elastic"], method, path, body)
                break
            except urllib.error.HTTPError as error:
                said = f"{error.code}: {error.read()[:300].decode(errors='replace')}"
            except OSError as error:
                said = str(error)
            if time.monotonic() > end:
                sys.exit(f"Elasticsearch at {address} did not take {method} {path}: {said}")
            sys.stderr.write(f"waiting for Elasticsearch at {address}: {said}\n")
            time.sleep(float(os.environ.get("PAUSE_SECONDS", "3")))
    Path(os.environ["DONE_FILE"]).touch()
    sys.stderr.write("roles and users are made\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main()
    signal.pause()
