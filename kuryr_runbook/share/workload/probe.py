"""Runs inside a pod of the verification workload and asks all its questions at once.

The one argument is JSON: `ping` (addresses), `vip` ([address, port]), `tries` (requests to it) and
`api` ([address, path]). The answer, on the last line of stdout, is JSON of the same shape; each
question's is {"ok": true, false, or null when the pod could not ask it, "said": text}.
"""

import json
import ssl
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
PING_SECONDS = 10
HTTP_SECONDS = 10.0
"""An answer that takes longer is none: an amphora may spend 20 s on trying a silent member."""

Answer = dict[str, Any]


def answer(*, ok: bool | None, said: str) -> Answer:
    """One question's answer."""
    return {"ok": ok, "said": said[:300]}


def ping(address: str) -> Answer:
    """Whether a ping is answered, sent twice a second until one is or the time is up.

    The first ones between two pods wait for ARP, on a busy worker for seconds.
    """
    command = ["ping", "-n", "-q", "-c", "1", "-i", "0.5", "-w", str(PING_SECONDS), address]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return answer(ok=None, said=f"ping cannot run: {error}")
    if done.returncode == 0:
        return answer(ok=True, said="answers")
    if "not permitted" in done.stderr:
        return answer(ok=None, said=f"ping cannot run: {done.stderr.strip()}")
    return answer(ok=False, said=done.stderr.strip() or f"no reply in {PING_SECONDS} s")


def vip(address: str, port: int) -> Answer:
    """Who answers HTTP at the service's address."""
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
    return answer(ok=True, said=text)


def api(address: str, path: str) -> Answer:
    """The names of what the API server lists at the path, asked with the pod's own account."""
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


def main(questions: dict[str, Any]) -> None:
    """Ask everything in parallel and print the answers."""
    asked: list[tuple[Callable[..., Answer], tuple[Any, ...]]] = [
        *((ping, (address,)) for address in questions["ping"]),
        *((vip, tuple(questions["vip"])) for _ in range(questions["tries"])),
        (api, tuple(questions["api"])),
    ]
    with ThreadPoolExecutor(max_workers=32) as pool:
        answers = list(pool.map(lambda question: question[0](*question[1]), asked))
    pings = len(questions["ping"])
    result = {
        "ping": dict(zip(questions["ping"], answers, strict=False)),
        "vip": answers[pings:-1],
        "api": answers[-1],
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
