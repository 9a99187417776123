"""The web server in every pod of the verification workload: answers with the pod's name.

A header tells the client its own address as it is seen here.
"""

import os
import signal
import socketserver
from http.server import BaseHTTPRequestHandler

PORT = int(os.environ["PORT"])
BODY = os.environ["POD_NAME"].encode()


class Answer(BaseHTTPRequestHandler):
    """The pod's name to every GET; the log, on stderr, names each caller's address."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("Client-Address", self.client_address[0])
        self.end_headers()
        self.wfile.write(BODY)


class Server(socketserver.ThreadingTCPServer):
    """Not http.server's own class: that one resolves its name at start, and pods need no DNS."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


# The kernel spares the first process of a container every signal that it does not handle.
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
with Server(("", PORT), Answer) as server:
    server.serve_forever()
