"""What a site asks of the clouds and the cluster: by driver, by release, and completely."""

from __future__ import annotations

import pytest
from worlds.sites import lab_site

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases import RELEASES, minor_version
from kuryr_runbook.specs.controller import ControllerConfig, controller_manifests
from kuryr_runbook.specs.daemon import cleaner_manifest, daemon_manifests
from kuryr_runbook.specs.manifests import pull_secret
from kuryr_runbook.specs.requirements import (
    needed_extensions,
    needed_rights,
)
from kuryr_runbook.specs.workload import workload_manifests

STEIN = RELEASES["stein"]
SITE = lab_site()
AUTH = '{"auths": {}}'


def all_manifests() -> list[Manifest]:
    return [
        *controller_manifests(SITE, "image", ControllerConfig(conf={"neutron": {}}, ca_pem="ca")),
        *daemon_manifests(SITE, "image", "conf"),
        cleaner_manifest(SITE, "image"),
        pull_secret(SITE, AUTH),
        *workload_manifests(SITE, "image", AUTH),
    ]


@pytest.mark.parametrize("verb", ["get", "create", "patch", "delete"])
def test_every_object_that_the_runbook_makes_is_among_the_rights(verb: str) -> None:
    rights = {
        (right.verb, right.group, right.resource, right.namespace) for right in needed_rights(SITE)
    }
    for manifest in all_manifests():
        group = manifest["apiVersion"].rpartition("/")[0]
        plural = f"{manifest['kind'].lower()}s"
        namespace = manifest["metadata"].get("namespace")
        assert (verb, group, plural, namespace) in rights


def test_a_right_reads_as_a_sentence() -> None:
    reported = [str(right) for right in needed_rights(SITE)]
    assert "create pods/exec in kuryr-verification" in reported
    assert "list daemonsets.apps in kube-system" in reported
    assert "list nodes" in reported
    assert len(reported) == len(set(reported))


@pytest.mark.parametrize(
    ("driver", "only"),
    [
        (VifDriver.NESTED_MACVLAN, {"allowed-address-pairs", "binding"}),
        (VifDriver.NESTED_VLAN, {"trunk"}),
        (VifDriver.NEUTRON_VIF, {"binding"}),
    ],
)
def test_extensions_follow_the_driver(driver: VifDriver, only: set[str]) -> None:
    needed = needed_extensions(lab_site(driver)).keys()
    assert {"security-group", "port-security", "router", "external-net"} <= needed
    assert needed & {"allowed-address-pairs", "binding", "trunk", "standard-attr-revisions"} == only


@pytest.mark.parametrize(
    ("release", "driver", "only"),
    [
        ("stein", VifDriver.NESTED_MACVLAN, set()),
        ("train", VifDriver.NESTED_MACVLAN, {"standard-attr-revisions"}),
        ("train", VifDriver.NESTED_VLAN, set()),
        ("ussuri", VifDriver.NESTED_MACVLAN, {"standard-attr-revisions", "quota_details"}),
        ("2024.1", VifDriver.NESTED_VLAN, {"quota_details"}),
    ],
)
def test_extensions_follow_the_release(release: str, driver: VifDriver, only: set[str]) -> None:
    site = lab_site(driver)
    kuryr = site.kuryr.model_copy(update={"release": release})
    needed = needed_extensions(site.model_copy(update={"kuryr": kuryr})).keys()
    assert needed & {"standard-attr-revisions", "quota_details"} == only


@pytest.mark.parametrize(
    ("text", "version"),
    [("v1.20.2", (1, 20)), ("1.9", (1, 9)), ("v1.27.3-gke.100", (1, 27)), ("v1.21+", (1, 21))],
)
def test_versions_of_kubernetes(text: str, version: tuple[int, int]) -> None:
    assert minor_version(text) == version


def test_what_is_no_version_of_kubernetes() -> None:
    with pytest.raises(ValueError, match="'unknown'"):
        minor_version("unknown")


def test_a_window_says_what_runs_and_whether_self_link_is_needed() -> None:
    assert STEIN.runs_on((1, 11))
    assert STEIN.runs_on((1, 23))
    assert not STEIN.runs_on((1, 9))
    assert not STEIN.runs_on((1, 24))
    assert STEIN.needs_self_link
    assert not RELEASES["wallaby"].needs_self_link
