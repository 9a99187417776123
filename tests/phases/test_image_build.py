"""The plan of phase 01: what the registry and the store have, against what is wanted."""

from __future__ import annotations

from typing import cast

import pytest

from kuryr_runbook.clients.artifacts import HttpStore
from kuryr_runbook.clients.images.kuryr import image_sources
from kuryr_runbook.clients.images.registry import RegistryClient, RemoteImage
from kuryr_runbook.model.plan import Action
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.image_build import ImageBuild
from kuryr_runbook.specs.image import ImageSpec, Reference, image_spec

BASE = "sha256:" + "1" * 64
DIGEST = "sha256:" + "2" * 64


class Registry:
    """Has the base image, and an image with these labels; None: no image."""

    def __init__(self, labels: dict[str, str] | None) -> None:
        self.labels = labels

    def digest(self, reference: Reference) -> str:
        return BASE

    def remote_image(self, reference: Reference) -> RemoteImage | None:
        if self.labels is None:
            return None
        return RemoteImage(digest=DIGEST, labels=self.labels, size=1)


class Store(HttpStore):
    """Has these files."""

    def __init__(self, *paths: str) -> None:
        super().__init__("https://files.example.org/kuryr")
        self.paths = paths

    def sha256(self, path: str) -> str | None:
        return "3" * 64 if path in self.paths else None


def phase(labels: dict[str, str] | None, store: Store | None = None) -> ImageBuild:
    site = {
        "name": "test",
        "openstack": {"cloud": "envvars"},
        "kubernetes": {"namespace": "kube-system"},
        "network": {"router": "k8s-router"},
        "kuryr": {"release": "stein"},
        "image": {"repository": "registry.example.org/kuryr/kuryr"},
    }
    made = ImageBuild(Site.model_validate(site))
    made.__dict__ |= {"registry": cast("RegistryClient", Registry(labels)), "store": store}
    return made


@pytest.fixture
def spec() -> ImageSpec:
    return image_spec(phase(None).site, image_sources(), BASE)


def test_an_image_is_built_once(spec: ImageSpec) -> None:
    [step] = phase(None).make_plan().steps
    assert step.action is Action.CREATE
    [step] = phase(dict(spec.labels)).make_plan().steps
    assert (step.action, step.id) == (Action.KEEP, DIGEST)


def test_another_release_under_the_wanted_name_is_replaced(spec: ImageSpec) -> None:
    labels = dict(spec.labels) | {
        "org.kuryr-runbook.release": "train",
        "org.kuryr-runbook.inputs": "0" * 64,
    }
    [step] = phase(labels).make_plan().steps
    assert step.action is Action.UPDATE
    assert "contains release train" in step.because


def test_the_plugin_is_uploaded_after_the_image_and_once(spec: ImageSpec) -> None:
    image, plugin = phase(None, Store()).make_plan().steps
    assert plugin.action is Action.CREATE
    assert image.target in plugin.needs
    path = f"stein/{spec.inputs[:16]}/kuryr-cni"
    assert plugin.target.name == f"https://files.example.org/kuryr/{path}"
    _, plugin = phase(None, Store(path, f"{path}.sha256")).make_plan().steps
    assert (plugin.action, plugin.id) == (Action.KEEP, "3" * 64)


def test_an_upload_that_was_cut_off_is_done_again(spec: ImageSpec) -> None:
    """The digest is written last."""
    path = f"stein/{spec.inputs[:16]}/kuryr-cni"
    _, plugin = phase(None, Store(path)).make_plan().steps
    assert plugin.action is Action.CREATE
