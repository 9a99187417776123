"""A host on the lab's internet: a web page that shows the address of whoever requests it.

So the router's translation of source addresses can be seen from inside.
"""

from __future__ import annotations

import http.server
import sys
from http import HTTPStatus

from kuryr_runbook.lab.settings import INTERNET_ADDRESS

PORT = 80


class Page(http.server.BaseHTTPRequestHandler):
    """The page."""

    server_version = "kuryr-runbook-lab"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer every path with the same line."""
        body = f"This is {INTERNET_ADDRESS}, on the lab's internet. You come from "
        text = f"{body}{self.client_address[0]}\n".encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, form: str, *values: object) -> None:
        """Log only the client and the request."""
        sys.stdout.write(
            f"{self.log_date_time_string()} {self.client_address[0]} {form % values}\n"
        )
        sys.stdout.flush()


def serve() -> None:
    """Serve until the process is ended."""
    with http.server.ThreadingHTTPServer((str(INTERNET_ADDRESS), PORT), Page) as server:
        server.serve_forever()


if __name__ == "__main__":
    serve()
