"""A site file for a cluster that has a Kuryr already: it says what is installed."""

from __future__ import annotations

import pytest
from spoiling.preflight import unspoilt
from worlds.cloud_answers import PROJECT
from worlds.installed import IMAGE, installed
from worlds.objects import program
from worlds.sites import lab_sections
from worlds.world import World

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site_file import site_problems
from kuryr_runbook.planning.draft_keys import DraftKey
from kuryr_runbook.planning.draft_kuryr import fits
from kuryr_runbook.planning.site_draft import draft_site
from kuryr_runbook.snapshots.cluster.node_probes import Probed
from kuryr_runbook.snapshots.survey import read_survey, with_own
from kuryr_runbook.specs.controller import CREDENTIAL_ANNOTATION
from kuryr_runbook.specs.manifests import pull_secret


def drafted(world: World) -> dict[str, DraftKey]:
    return {it.key: it for it in draft_site(read_survey(world, world), "my-file")}


def values(world: World) -> dict[str, object]:
    return {key: it.value for key, it in drafted(world).items()}


@pytest.mark.parametrize("driver", VifDriver)
@pytest.mark.parametrize("release", ["stein", "ussuri", "2024.1"])
def test_what_the_runbook_installed_is_proposed_again(driver: VifDriver, release: str) -> None:
    world = installed(driver, release, resource_tags=("mine", "too"))
    site, found = world.site, values(world)
    assert found == {
        "name": site.name,
        "kubernetes.service_cidr": str(site.kubernetes.service_cidr),
        "network.service_subnet.cidr": str(site.network.service_subnet.cidr),
        "network.service_subnet.name": site.network.service_subnet.name,
        "network.service_subnet.network": site.network.service_subnet.network,
        "network.external_network": site.network.external_network,
        "network.router": site.network.router,
        "network.node_subnet": site.network.node_subnet,
        "network.node_security_group": site.network.node_security_group,
        "network.pod_subnet.name": site.network.pod_subnet.name,
        "network.pod_subnet.cidr": str(site.network.pod_subnet.cidr),
        "network.pod_security_group": site.network.pod_security_group,
        "kuryr.release": release,
        "kuryr.vif_driver": str(driver),
        "kuryr.link_iface": site.kuryr.link_iface,
        "kuryr.resource_tags": ("mine", "too"),
        "kuryr.credentials": "site",
        "image.repository": IMAGE,
    }


def test_what_pods_on_the_nodes_have_seen_counts_more() -> None:
    world = installed(VifDriver.NESTED_MACVLAN, "stein")
    survey = read_survey(world, world)
    seen = [Probed(node=name, pull="", own="ens9") for name in ("worker1", "worker2")]
    [found] = [it for it in draft_site(with_own(survey, seen), "x") if it.key == "kuryr.link_iface"]
    assert found.value == "ens9"


def test_another_project_than_the_logins_is_named() -> None:
    world = installed(VifDriver.NESTED_MACVLAN, "stein")
    world.project_id = "0" * 32
    assert values(world)["openstack.k8s_project_id"] == PROJECT


def test_a_registry_with_a_login_needs_a_file_that_nobody_can_find() -> None:
    world = installed(VifDriver.NESTED_MACVLAN, "stein")
    world.objects["Secret"].append(dict(pull_secret(world.site, "{}")))
    assert drafted(world)["image.registry_auth"].value is None


def test_a_credential_of_its_own_stays() -> None:
    world = installed(VifDriver.NESTED_MACVLAN, "stein")
    template = world.objects["Deployment"][0]["spec"]["template"]
    template["metadata"]["annotations"][CREDENTIAL_ANNOTATION] = "kuryr-1"
    assert values(world)["kuryr.credentials"] == "application_credential"


def of_others(*, image: str = "registry.test/ops/kuryr-controller", conf: str = "") -> World:
    """A world with another installer's controller, and its kuryr.conf in a ConfigMap."""
    world = World(release="2024.1")
    controller = program("Deployment", "kuryr-controller")
    controller["metadata"]["namespace"] = "openstack"
    pod = controller["spec"]["template"]["spec"]
    pod["containers"][0]["image"] = image
    pod["volumes"] = [{"name": "conf", "configMap": {"name": "their-conf"}}]
    world.objects["Deployment"], world.objects["DaemonSet"] = [controller], []
    world.objects["ConfigMap"] = [
        {
            "kind": "ConfigMap",
            "metadata": {"name": "their-conf", "namespace": "openstack"},
            "data": {"kuryr.conf": conf, "other": "no = conf"},
        }
    ]
    return world


CONF = """
[neutron]
password = s3cret
[kubernetes]
enabled_handlers = vif,endpoints,service,kuryrloadbalancer,kuryrport
pod_vif_driver = {driver}
endpoints_driver_octavia_provider = ovn
[neutron_defaults]
pod_subnet = s-pods
service_subnet = {services}
pod_security_groups = {groups}
external_svc_net = n-outside
lbaas_activation_timeout = 1200
[pod_vif_nested]
worker_nodes_subnets = s-nodes
[binding]
link_iface = enp3s0
"""


def conf(driver: str = "nested-vlan", services: str = "s-services", groups: str = "g-pods") -> str:
    return CONF.format(driver=driver, services=services, groups=groups)


@pytest.mark.parametrize(
    ("section", "option", "value", "key", "drafted_as"),
    [
        ("DEFAULT", "debug", "True", "log_level", "debug"),
        ("DEFAULT", "debug", "False", "log_level", None),
        ("kubernetes", "watch_retry_timeout", "3600", "watch_retry_seconds", 3600),
        ("kubernetes", "watch_retry_timeout", "60", "watch_retry_seconds", None),
        ("kubernetes", "watch_retry_timeout", "1", "watch_retry_seconds", None),
        ("cni_daemon", "vif_annotation_timeout", "200", "pod_plug_seconds", 200),
        ("octavia_defaults", "timeout_client_data", "3600000", "lb_idle_seconds", 3600),
        ("octavia_defaults", "timeout_client_data", "0", "lb_idle_seconds", None),
        ("octavia_defaults", "timeout_client_data", "soon", "lb_idle_seconds", None),
    ],
)
def test_times_and_log_level_are_proposed_unless_they_are_the_default(
    section: str, option: str, value: str, key: str, drafted_as: int | str | None
) -> None:
    found = drafted(of_others(conf=f"[{section}]\n{option} = {value}\n"))
    draft = found.get(f"kuryr.{key}")
    assert (draft and draft.value) == drafted_as
    if drafted_as is not None:
        assert not site_problems(lab_sections(kuryr={"release": "xena", key: drafted_as}))


@pytest.mark.parametrize("outside", ["01234567-89ab-cdef-0123-456789abcdef", "by-name"])
def test_the_subnet_of_floating_ips_is_proposed_by_its_id(outside: str) -> None:
    found = drafted(of_others(conf=f"[neutron_defaults]\nexternal_svc_subnet = {outside}\n"))
    draft = found.get("network.external_subnet_id")
    assert (draft.value if draft else "by-name") == outside


def test_idle_timeouts_are_not_proposed_for_ovn() -> None:
    text = conf() + "[octavia_defaults]\ntimeout_client_data = 3600000\n"
    assert "kuryr.lb_idle_seconds" not in drafted(of_others(conf=text))


def test_somebody_elses_kuryr_is_recognized_and_what_it_does_is_proposed() -> None:
    world = of_others(conf=conf())
    found = drafted(world)
    assert {
        key: found[key].value
        for key in found
        if key.startswith(("kuryr.", "kubernetes.namespace", "network.pod", "network.serv"))
    } == {
        "kubernetes.namespace": "openstack",
        "network.pod_subnet.name": "kuryr-pod-subnet",
        "network.pod_subnet.cidr": "10.64.0.0/16",
        "network.pod_security_group": "kuryr-pod-sg",
        "network.service_subnet.name": "kuryr-service-subnet",
        "network.service_subnet.network": "kuryr-service-network",
        "network.service_subnet.cidr": "10.96.0.0/16",
        "kuryr.release": None,
        "kuryr.vif_driver": "nested-vlan",
        "kuryr.link_iface": "enp3s0",
        "kuryr.octavia_provider": "ovn",
        "kuryr.lb_activation_seconds": 1200,
    }
    assert "its options fit wallaby, xena" in found["kuryr.release"].because
    assert "name" not in found
    assert found["image.repository"].value is None, "theirs may not be pushed to"
    assert "s3cret" not in repr(read_survey(world, world).kuryr)


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("registry.test/kuryr/kuryr-controller:zed", "zed"),
        ("registry.test:5000/kuryr/controller:10.0.0", "2024.1"),
        ("kolla/kuryr-controller:stable-xena", "xena"),
        ("kuryr/controller:latest", None),
        ("kuryr/controller", None),
    ],
)
def test_the_tag_of_an_image_may_say_the_release(image: str, release: str | None) -> None:
    assert values(of_others(image=image, conf=conf()))["kuryr.release"] == release


def test_what_a_site_file_cannot_say_stays_blank() -> None:
    found = drafted(of_others(conf=conf(driver="generic-whatever", groups="g-pods,g-nodes")))
    assert found["kuryr.vif_driver"].value is None
    assert "generic-whatever" in found["kuryr.vif_driver"].because
    assert found["network.pod_security_group"].value is None
    assert "g-pods,g-nodes" in str(found["network.pod_security_group"].written)


def test_what_is_not_visible_is_named_by_its_id() -> None:
    found = values(of_others(conf=conf(services="s-of-others", groups="g-of-others")))
    assert found["network.service_subnet.name"] == "s-of-others"
    assert found["network.pod_security_group"] == "g-of-others"


def test_subnets_whose_names_are_not_unique_are_named_by_their_ids() -> None:
    world = of_others(conf=conf())
    world.add("subnet", name="kuryr-pod-subnet", cidr="10.200.0.0/16")
    assert values(world)["network.pod_subnet.name"] == "s-pods"


@pytest.mark.parametrize("release", RELEASES)
def test_every_release_fits_its_own_options(release: str) -> None:
    world = installed(VifDriver.NESTED_MACVLAN, release, resource_tags=("mine",))
    kuryr = read_survey(world, world).kuryr
    assert fits(RELEASES[release], kuryr.options)  # type: ignore[union-attr]
    fitting = {name for name, it in RELEASES.items() if fits(it, kuryr.options)}  # type: ignore[union-attr]
    alike = [
        {"stein", "train", "ussuri"},
        {"victoria"},
        set(list(RELEASES)[list(RELEASES).index("wallaby") :]),
    ]
    assert fitting in alike


def test_without_a_kuryr_nothing_of_one_is_said() -> None:
    world = unspoilt()
    assert read_survey(world, world).kuryr is None


def test_subnets_of_namespaces_are_proposed_with_their_pool() -> None:
    spaces = "pod_subnets_driver = namespace\n[namespace_subnet]\npod_subnet_pool = pool-1"
    text = conf().replace("[neutron_defaults]", f"{spaces}\n[neutron_defaults]", 1)
    world = of_others(conf=text)
    key = "network.namespace_subnets"
    assert values(world)[f"{key}.cidr"] is None
    world.add("subnet_pool", id="pool-1", name="pods", prefixes=["10.9.0.0/16"])
    found = values(world)
    assert found[f"{key}.enabled"] is True
    assert (found[f"{key}.pool"], found[f"{key}.cidr"]) == ("pods", "10.9.0.0/16")
    assert found[f"{key}.prefix_length"] == 24
