"""The facts of a record that no phase reads."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from worlds.sites import lab_site

from kuryr_runbook.clients.provenance import (
    cloud_identity,
    cluster_identity,
    packages,
    runbook_version,
    who,
)
from kuryr_runbook.model.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    auth = {"auth_url": "https://cloud:5000", "username": "kuryr", "password": "not-told-at-all"}
    clouds = {"clouds": {"k8s": {"auth": auth, "region_name": "one"}}}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(clouds))
    cluster = {"server": "https://a:6443", "certificate-authority-data": b64encode(b"CA").decode()}
    kubeconfig = {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "here", "user": "admin"}}],
        "clusters": [{"name": "here", "cluster": cluster}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    site = lab_site()
    openstack = site.openstack.model_copy(update={"clouds_yaml": tmp_path / "clouds.yaml"})
    kubernetes = site.kubernetes.model_copy(update={"kubeconfig": tmp_path / "kubeconfig"})
    return site.model_copy(update={"openstack": openstack, "kubernetes": kubernetes})


def test_cloud_and_cluster_are_known_by_their_logins(site: Site) -> None:
    assert cloud_identity(site, {}) == {
        "cloud": "k8s",
        "auth_url": "https://cloud:5000",
        "username": "kuryr",
        "region_name": "one",
    }
    assert cluster_identity(site, {}) == {
        "context": "lab",
        "server": "https://a:6443",
        "ca_sha256": hashlib.sha256(b"CA").hexdigest(),
    }


def test_a_cloud_of_the_environment(site: Site) -> None:
    openstack = site.openstack.model_copy(update={"cloud": "envvars"})
    environment = {"OS_AUTH_URL": "https://c", "OS_PASSWORD": "not-told", "OS_REGION_NAME": "two"}
    assert cloud_identity(site.model_copy(update={"openstack": openstack}), environment) == {
        "cloud": "envvars",
        "auth_url": "https://c",
        "region_name": "two",
    }


def test_without_files_nothing_is_made_up(site: Site, tmp_path: Path) -> None:
    (tmp_path / "clouds.yaml").unlink()
    (tmp_path / "kubeconfig").unlink()
    assert set(cloud_identity(site, {})) == {"cloud"}
    assert cluster_identity(site, {}) == {}


def test_who_and_with_what() -> None:
    assert set(who()) == {"user", "host"}
    assert packages()["papermill"] == version("papermill")
    assert runbook_version()["version"] == version("kuryr-runbook")
