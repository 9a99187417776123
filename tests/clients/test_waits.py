"""What a client waits for after the answer: what it says meanwhile, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from kuryr_runbook.clients.kubernetes import client as kubernetes
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.openstack import client as openstack
from kuryr_runbook.clients.openstack.client import OpenStackClient
from kuryr_runbook.model.errors import ApplyError, DeadlineError

MANIFEST = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}}


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """But that of the pauses, which are over at once; and nobody logs in."""
    monkeypatch.setattr(openstack, "OpenStackSession", lambda *_: None)
    monkeypatch.setattr(kubernetes, "KubernetesSession", lambda *_: None)
    clock = [1000.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr("time.sleep", sleep)
    monkeypatch.setattr("time.monotonic", lambda: clock[0])


def octavia(*states: str | None, told: list[str] | None = None) -> OpenStackClient:
    """With a load balancer in these states, one after the other; the last one stays."""
    client = OpenStackClient("lab", notify=(told if told is not None else []).append)
    each: Iterator[str | None] = chain(states, repeat(states[-1]))

    def request(method: str, service: str, path: str, **options: Any) -> Any:
        if method == "DELETE":
            return SimpleNamespace(status_code=204)
        if (status := next(each)) is None:
            return SimpleNamespace(status_code=404)
        balancer = {"id": "1", "name": "api", "provisioning_status": status}
        return SimpleNamespace(status_code=200, json=lambda: {"loadbalancer": balancer})

    client.session = SimpleNamespace(request=request)  # type: ignore[assignment]
    return client


def test_a_load_balancer_is_waited_for_and_each_state_told_once() -> None:
    told: list[str] = []
    client = octavia("PENDING_CREATE", "PENDING_CREATE", "PENDING_UPDATE", "ACTIVE")
    assert client.wait_active("1", told.append)["provisioning_status"] == "ACTIVE"
    assert told == [
        "load balancer 1 is PENDING_CREATE, waiting for ACTIVE",
        "load balancer 1 is PENDING_UPDATE, waiting for ACTIVE",
    ]


@pytest.mark.parametrize(("status", "told"), [("ERROR", "ERROR"), (None, "absent")])
def test_a_load_balancer_that_will_not_become_active_ends_the_wait(
    status: str | None, told: str
) -> None:
    with pytest.raises(ApplyError, match=f"should become ACTIVE and is {told}"):
        octavia("PENDING_CREATE", status).wait_active("1", lambda line: None)


def test_one_that_never_comes_is_reported_of_until_the_deadline() -> None:
    told: list[str] = []
    with pytest.raises(DeadlineError, match="after 600 s: last seen PENDING_CREATE"):
        octavia("PENDING_CREATE").wait_active("1", told.append)
    assert "waiting for load balancer 1 to be ACTIVE: " in told[1]
    assert len(told) > 30


@pytest.mark.parametrize("last", ["DELETED", None])
def test_a_deleted_load_balancer_is_waited_for(last: str | None) -> None:
    octavia("PENDING_DELETE", last).delete("loadbalancer", "1")


def test_one_that_cannot_be_deleted_ends_the_wait() -> None:
    with pytest.raises(ApplyError, match="api could not be deleted"):
        octavia("PENDING_DELETE", "ERROR").delete("loadbalancer", "1")


def test_one_that_does_not_go_is_reported_of_until_the_deadline() -> None:
    told: list[str] = []
    with pytest.raises(DeadlineError, match="was not gone after 120 s"):
        octavia("PENDING_DELETE", told=told).delete("loadbalancer", "1")
    assert "waiting for load balancer 1 to be gone: " in told[0]


def test_an_object_that_does_not_go_is_reported_of_until_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    client = KubernetesClient(notify=told.append)
    client.session = SimpleNamespace(ask=lambda doing, ask: True)  # type: ignore[assignment]
    monkeypatch.setattr(client, "get", lambda manifest: manifest)
    with pytest.raises(DeadlineError, match="Namespace demo was not gone after 180 s"):
        client.delete(MANIFEST)
    assert "waiting for Namespace demo to be gone: " in told[0]
