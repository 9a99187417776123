"""What does Kuryr's work already is found, and no more."""

from __future__ import annotations

import base64

import pytest
from spoiling.preflight import CCM, PODS_OF_CCM, findings, put, spoiled
from worlds.objects import program

from kuryr_runbook.checking.preflight import check_preflight
from kuryr_runbook.model.findings import Status


@pytest.mark.parametrize(
    ("words", "config", "status"),
    [
        (CCM, None, Status.WARN),
        ((*CCM, "--controllers=*,-service"), None, Status.PASS),
        ((*CCM, "--controllers", "*,-service-lb-controller"), None, Status.PASS),
        ((*CCM, "--controllers=cloud-node"), None, Status.PASS),
        ((*CCM, "--controllers=cloud-node,service"), None, Status.WARN),
        ((*CCM, "--controllers=*"), None, Status.WARN),
        (("sh", "-c", f"exec {CCM[0]} --controllers='*,-service'"), None, Status.PASS),
        (CCM, "[LoadBalancer]\nenabled = false\n", Status.PASS),
        (CCM, "[Global]\npassword=a%b\n[LoadBalancer]\nenabled=no\n", Status.PASS),
        (CCM, "[LoadBalancer]\nenabled=true\n", Status.WARN),
        (CCM, "[LoadBalancer]\nenabled=perhaps\n", Status.WARN),
        (CCM, "[Global]\nregion=R\n", Status.WARN),
        (CCM, "no ini file", Status.WARN),
        (("kube-controller-manager", "--cloud-provider=external"), None, Status.PASS),
    ],
)
def test_when_a_cloud_controller_makes_load_balancers(
    words: tuple[str, ...], config: str | None, status: Status
) -> None:
    world = spoiled(put(program("Deployment", "ccm", *words, **PODS_OF_CCM)))
    if config is not None:
        put(
            {
                "kind": "Secret",
                "metadata": {"name": "cloud-config", "namespace": "kube-system"},
                "data": {"cloud.conf": base64.b64encode(config.encode()).decode()},
            }
        )(world)
    assert findings(world)["service-controller"].status is status


def test_no_secret_of_a_cloud_controller_is_kept() -> None:
    secret = "canary-in-cloud-conf"
    config = base64.b64encode(f"[Global]\npassword={secret}\n".encode()).decode()
    world = spoiled(
        put(
            program("Deployment", "ccm", *CCM, **PODS_OF_CCM),
            {
                "kind": "Secret",
                "metadata": {"name": "cloud-config", "namespace": "kube-system"},
                "data": {"cloud.conf": config},
            },
        )
    )
    snapshot = world.before()
    shown = repr(snapshot) + repr(list(check_preflight(snapshot)))
    assert secret not in shown
    assert config not in shown


def test_pods_of_a_set_are_reported_by_their_set_only() -> None:
    owned = program("Pod", "kube-proxy-x1")
    owned["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": "kube-proxy"}]
    world = spoiled(put(program("DaemonSet", "kube-proxy"), owned))
    finding = findings(world)["kube-proxy"]
    assert finding.subject == finding.evidence == "DaemonSet kube-system/kube-proxy"
