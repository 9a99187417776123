"""What somebody else made in the cluster, and a real API server's word on what is to be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config
from worlds.planned_objects import planned_objects

from kuryr_runbook.applying.by_kind import apply_manifests
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import ApplyError
from kuryr_runbook.model.plan import Action, Step
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.manifests import MANAGED_BY, config_map, made_for

pytestmark = pytest.mark.lab

NAME = "somebody-elses"
HELMS = {MANAGED_BY: "Helm", "app.kubernetes.io/instance": "cni"}


@pytest.fixture
def wanted(kuryr: Site, settings: LabSettings) -> Iterator[Mapping[str, Any]]:
    """A manifest of the runbook's, for an object that a chart has made already."""
    kubernetes_config.load_kube_config(str(settings.kubeconfig))
    api, namespace = kubernetes_client.CoreV1Api(), kuryr.kubernetes.namespace
    theirs = kubernetes_client.V1ConfigMap(
        metadata=kubernetes_client.V1ObjectMeta(name=NAME, labels=HELMS), data={"of": "the chart"}
    )
    api.create_namespaced_config_map(namespace, theirs, field_manager="helm")
    yield config_map(kuryr, NAME, {"kuryr": "reads this"})
    api.delete_namespaced_config_map(NAME, namespace)


def planned(manifest: dict[str, Any], cluster: KubernetesClient) -> Step:
    [step] = planned_objects([manifest], cluster).steps
    return step


def test_an_object_of_a_chart_is_used_and_stays_the_charts(
    wanted: dict[str, Any], kuryr: Site, cluster: KubernetesClient
) -> None:
    step = planned(wanted, cluster)
    assert (step.action, step.conflicts) == (Action.UPDATE, ())
    assert "somebody else's" in step.because
    apply_manifests(planned_objects([wanted], cluster), cluster, lambda line: None)
    live = cluster.get(wanted) or {}
    assert live["data"] == {"of": "the chart", "kuryr": "reads this"}
    assert live["metadata"]["labels"] == HELMS
    assert not made_for(kuryr, live)
    assert planned(wanted, cluster).action is Action.KEEP


def test_what_the_api_server_would_refuse_shows_in_the_plan(
    kuryr: Site, cluster: KubernetesClient
) -> None:
    manifest = config_map(kuryr, "a-name-with_an_underscore", {})
    with pytest.raises(ApplyError, match=r"apply ConfigMap .* answered 422"):
        planned_objects([manifest], cluster)
    assert cluster.get(manifest) is None
