"""The pods of a node probe: they reach every node, may do nothing, and end by themselves."""

from __future__ import annotations

import subprocess

from kuryr_runbook.specs.node_probe import (
    PROBE_SECONDS,
    ROUTES,
    RUN,
    NodeProbe,
    ProbedNode,
)

TABLE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
ens3\t00000000\t010012AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
ens3\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
cali1\t0700010A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0
tunl0\t4000010A\t590012AC\t0003\t0\t0\t0\tC0FFFFFF\t0\t0\t0
"""


def probe(login: str = "", **nodes: tuple[str, str]) -> NodeProbe:
    return NodeProbe(
        namespace="kube-system",
        site="lab",
        run="abc123",
        nodes=[ProbedNode(name=name, pull=p, look=look) for name, (p, look) in nodes.items()],
        login=login,
    )


def test_each_node_gets_a_pod_wherever_it_is_ready_or_not() -> None:
    pods = probe(a=("r/kuryr:1", "busybox:1"), b=("r/kuryr:1", "r/kuryr:1")).pods
    assert list(pods) == ["a", "b"]
    for node, pod in pods.items():
        spec = pod["spec"]
        assert (spec["nodeName"], spec["hostNetwork"]) == (node, True)
        assert spec["tolerations"] == [{"operator": "Exists"}]
        assert spec["activeDeadlineSeconds"] == PROBE_SECONDS
        assert spec["terminationGracePeriodSeconds"] == 0
        assert not spec["automountServiceAccountToken"]
        assert "volumes" not in spec
        assert pod["metadata"]["labels"][RUN] == "abc123"
        for container in spec["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert len({pod["metadata"]["name"] for pod in pods.values()}) == 2


def test_an_image_is_pulled_even_if_it_is_there_and_one_to_look_with_only_if_not() -> None:
    def containers(pull: str, look: str) -> list[tuple[str, str, str]]:
        [pod] = probe(a=(pull, look)).pods.values()
        return [
            (it["name"], it["image"], it["imagePullPolicy"]) for it in pod["spec"]["containers"]
        ]

    assert containers("r/k:1", "busybox") == [
        ("pull", "r/k:1", "Always"),
        ("look", "busybox", "IfNotPresent"),
    ]
    assert containers("r/k:1", "r/k:1") == [("pull", "r/k:1", "Always")]
    assert containers("", "busybox") == [("look", "busybox", "IfNotPresent")]
    assert containers("r/k:1", "") == [("pull", "r/k:1", "Always")]


def test_the_login_is_a_secret_of_the_probe_alone() -> None:
    assert probe(a=("r/k:1", "")).secret is None
    one = probe("{}", a=("r/k:1", ""))
    [pod] = one.pods.values()
    assert one.secret is not None
    assert pod["spec"]["imagePullSecrets"] == [{"name": one.secret["metadata"]["name"]}]
    assert one.secret["metadata"]["labels"][RUN] == "abc123"
    assert one.secret["data"] == {".dockerconfigjson": "e30="}


def test_any_shell_writes_the_nodes_own_networks_and_the_default_route() -> None:
    script = ROUTES.replace("</proc/net/route", "").replace(">/dev/termination-log", "")
    done = subprocess.run(
        ("sh", "-c", script), input=TABLE, capture_output=True, text=True, check=True, timeout=10
    )
    assert done.stdout.splitlines() == ["ens3 00000000 00000000", "ens3 000012AC 0000FFFF"]
