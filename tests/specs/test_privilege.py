"""What our pods may do: nothing, but for the exceptions that are given a reason."""

from collections.abc import Iterator
from typing import Any

import pytest
from making.rendered import IMAGE, combinations
from making.rendered import manifests as rendered
from worlds.sites import lab_site

from kuryr_runbook.clients.kubernetes.reading import known_to
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.specs.daemon import cleaner_manifest, daemon_manifests
from kuryr_runbook.specs.privilege import (
    DOCKERSHIM,
    NODE_FILES,
    NONE,
    OPEN_VSWITCH,
    Privilege,
    daemon_privilege,
)
from kuryr_runbook.specs.upgrade_check import upgrade_check
from kuryr_runbook.specs.workload import workload_manifests

SITE = lab_site()
PRIVILEGES = {
    "controller": NONE,
    "check": NONE,
    "server": NONE,
    "install-cni": NODE_FILES,
    "cleaner": NODE_FILES,
}
"""By container; the daemon's depends on the site."""

WRITTEN = {"/var/lib/kuryr-lock", "/tmp", "/cni-bin", "/cni-conf"}  # noqa: S108 - in pods


def pods() -> Iterator[tuple[str, dict[str, Any], Privilege]]:
    """All pods that are made, with what their daemon may do."""
    for combination in combinations():
        for made in rendered(combination.site):
            if "template" in made.get("spec", {}):
                name = f"{combination} {made['metadata']['name']}"
                site = combination.site
                yield (
                    name,
                    made["spec"]["template"]["spec"],
                    daemon_privilege(site, dockershim=False),
                )
    others: tuple[Manifest, ...] = (
        *daemon_manifests(SITE, IMAGE, "", dockershim=True),
        cleaner_manifest(SITE, IMAGE),
        *workload_manifests(SITE, IMAGE, ""),
    )
    for item in others:
        if "template" in item.get("spec", {}):
            name = item["metadata"]["name"]
            spec = item["spec"]["template"]["spec"]
            yield f"dockershim {name}", spec, daemon_privilege(SITE, dockershim=True)
    yield "upgrade check", upgrade_check(SITE, IMAGE)["spec"], NONE


PODS = list(pods())


@pytest.mark.parametrize(("pod", "daemon"), [p[1:] for p in PODS], ids=[p[0] for p in PODS])
def test_a_container_may_do_nothing_but_what_has_a_reason(
    pod: dict[str, Any], daemon: Privilege
) -> None:
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    containers = [*pod["containers"], *pod.get("initContainers", ())]
    for container in containers:
        context, may = container["securityContext"], PRIVILEGES.get(container["name"], daemon)
        assert context["readOnlyRootFilesystem"] is True
        if context.get("privileged"):
            assert may.privileged
        else:
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"]["drop"] == ["ALL"]
            assert set(context["capabilities"].get("add", ())) == set(may.capabilities)
        assert ("seLinuxOptions" in context) is (bool(may.host) and not may.privileged)
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert set(requests) == {"cpu", "memory"}
        assert set(limits) == {"memory"}
    needs_root = any(PRIVILEGES.get(item["name"], daemon).root for item in containers)
    assert pod["securityContext"].get("runAsNonRoot", False) is not needs_root


@pytest.mark.parametrize("pod", [p[1] for p in PODS], ids=[p[0] for p in PODS])
def test_what_is_mounted_is_writable_only_where_it_is_written(pod: dict[str, Any]) -> None:
    for container in [*pod["containers"], *pod.get("initContainers", ())]:
        named = {volume["name"]: volume for volume in pod["volumes"]}
        for mount in container["volumeMounts"]:
            is_data = {"secret", "configMap"} & set(named[mount["name"]])
            assert mount.get("readOnly", False) or is_data or mount["mountPath"] in WRITTEN


def test_every_exception_is_given_a_reason() -> None:
    site = next(c.site for c in combinations() if c.driver == "neutron-vif")
    granted = [
        NODE_FILES,
        *(daemon_privilege(s, dockershim=d) for s, d in ((SITE, False), (site, True))),
    ]
    for privilege in granted:
        texts = (privilege.root, privilege.host, *privilege.capabilities.values())
        assert all(len(text) > 20 for text in texts)
    assert daemon_privilege(site, dockershim=True).privileged == f"{DOCKERSHIM}; {OPEN_VSWITCH}"
    assert not daemon_privilege(SITE, dockershim=False).privileged


def test_only_a_daemon_of_dockershim_sees_the_processes_of_its_node() -> None:
    def paths(*, dockershim: bool) -> set[str]:
        volumes = daemon_manifests(SITE, IMAGE, "", dockershim=dockershim)[-1]["spec"]["template"][
            "spec"
        ]["volumes"]
        return {item["hostPath"]["path"] for item in volumes if "hostPath" in item}

    assert paths(dockershim=True) - paths(dockershim=False) == {"/proc"}
    assert paths(dockershim=False) == {"/var/run/netns", "/opt/cni/bin", "/etc/cni/net.d"}


def test_the_pods_that_ask_no_api_hold_no_token() -> None:
    assert (
        cleaner_manifest(SITE, IMAGE)["spec"]["template"]["spec"]["automountServiceAccountToken"]
        is False
    )


@pytest.mark.parametrize(("version", "knows"), [("v1.18.20", False), ("v1.19.0", True)])
def test_an_api_server_is_not_sent_a_field_that_it_does_not_know(
    version: str, *, knows: bool
) -> None:
    manifest: Manifest = cleaner_manifest(SITE, IMAGE)
    sent = known_to(version, manifest)
    assert ("seccompProfile" in str(sent)) is knows
    assert (
        sent["spec"]["template"]["spec"]["containers"]
        == manifest["spec"]["template"]["spec"]["containers"]
    )
