"""The web server in every pod of the verification workload: answers with the pod's name.

A header shows the client's address as seen here. PORT may be several, with spaces in between.
"""

import os
import signal
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

PORTS = [int(port) for port in os.environ["PORT"].split()]
BODY = os.environ["POD_NAME"].encode()


class Answer(BaseHTTPRequestHandler):
    """Answers every GET with the pod's name; the log on stderr has each client's address."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("Client-Address", self.client_address[0])
        self.end_headers()
        self.wfile.write(BODY)


class Server(socketserver.ThreadingTCPServer):
    """Not http.server's class, which resolves its own name at start: pods may have no DNS."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


# The first process of a container only receives signals that it handles.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
servers = [Server(("", port), Answer) for port in PORTS]
for other in servers[1:]:
    threading.Thread(target=other.serve_forever, daemon=True).start()
servers[0].serve_forever()
