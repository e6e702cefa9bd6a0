"""Makes the users of Elasticsearch that the chart's parts are, beside it in its pod.

It waits for Elasticsearch, makes roles and users, gives Kibana's own user its password, says so by
a file, and then waits for its end. A pod that comes without its data gets them anew; all of it may
be repeated. The superuser's password is read here and by Elasticsearch itself, and nowhere else.
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
    # templates and mappings are made, months deleted, documents written; the newest is looked for
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
    # by the key of the Secret that holds the password
    "recorder": ("tradebot_recorder", ["tradebot_writer"]),
    "dashboard": ("tradebot_dashboard", ["tradebot_reader"]),
    "importer": ("tradebot_importer", ["kibana_admin"]),
}
PATIENCE_SECONDS = 600.0


def requests(passwords: dict[str, str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and body of each request, in order."""
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
        OSError: it was not answered, or not by a success.
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
    """Makes all users, or ends with the reason for which it could not."""
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
