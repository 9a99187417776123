"""What a site asks of the clouds and the cluster: by driver, by release, and completely."""

from __future__ import annotations

from dataclasses import replace

import pytest
from healthy import lab_site

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases import RELEASES, Release, minor_version
from kuryr_runbook.specs.controller import ControllerConfig, controller_manifests
from kuryr_runbook.specs.daemon import cleaner_manifest, daemon_manifests
from kuryr_runbook.specs.manifests import Manifest, pull_secret
from kuryr_runbook.specs.requirements import (
    needed_extensions,
    needed_rights,
    needs_amphora,
    octavia_features,
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
    told = [str(right) for right in needed_rights(SITE)]
    assert "create pods/exec in kuryr-verification" in told
    assert "list daemonsets.apps in kube-system" in told
    assert "list nodes" in told
    assert len(told) == len(set(told))


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


def of_version(version: str) -> Release:
    return replace(STEIN, version=version)


def test_octavia_features_follow_the_release() -> None:
    assert octavia_features(of_version("1.0.1")) == ()
    assert {it.api for it in octavia_features(of_version("2.1.0"))} == {(2, 11), (2, 12)}
    assert {it.name for it in octavia_features(of_version("10.0.0"))} >= {"SCTP"}


def test_until_train_load_balancers_have_to_be_amphorae() -> None:
    assert [needs_amphora(RELEASES[it]) for it in ("stein", "train", "ussuri")] == [
        True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "version"),
    [("v1.20.2", (1, 20)), ("1.9", (1, 9)), ("v1.27.3-gke.100", (1, 27)), ("v1.21+", (1, 21))],
)
def test_versions_of_kubernetes(text: str, version: tuple[int, int]) -> None:
    assert minor_version(text) == version


def test_what_is_no_version_of_kubernetes() -> None:
    with pytest.raises(ValueError, match="'unknown'"):
        minor_version("unknown")


def test_a_window_tells_what_runs_and_whether_self_link_is_needed() -> None:
    assert STEIN.runs_on((1, 11))
    assert STEIN.runs_on((1, 23))
    assert not STEIN.runs_on((1, 9))
    assert not STEIN.runs_on((1, 24))
    assert STEIN.needs_self_link
    assert not RELEASES["wallaby"].needs_self_link
