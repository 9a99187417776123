"""The Lease as it is written and read, and an API server that does not answer."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from worlds.memory_leases import holder
from worlds.sites import lab_site

from kuryr_runbook.clients import exchanges
from kuryr_runbook.clients.kubernetes import leases
from kuryr_runbook.clients.kubernetes.leases import LeaseClient, lease_manifest, lease_record
from kuryr_runbook.model.errors import UnreachableError, UsageError
from kuryr_runbook.model.site import Site

SITE = lab_site()
ME = holder("me")
MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def site_of(kubeconfig: Path) -> Site:
    section = SITE.kubernetes.model_copy(update={"kubeconfig": kubeconfig})
    return SITE.model_copy(update={"kubernetes": section})


def kubeconfig_of(directory: Path, port: int) -> Path:
    path = directory / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {}}],
    }
    path.write_text(json.dumps(config))
    return path


def stored(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """As the API server gives it back."""
    metadata = {**manifest["metadata"], "uid": "u", "resourceVersion": "7"}
    return {**manifest, "metadata": metadata}


def test_a_lease_says_who_holds_it_in_kubernetes_own_fields_too() -> None:
    lease = lease_manifest({"name": "kuryr-runbook-lab", "namespace": "kube-system"}, ME)
    assert lease["spec"]["holderIdentity"] == "alice@host-me_me"
    assert lease["spec"]["leaseDurationSeconds"] == leases.LEASE_SECONDS
    assert lease["spec"]["acquireTime"] == "2026-11-25T03:40:00.000000Z"
    assert MICRO_TIME.fullmatch(lease["spec"]["renewTime"])


def test_what_is_written_is_what_is_read() -> None:
    record = lease_record(stored(lease_manifest({"name": "n", "namespace": "s"}, ME)))
    assert (record.identity, record.holder) == (ME.identity, ME)
    assert (record.uid, record.version) == ("u", "7")
    assert record.seconds == leases.LEASE_SECONDS


@pytest.mark.parametrize(
    ("spec", "identity", "seconds"),
    [
        ({}, "", leases.LEASE_SECONDS),
        ({"holderIdentity": None, "leaseDurationSeconds": None}, "", leases.LEASE_SECONDS),
        ({"holderIdentity": "node7", "leaseDurationSeconds": 40}, "node7", 40),
    ],
)
def test_a_lease_that_somebody_else_wrote(
    spec: dict[str, Any], identity: str, seconds: int
) -> None:
    record = lease_record(stored({"metadata": {"name": "n"}, "spec": spec}))
    assert (record.identity, record.holder, record.seconds) == (identity, None, seconds)


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = LeaseClient(site_of(kubeconfig_of(tmp_path, taken.getsockname()[1])))
        with pytest.raises(UnreachableError, match="get Lease kube-system/kuryr-runbook-lab"):
            client.read()


def test_a_server_that_accepts_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "LEASE", exchanges.Bounds(connect=0.2))
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = LeaseClient(site_of(kubeconfig_of(tmp_path, server.getsockname()[1])))
        with pytest.raises(UnreachableError, match="no TLS"):
            client.create(ME)


def test_a_kubeconfig_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="/nonexistent/config"):
        LeaseClient(site_of(Path("/nonexistent/config")))
