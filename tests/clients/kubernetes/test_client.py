"""Finalizers are a list that others change too, and a patch replaces all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from worlds.served_cluster import served_cluster

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.model.errors import ApplyError

SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "shop"},
}
MEANWHILE = (409, {"message": "the object has been modified"})


def held(*finalizers: str) -> dict[str, Any]:
    metadata = {"name": "web", "finalizers": list(finalizers), "resourceVersion": "7"}
    return {"kind": "Service", "metadata": metadata}


def test_what_others_hold_stays_and_a_change_meanwhile_is_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held("theirs", "kuryr")
    with served_cluster(
        tmp_path, monkeypatch, MEANWHILE, (200, {"kind": "Service"}), live=before
    ) as (path, server):
        KubernetesClient(path).change_finalizers(SERVICE, added=["new"], removed=["kuryr"])
    sent = [body["metadata"] for body in server.sent]
    assert sent == [{"finalizers": ["theirs", "new"], "resourceVersion": "7"}] * 2


def test_nothing_is_sent_when_there_is_nothing_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served_cluster(tmp_path, monkeypatch, live=held("theirs")) as (path, server):
        KubernetesClient(path).change_finalizers(SERVICE, added=["theirs"], removed=["kuryr"])
    assert server.sent == []


def test_another_refusal_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = (422, {"message": "no such finalizer"})
    with (
        served_cluster(tmp_path, monkeypatch, refusal, live=held()) as (path, _),
        pytest.raises(ApplyError, match=r"change the finalizers of Service web: .* 422"),
    ):
        KubernetesClient(path).change_finalizers(SERVICE, added=["new"])
