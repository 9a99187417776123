"""The form asks real servers, for a bounded time, and says who did not answer."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from pathlib import Path

import pytest
from worlds.memory_cloud import cluster_cloud
from worlds.served_apis import ServedApis, served

from kuryr_runbook.display.site_form import Offered
from kuryr_runbook.phases.site import offering
from kuryr_runbook.phases.site.offering import ask, offered

NODES = {"master": "172.18.0.10", "worker1": "172.18.0.11"}


@pytest.fixture
def apis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ServedApis:
    # The dynamic client keeps what kinds there are in a file there.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return ServedApis(cluster_cloud(NODES), NODES)


def texts(folder: Path) -> dict[str, str]:
    return {
        "openstack.cloud": "k8s",
        "openstack.clouds_yaml": str(folder / "clouds.yaml"),
        "kubernetes.kubeconfig": str(folder / "kubeconfig"),
        "kubernetes.context": "",
    }


def values(found: Offered, key: str) -> list[str]:
    return [it.value for it in found.offers.get(key, ())]


def test_everything_is_asked_and_offered(apis: ServedApis, tmp_path: Path) -> None:
    with served(apis, tmp_path):
        found = offered(texts(tmp_path))
    assert found.told == (
        "✓ Choose from what is there, according to Keystone and Neutron, Octavia, Kubernetes."
    )
    assert values(found, "openstack.cloud") == ["k8s"]
    assert values(found, "kubernetes.context") == ["c"]
    assert values(found, "network.node_subnet") == ["k8s-node-subnet"]
    assert values(found, "kubernetes.api_root") == ["https://172.18.0.10:6443"]
    assert values(found, "kuryr.link_iface") == ["ens3"]
    assert all(method == "GET" or path.endswith("tokens") for method, path in apis.requests)


def test_who_cannot_be_asked_is_named_and_the_rest_is_offered(
    apis: ServedApis, tmp_path: Path
) -> None:
    with served(apis, tmp_path):
        found = offered(texts(tmp_path) | {"openstack.cloud": "other"})
    assert "✓ Choose from what is there, according to Kubernetes." in found.told
    assert "✗ Keystone and Neutron, Octavia: openstack.cloud: no usable entry" in found.told
    assert values(found, "openstack.cloud") == ["k8s"]
    assert "network.router" not in found.offers
    assert values(found, "kubernetes.namespace") == ["kube-system"]


def test_who_does_not_answer_is_waited_for_no_longer_than_that(
    apis: ServedApis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offering, "SECONDS", 3.0)
    asked, ended = threading.Event(), threading.Event()

    def hang(method: str, path: str) -> None:
        if path.startswith("/octavia"):
            asked.set()
            ended.wait(60)

    apis.on_request = hang
    with served(apis, tmp_path):
        found = offered(texts(tmp_path))
        ended.set()
    assert asked.is_set()
    assert "✗ Octavia: no complete answer in 3 s. Type names or ids there." in found.told
    assert "network.router" in found.offers


def test_the_answer_comes_in_the_thread_that_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = Offered(offers={}, told="nothing")
    monkeypatch.setattr(offering, "offered", lambda texts: found)
    answers: list[tuple[Offered, int]] = []

    async def cell() -> None:
        answered = asyncio.Event()

        def then(offers: Offered) -> None:
            answers.append((offers, threading.get_ident()))
            answered.set()

        ask({}, then)
        await answered.wait()

    asyncio.run(cell())
    assert answers == [(found, threading.get_ident())]


def test_files_in_no_home_directory_are_named_and_the_form_gets_its_answer() -> None:
    nowhere = {
        "openstack.clouds_yaml": "~nobody-here/clouds.yaml",
        "kubernetes.kubeconfig": "~nobody-here/config",
    }
    found = offered({"openstack.cloud": "k8s", **nowhere})
    assert not {key for key in found.offers if key.startswith(("openstack", "kubernetes"))}
    for key in nowhere:
        assert f"{key} {nowhere[key]}: there is no home directory ~nobody-here" in found.told
