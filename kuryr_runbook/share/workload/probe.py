"""Runs inside a pod of the verification workload, and sends all its requests in parallel.

The only argument is JSON:

    peers      addresses of the other pods
    port       their port
    external   an address outside the cloud
    size       bytes of the largest packet, including its IP header; 0 if unknown
    vip        address and port of the Service; it gets `tries` requests
    api        address of the API server, and the path to request
    dns        address of the cluster's DNS; empty if there is none

The result, on the last line of stdout, is JSON. By address: `ping` (the peers and the external
address), `tcp` (the peers) and `large` (those that answered a small ping); then `vip` (a list),
`api`, and `dns` (null if there is no DNS). Each answer is {"ok": true, false, or null if the pod
could not send the request, "said": text, "seen": the pod's address as the server saw it}.
"""

import errno
import json
import os
import select
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ECHO_SECONDS = 10.0
AGAIN_SECONDS = 0.5
HTTP_SECONDS = 10.0
"""Later answers do not count: an amphora may try a silent member for 20 s."""
DNS_SECONDS = 10.0
DNS_NAME = "kubernetes.default.svc.cluster.local"
AT_ONCE = 128
SMALL = 84
"""Bytes of an ordinary ping."""

# From <linux/in.h>: Python has no names for them.
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
ECHO_REQUEST, ECHO_REPLY = 8, 0
IP_HEADER, ICMP_HEADER = 20, 8

Answer = dict[str, Any]


def answer(*, ok: bool | None, said: str, seen: str = "") -> Answer:
    """The answer to one request."""
    return {"ok": ok, "said": said[:200], "seen": seen[:50]}


def echoes(addresses: Iterable[str], size: int = SMALL) -> dict[str, Answer]:
    """Which addresses answer a ping with that many bytes, which routers must not fragment.

    It is sent twice a second to those that have not answered yet: the first packets between two
    pods wait for ARP, which takes seconds on a busy worker.
    """
    waiting = dict.fromkeys(addresses, f"no reply in {ECHO_SECONDS:.0f} s")
    result: dict[str, Answer] = {}
    try:
        channel = icmp_socket()
    except OSError as error:
        return dict.fromkeys(waiting, answer(ok=None, said=f"ping cannot run: {error}"))
    with channel:
        channel.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        token = os.urandom(8)
        packet = echo_request(token, size)
        end = time.monotonic() + ECHO_SECONDS
        while waiting and (now := time.monotonic()) < end:
            for address in waiting:
                try:
                    channel.sendto(packet, (address, 0))
                except OSError as error:
                    waiting[address] = send_problem(error, size)
            for address in replies(channel, token, min(now + AGAIN_SECONDS, end), {*waiting}):
                del waiting[address]
                result[address] = answer(ok=True, said="answers")
    return result | {address: answer(ok=False, said=said) for address, said in waiting.items()}


def icmp_socket() -> socket.socket:
    """A socket for pings: a raw one, or the kind that may need no capability."""
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:
        channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    # The kernel would count identifiers up, and so would that of every other node. A NAT that does
    # not translate them, such as Open vSwitch's in userspace, then drops the pings of all but one.
    channel.bind(("", int.from_bytes(os.urandom(2), "big")))
    return channel


def echo_request(token: bytes, size: int) -> bytes:
    """An ICMP echo request for an IP packet with that many bytes."""
    body = token.ljust(size - IP_HEADER - ICMP_HEADER, b"\0")
    # Not the process id: pods have similar ones, and a NAT could not distinguish the pings.
    parts = (int.from_bytes(token[:2], "big"), 1)
    blank = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, *parts) + body
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, checksum(blank), *parts) + body


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def replies(channel: socket.socket, token: bytes, until: float, wanted: set[str]) -> Iterable[str]:
    """The addresses that answer by then; ends early when all have answered."""
    while wanted and (left := until - time.monotonic()) > 0:
        if not select.select([channel], [], [], left)[0]:
            return
        with suppress(OSError):
            packet, (address, *_) = channel.recvfrom(65535)
            if address in wanted and is_reply(packet, token):
                wanted.remove(address)
                yield address


def is_reply(packet: bytes, token: bytes) -> bool:
    """Whether it answers the request with that token; raw sockets include the IP header."""
    if packet and packet[0] >> 4 == 4:
        packet = packet[(packet[0] & 15) * 4 :]
    return packet[:1] == bytes([ECHO_REPLY]) and packet[ICMP_HEADER:].startswith(token)


def send_problem(error: OSError, size: int) -> str:
    """Why a request could not be sent."""
    if error.errno == errno.EMSGSIZE:
        return f"a packet of {size} bytes is too large for the path"
    return f"cannot be sent: {error}"


def http(address: str, port: int) -> Answer:
    """Which pod answers HTTP there, and our address as the server saw it."""
    connection = HTTPConnection(address, port, timeout=HTTP_SECONDS)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        text = response.read(300).decode(errors="replace")
    except (OSError, HTTPException) as error:
        return answer(ok=False, said=f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    if response.status != 200:
        return answer(ok=False, said=f"HTTP {response.status}")
    return answer(ok=True, said=text, seen=response.getheader("Client-Address", ""))


def api(address: str, path: str) -> Answer:
    """The names that the API server lists at the path for the pod's own account."""
    try:
        with open(f"{ACCOUNT}/token") as file:
            token = file.read().strip()
        trusted = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
    except OSError as error:
        return answer(ok=None, said=f"no service account in the pod: {error}")
    connection = HTTPSConnection(address, 443, timeout=HTTP_SECONDS, context=trusted)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        found = json.loads(response.read())
        if response.status != 200:
            return answer(ok=False, said=f"HTTP {response.status}: {found['message']}")
        names = [item["metadata"]["name"] for item in found["items"]]
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        return answer(ok=False, said=f"{type(error).__name__}: {error}")
    finally:
        connection.close()
    return answer(ok=True, said=" ".join(names))


def dns(address: str, port: int = 53) -> Answer:
    """Whether a DNS server answers, even if it does not know the name."""
    ident = os.urandom(2)
    labels = b"".join(bytes([len(it)]) + it.encode() for it in DNS_NAME.split("."))
    query = ident + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
    said = f"no reply in {DNS_SECONDS:.0f} s"
    end = time.monotonic() + DNS_SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(2.0)
        while time.monotonic() < end:
            try:
                channel.connect((address, port))
                channel.send(query)
                reply = channel.recv(4096)
            except TimeoutError:
                continue
            except OSError as error:
                said = f"{type(error).__name__}: {error}"
                time.sleep(AGAIN_SECONDS)
                continue
            if len(reply) > 3 and reply[:2] == ident:
                code = reply[3] & 15
                return answer(ok=code in (0, 3), said=f"answers with code {code}")
    return answer(ok=False, said=said)


def main(questions: dict[str, Any]) -> None:
    """Send all requests and print the answers. Pings come first, since they resolve the addresses.

    Large pings are sent only where small ones were answered.
    """
    peers, size = questions["peers"], questions["size"]
    ping = echoes([*peers, questions["external"]])
    near = [address for address in peers if size and ping[address]["ok"]]
    asked: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        *((http, (address, questions["port"])) for address in peers),
        *((http, tuple(questions["vip"])) for _ in range(questions["tries"])),
        (api, tuple(questions["api"])),
        (echoes, (near, size)),
        *([(dns, (questions["dns"],))] if questions["dns"] else []),
    ]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = list(pool.map(lambda question: question[0](*question[1]), asked))
    tcp, vip = answers[: len(peers)], answers[len(peers) : len(peers) + questions["tries"]]
    listed, large, *named = answers[len(peers) + questions["tries"] :]
    result = {
        "ping": ping,
        "large": large,
        "tcp": dict(zip(peers, tcp, strict=True)),
        "vip": vip,
        "api": listed,
        "dns": named[0] if named else None,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
