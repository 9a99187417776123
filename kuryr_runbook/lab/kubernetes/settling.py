"""Waits until a new cluster settles: it answers before its controllers have made all accounts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kuryr_runbook.model.errors import DeadlineError

SETTLE_SECONDS = 90.0
LOOK_SECONDS = 1.0
"""Time between two reads that have to agree: each controller makes its account when it starts."""
ROOT_CA = "kube-root-ca.crt"

Object = Mapping[str, Any]


def wait_settled(
    read: Callable[[], list[Object]], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait until nothing is missing, and no accounts are new since the previous read.

    `read` returns all namespaces, service accounts and ConfigMaps. Raises DeadlineError.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    before: set[str] | None = None
    while True:
        objects = read()
        missing, accounts = unsettled(objects), _places(objects, "ServiceAccount")
        if not missing and accounts == before:
            return
        if time.monotonic() > deadline:
            raise DeadlineError(
                f"the cluster has not settled within {SETTLE_SECONDS:.0f} s: "
                f"{'; '.join(missing) or 'new accounts keep appearing'}",
                remedy="see `kuryr-runbook lab logs kube-controller-manager`",
            )
        before = accounts
        sleep(LOOK_SECONDS)


def unsettled(objects: Iterable[Object]) -> list[str]:
    """What the controllers have not created yet, in words."""
    objects = list(objects)
    accounts, maps = _places(objects, "ServiceAccount"), _places(objects, "ConfigMap")
    namespaces = [
        item["metadata"]["name"]
        for item in objects
        if item["kind"] == "Namespace" and "deletionTimestamp" not in item["metadata"]
    ]
    missing = [] if namespaces else ["there is no namespace"]
    missing += [
        f"namespace {name} has no service account `default`"
        for name in namespaces
        if f"{name}/default" not in accounts
    ]
    missing += [
        f"namespace {name} has no {ROOT_CA}"
        for name in namespaces
        if f"{name}/{ROOT_CA}" not in maps
    ]
    missing += [
        f"service account {_place(item)} has no token"
        for item in objects
        # Up to Kubernetes 1.23 every account gets one.
        if item["kind"] == "ServiceAccount" and not item.get("secrets")
    ]
    return missing


def _places(objects: Iterable[Object], kind: str) -> set[str]:
    return {_place(item) for item in objects if item["kind"] == kind}


def _place(item: Object) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"
