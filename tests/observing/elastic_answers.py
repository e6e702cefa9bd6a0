"""Elasticsearch's HTTP responses, for fake servers."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any


class ElasticAnswers(BaseHTTPRequestHandler):
    """Responds in the form that Elasticsearch's client accepts, and logs nothing."""

    protocol_version = "HTTP/1.1"

    def tell(self, status: int, body: Any) -> None:
        """Sends a status and a JSON body; a HEAD has no body."""
        data = b"" if self.command == "HEAD" else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/vnd.elasticsearch+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None: ...
