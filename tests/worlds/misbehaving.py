"""A server on loopback that misbehaves in one way, whatever API it is taken for.

Real sockets: what is tried is how our sockets end. Up to a certain request it may answer as the
API would, so that a later step meets the misbehaviour.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from kuryr_runbook.lab.pki import Issued

TICK = 0.01
"""Between two bytes that trickle."""
PIECE = 1 << 20
HUGE = 10 << 30
Good = Callable[[str, str], tuple[int, object] | None]
"""The right answer to method and path, as status and what JSON holds; None: misbehave."""


@dataclass
class Talk:
    """One connection, after its request was read."""

    sock: socket.socket
    over: threading.Event
    path: str = "/"

    def send(self, text: str | bytes) -> None:
        self.sock.sendall(text.encode() if isinstance(text, str) else text)

    def head(self, *headers: str, status: str = "200 OK") -> None:
        self.send("\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]))

    def body(self, content: bytes, *headers: str, status: str = "200 OK") -> None:
        self.head(f"Content-Length: {len(content)}", *headers, status=status)
        self.send(content)

    def json(self, value: object, status: str = "200 OK") -> None:
        self.body(json.dumps(value).encode(), "Content-Type: application/json", status=status)

    def trickle(self, byte: bytes = b"x") -> None:
        while not self.over.wait(TICK):
            self.send(byte)

    def flood(self, piece: bytes = b" " * PIECE) -> None:
        for _ in range(HUGE // PIECE):
            if self.over.is_set():
                return
            self.send(piece)


Way = Callable[[Talk], None]


def _wait(talk: Talk) -> None:
    talk.over.wait()


def _half_header(talk: Talk) -> None:
    talk.send("HTTP/1.1 200 OK\r\nContent-Ty")
    talk.over.wait()


def _trickled_header(talk: Talk) -> None:
    talk.send("HTTP/1.1 200 OK\r\nX-Slow: ")
    talk.trickle()


def _trickled_body(talk: Talk) -> None:
    talk.head("Content-Type: application/json", "Content-Length: 1000000")
    talk.trickle(b" ")


def _trickled_chunks(talk: Talk) -> None:
    talk.head("Content-Type: application/json", "Transfer-Encoding: chunked")
    talk.trickle(b"1\r\n \r\n")


def _continued(talk: Talk) -> None:
    talk.trickle(b"HTTP/1.1 100 Continue\r\n\r\n")


def _stalled_body(talk: Talk) -> None:
    talk.head("Content-Type: application/json", "Content-Length: 100")
    talk.send('{"version": {')
    talk.over.wait()


def _cut_body(talk: Talk) -> None:
    talk.head("Content-Type: application/json", "Content-Length: 100")
    talk.send('{"version": {')


def _too_long(talk: Talk) -> None:
    talk.body(b"{}" + b" " * 98 + b"more than was said", "Content-Type: application/json")


def _huge(talk: Talk) -> None:
    talk.head("Content-Type: application/json", f"Content-Length: {HUGE}")
    talk.flood()


def _huge_unsaid(talk: Talk) -> None:
    talk.head("Content-Type: application/json", "Connection: close")
    talk.flood()


def _huge_chunks(talk: Talk) -> None:
    talk.head("Content-Type: application/json", "Transfer-Encoding: chunked")
    talk.flood(f"{PIECE:x}\r\n".encode() + b" " * PIECE + b"\r\n")


def _gzip_bomb(talk: Talk) -> None:
    bomb = gzip.compress(gzip.compress(b" " * (64 * PIECE)))
    talk.body(bomb, "Content-Type: application/json", "Content-Encoding: gzip, gzip")


def _many_headers(talk: Talk) -> None:
    talk.head(*(f"X-{number}: y" for number in range(10_000)))


def _long_header(talk: Talk) -> None:
    talk.send("HTTP/1.1 200 OK\r\nX-Long: ")
    talk.flood(b"x" * PIECE)


def _one_line(talk: Talk) -> None:
    talk.send("HTTP/1.1 200 OK\r\n")
    talk.flood(b"x" * PIECE)


def _round_and_round(talk: Talk) -> None:
    host, port = talk.sock.getsockname()[:2]
    scheme = "https" if isinstance(talk.sock, ssl.SSLSocket) else "http"
    location = f"{scheme}://{host}:{port}{talk.path.partition('?')[0]}/x"
    talk.body(b"", f"Location: {location[:300]}", status="302 Found")


def _redirected(location: str) -> Way:
    return lambda talk: talk.body(b"", f"Location: {location}", status="301 Moved Permanently")


def _sent(text: str | bytes) -> Way:
    return lambda talk: talk.send(text)


def _json(content: str | bytes, status: str = "200 OK") -> Way:
    def answer(talk: Talk) -> None:
        encoded = content.encode() if isinstance(content, str) else content
        talk.body(encoded, "Content-Type: application/json", status=status)

    return answer


def _page(status: str = "200 OK") -> Way:
    page = b"<html><body>Please log in to the guest network</body></html>"
    return lambda talk: talk.body(page, "Content-Type: text/html", status=status)


def _refusal(status: str, *headers: str) -> Way:
    content = b'{"error": {"message": "no"}, "message": "no"}'
    return lambda talk: talk.body(content, *headers, status=status)


CONTROLS = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\u0000\r"
CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SAID = json.dumps({"message": CONTROLS * 9999, "error": {"message": CONTROLS * 9999}})

WAYS: dict[str, Way] = {
    "accepts only": _wait,
    "half a header": _half_header,
    "a header byte by byte": _trickled_header,
    "a body byte by byte": _trickled_body,
    "chunks byte by byte": _trickled_chunks,
    "continue without end": _continued,
    "half a body, then silence": _stalled_body,
    "half a body, then the end": _cut_body,
    "hangs up": lambda talk: None,
    "more than it says": _too_long,
    "10 GB": _huge,
    "10 GB of unsaid length": _huge_unsaid,
    "10 GB in chunks": _huge_chunks,
    "a bomb of gzip": _gzip_bomb,
    "10,000 headers": _many_headers,
    "a header without end": _long_header,
    "a line without end": _one_line,
    "redirects without end": _round_and_round,
    "redirect to nowhere": _redirected("http://[::bad"),
    "redirect to a file": _redirected("file:///etc/passwd"),
    "redirect to an empty name": _redirected("http:///x"),
    "garbage": _sent(bytes(range(256)) * 64),
    "garbage of one line": _sent(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "status of letters": _sent("HTTP/1.1 abc OK\r\n\r\n"),
    "status 999": _json("{}", "999 What"),
    "status 304": _refusal("304 Not Modified"),
    "status 204": lambda talk: talk.head(status="204 No Content"),
    "reason with controls": _json(SAID, f"500 {CONTROLS[:4]}"),
    "a page": _page(),
    "a page with 404": _page("404 Not Found"),
    "a page with 502": _page("502 Bad Gateway"),
    "null": _json("null"),
    "a list": _json("[]"),
    "a list of lists": _json("[[[]], null, 1]"),
    "a number": _json("42"),
    "a text": _json('"x"'),
    "true": _json("true"),
    "an empty object": _json("{}"),
    "not a number": _json("NaN"),
    "half of JSON": _json('{"version": '),
    "deep JSON": _json("[" * 100_000),
    "deep objects": _json('{"a":' * 100_000),
    "a number of 100,000 digits": _json("9" * 100_000),
    "UTF-16": _json("{}".encode("utf-16")),
    "bytes that are no text": _json(b'{"version": "\xff\xfe"}'),
    "controls": _json(SAID),
    "controls with 403": _json(SAID, "403 Forbidden"),
    "an unknown charset": lambda talk: talk.body(b"{}", "Content-Type: text/json; charset=x-x"),
    "401": _refusal("401 Unauthorized", 'WWW-Authenticate: Bearer realm="no url",service=""'),
    "401 for good": _refusal("401 Unauthorized", "WWW-Authenticate: Basic"),
    "403": _refusal("403 Forbidden"),
    "500": _refusal("500 Internal Server Error"),
    "503": _refusal("503 Service Unavailable", "Retry-After: 99999999999"),
    "429": _refusal("429 Too Many Requests", "Retry-After: soon"),
    "nonsense in chunks": _sent(f"{CHUNKED}ZZ\r\n{{}}\r\n"),
    "negative chunks": _sent(f"{CHUNKED}-1\r\n{{}}\r\n"),
    "a chunk of 2^64": _sent(f"{CHUNKED}ffffffffffffffff\r\n{{}}\r\n"),
    "negative length": _sent("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}"),
    "length of letters": _sent("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}"),
    "two lengths": _sent("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
}


@dataclass
class Misbehaving:
    """Where it listens; `good` is asked first."""

    way: Way
    good: Good = lambda method, path: None
    url: str = ""
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def serve(self, sock: socket.socket) -> None:
        """Talk to one client until either hangs up."""
        with suppress(OSError, ValueError), sock:
            while request := _request(sock):
                method, path = request
                self.asked.append(f"{method} {path}")
                answer = self.good(method, path)
                talk = Talk(sock, self.over, path)
                if answer is None:
                    self.way(talk)
                    return
                status, value = answer
                talk.body(
                    json.dumps(value).encode(),
                    "Content-Type: application/json",
                    "X-Subject-Token: token",
                    status=f"{status} As Asked",
                )


def _request(sock: socket.socket) -> tuple[str, str] | None:
    """Method and path of the next request, whose body was read; None: the client hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    method, path, *_ = head.split(b" ", 2)
    for line in head.lower().splitlines():
        if line.startswith(b"content-length:"):
            left = int(line.partition(b":")[2]) - len(body)
            while left > 0:
                left -= len(sock.recv(left)) or left
    return method.decode(), path.decode()


@contextmanager
def misbehaving(
    way: str | Way, good: Good = lambda method, path: None, issued: Issued | None = None
) -> Iterator[Misbehaving]:
    """Serve on loopback, with TLS where a certificate is given; nothing is left of it."""
    server = Misbehaving(WAYS[way] if isinstance(way, str) else way, good)
    context = None
    if issued is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.cert, issued.key)
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "http" if context is None else "https"
    server.url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    open_: list[socket.socket] = []

    def serve(sock: socket.socket) -> None:
        with suppress(OSError):
            server.serve(sock if context is None else context.wrap_socket(sock, server_side=True))

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                open_.append(sock)
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        server.over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for sock in open_:
            sock.close()
