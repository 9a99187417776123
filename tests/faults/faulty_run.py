"""One phase in a process of its own, whose requests meet a fault: for tests on the lab.

    PYTHONPATH=tests python tests/faults/faulty_run.py PHASE '{"fault": "kill", "at": 3}'

The fault sits in urllib3, below the SDKs of cloud and cluster alike, and meets what changes
something: no logins, no dry runs, not the lock of the site. `at` is the number of the call, from
1, and then one call comes after the other; without it every call meets the fault once, at its
first attempt. `site` holds what differs from the lab's site, by section. Prints the number of calls
as its last line.

kill: done by the server, and the process dies before it hears of it.
lost: done by the server, and the connection breaks before the answer.
reset: the connection breaks before the request.
500, 503, 429, 409: answered so, and not done. done-500: done, and answered so.
token: the token is not valid any more, as when it expired. For Kubernetes it is no fault: the lab's
kubeconfig has a certificate, and nothing in its requests expires.
stall: done by the server, and the answer takes 30 s more, if that is not too long for the client.
mixed: each of the calls gets another one of those that a run survives.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import urllib3
from urllib3.connectionpool import HTTPConnectionPool
from worlds.sites import LAB

from kuryr_runbook.applying import steps
from kuryr_runbook.clients.exchanges import current
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.catalogue import PHASES, TEARDOWN
from kuryr_runbook.phases.site.reading import read_site

STALL_SECONDS = 30.0
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
SPARED = ("auth/tokens", "dryRun", "/leases")
"""Logins, dry runs, and the lock of the site, which has tests of its own."""
SURVIVED = ("500", "503", "429", "done-500", "lost", "reset", "token")


class Faults:
    """Counts the calls, and gives each its fault."""

    def __init__(self, fault: str, at: int | None) -> None:
        self.fault, self.at = fault, at
        self.calls = 0
        self.met: set[tuple[str, str, str]] = set()
        self.lock = threading.Lock()
        self.send = HTTPConnectionPool.urlopen

    def install(self) -> None:
        faults = self

        def urlopen(pool: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
            if faults._is_due(method, url, kwargs.get("body")):
                return faults._faulty(pool, method, url, *args, **kwargs)
            return faults.send(pool, method, url, *args, **kwargs)

        HTTPConnectionPool.urlopen = urlopen  # type: ignore[assignment, method-assign]

    def _is_due(self, method: str, url: str, body: Any) -> bool:
        if method not in CHANGING or any(part in url for part in SPARED):
            return False
        call = (method, url, str(body))
        with self.lock:
            if call in self.met:
                return False
            self.met.add(call)
            self.calls += 1
            return bool(self.fault) and self.at in (None, self.calls)

    def _faulty(self, pool: Any, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        mixed = SURVIVED[self.calls % len(SURVIVED)]
        fault = mixed if self.fault == "mixed" else self.fault
        match fault:
            case "kill" | "lost" | "done-500" | "stall":
                answer = self.send(pool, method, url, *args, **kwargs)
                if fault == "stall":
                    _stall()
                    return answer
                answer.read()
                if fault == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                if fault == "lost":
                    raise _broken()
                return _answer(500, method)
            case "reset":
                raise _broken()
            case "token":
                kwargs["headers"] = _without_token(kwargs["headers"])
            case status:
                return _answer(int(status), method)
        return self.send(pool, method, url, *args, **kwargs)


def _stall() -> None:
    """Wait for the answer as the client would: not longer than it is ready to."""
    exchange = current()
    patience = exchange.left(exchange.bounds.silence)
    time.sleep(min(STALL_SECONDS, patience))
    if patience < STALL_SECONDS:
        raise exchange.silent()


def _broken() -> Exception:
    return urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104))


def _answer(status: int, method: str) -> urllib3.HTTPResponse:
    body = json.dumps({"message": "injected", "kind": "Status", "error": {"message": "injected"}})
    return urllib3.HTTPResponse(
        body=io.BytesIO(body.encode()),
        status=status,
        headers={"Content-Type": "application/json", "Retry-After": "1"},
        preload_content=False,
        request_method=method,
    )


def _without_token(headers: Mapping[str, str]) -> dict[str, str]:
    return {k: "expired" if k.lower() == "x-auth-token" else v for k, v in headers.items()}


def changed_site(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The lab's site with other values: by section, or its name."""
    site: dict[str, Any] = read_site(LAB).model_dump(mode="json", exclude_none=True)
    for key, value in changes.items():
        site[key] = site[key] | value if isinstance(value, Mapping) else value
    return site


def phase_class(name: str) -> type[Phase]:
    """The phase of that name; the rotation of credentials is one too, without a notebook."""
    if name == "rotate_credentials":
        from kuryr_runbook.phases.controller import Rotation

        return Rotation
    return next(entry for entry in (*PHASES, TEARDOWN) if entry.name == name).load()


def main(
    name: str, fault: str = "", at: int | None = None, site: Mapping[str, Any] | None = None
) -> None:
    """Plan, apply and check the phase."""
    faults = Faults(fault, at)
    faults.install()
    if at is not None:
        # One call after the other, so that each of them is once the one at which it happens.
        steps.AT_ONCE = 1
    phase = phase_class(name)(Site.model_validate(changed_site(site or {})))
    phase.plan()
    phase.apply()
    phase.check()
    if name == "verification":
        phase.remove()  # type: ignore[attr-defined]
    sys.stdout.write(f"{faults.calls}\n")


if __name__ == "__main__":
    main(sys.argv[1], **json.loads(sys.argv[2]))
