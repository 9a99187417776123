"""What a cluster lets its user do is asked again while the API server is busy."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds.served_cluster import served_cluster

from kuryr_runbook.clients.kubernetes.probes import ProbingCluster
from kuryr_runbook.model.errors import ApplyError

BUSY, ALLOWED = (503, {"message": "busy"}), (201, {"status": {"allowed": True}})
REFUSED = (422, {"message": "the range of valid IPs is 10.2.0.0/25"})


def test_a_review_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served_cluster(tmp_path, monkeypatch, BUSY, ALLOWED) as (kubeconfig, server):
        assert ProbingCluster(kubeconfig).may({"verb": "watch", "resource": "pods"}) is True
    assert server.answers == []


def test_a_service_that_cannot_be_is_asked_for_again_until_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served_cluster(tmp_path, monkeypatch, BUSY, REFUSED) as (kubeconfig, server):
        assert ProbingCluster(kubeconfig).refuse_service() == REFUSED[1]["message"]
    assert server.answers == []


def test_what_is_refused_for_good_is_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = ((400, {"message": "no"}), REFUSED)
    with (
        served_cluster(tmp_path, monkeypatch, *answers) as (kubeconfig, _),
        pytest.raises(ApplyError, match="an impossible Service: the API server answered 400"),
    ):
        ProbingCluster(kubeconfig).refuse_service()
