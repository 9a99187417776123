"""The manifests of controller and daemon."""

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest
from making.rendered import Combination, combinations
from making.rendered import manifests as rendered
from requests.utils import get_environ_proxies
from worlds.sites import IMAGE, lab_site_with

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import controller as controllers
from kuryr_runbook.specs import daemon as daemons
from kuryr_runbook.specs import manifests, upgrade_check

SECRET_WORD = "correct-horse"
ALL = list(combinations())


def site(plugin: str = "install") -> Site:
    return lab_site_with(kuryr={"cni_plugin": plugin})


def config(word: str = "word", credential: str = "") -> controllers.ControllerConfig:
    neutron = {"application_credential_id": f"id-of-{word}", "application_credential_secret": word}
    return controllers.ControllerConfig(
        conf={"neutron": neutron}, ca_pem="ca", credential=credential
    )


def controller(word: str = "word", credential: str = "") -> Manifest:
    return controllers.controller_manifests(site(), IMAGE, config(word, credential))[-1]


def daemon(conf: str = "conf", plugin: str = "install") -> Manifest:
    return daemons.daemon_manifests(site(plugin), IMAGE, conf)[-1]


def everything() -> Iterator[Manifest]:
    yield from controllers.controller_manifests(site(), IMAGE, config(SECRET_WORD))
    yield from daemons.daemon_manifests(site(), IMAGE, "conf")
    yield manifests.pull_secret(site(), "{}")
    yield daemons.cleaner_manifest(site(), IMAGE)


def test_every_object_bears_the_mark_by_which_teardown_finds_it() -> None:
    for item in everything():
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "kuryr-runbook"
        assert labels["app.kubernetes.io/instance"] == "lab"


def in_clear(item: Manifest) -> str:
    data = item.get("data", {}) if item["kind"] == "Secret" else {}
    return json.dumps(item) + "".join(b64decode(value).decode() for value in data.values())


def test_the_credentials_stand_in_the_secret_alone() -> None:
    holders = [item for item in everything() if SECRET_WORD in in_clear(item)]
    assert [(i["kind"], i["metadata"]["name"]) for i in holders] == [("Secret", "kuryr-config")]


def tolerates(spec: Manifest, key: str) -> bool:
    """Whether a node with that taint may take the pod."""
    return any(
        it["operator"] == "Exists"
        and it.get("key", key) == key
        and it.get("effect", "NoSchedule") == "NoSchedule"
        for it in spec["tolerations"]
    )


@pytest.mark.parametrize("make", [controller, daemon])
def test_pods_run_before_there_is_a_network(make: Any) -> None:
    spec = make()["spec"]["template"]["spec"]
    assert spec["hostNetwork"] is True
    for key in ("not-ready", "network-unavailable"):
        assert tolerates(spec, f"node.kubernetes.io/{key}")
    assert tolerates(spec, "node.cloudprovider.kubernetes.io/uninitialized")


@pytest.mark.parametrize("make", [controller, daemon])
def test_a_changed_configuration_rolls_the_pods_and_an_unchanged_one_does_not(make: Any) -> None:
    assert make("a")["spec"]["template"] == make("a")["spec"]["template"]
    assert make("a")["spec"]["template"] != make("b")["spec"]["template"]


def test_no_taint_keeps_the_daemon_or_the_cleaner_from_a_node() -> None:
    for item in (daemon(), daemons.cleaner_manifest(site(), IMAGE)):
        spec = item["spec"]["template"]["spec"]
        assert spec["tolerations"] == [{"operator": "Exists"}]
        assert spec["priorityClassName"] == "system-node-critical"
    assert not tolerates(controller()["spec"]["template"]["spec"], "dedicated")


def test_kuryrs_upgrade_check_runs_where_the_controller_does() -> None:
    wanted = lab_site_with(
        kuryr={"controller": {"node_selector": ["a=b"], "tolerations": ["c=d:NoExecute"]}}
    )
    check = upgrade_check.upgrade_check(wanted, IMAGE)["spec"]
    run = controllers.controller_manifests(wanted, IMAGE, config())[-1]["spec"]["template"]["spec"]
    for key in ("nodeSelector", "tolerations", "priorityClassName"):
        assert check[key] == run[key]


def proxied(**keys: Any) -> dict[str, str]:
    wanted = lab_site_with(kuryr={"controller": keys})
    conf = {"neutron": {}, "kubernetes": {"api_root": "https://172.18.0.10:6443"}}
    config = controllers.ControllerConfig(conf=conf, ca_pem="")
    item = controllers.controller_manifests(wanted, IMAGE, config)[-1]
    [container] = item["spec"]["template"]["spec"]["containers"]
    return {it["name"]: it["value"] for it in container.get("env", ())}


@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("https://172.18.0.10:6443/api", True),
        ("https://10.2.0.1/api", True),
        ("http://10.1.0.17:8080/", True),
        ("http://localhost:8082/", True),
        ("https://keystone.internal.test/v3", True),
        ("https://192.0.2.9:9696/", True),
        ("https://172.18.0.11:5000/v3", False),
        ("https://keystone.example.org/v3", False),
    ],
)
def test_only_openstack_is_reached_through_the_proxy(
    url: str, *, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = "http://proxy.test:3128"
    given = proxied(
        http_proxy=proxy, https_proxy=proxy, no_proxy=[".internal.test", "192.0.2.0/24"]
    )
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name.upper(), given[name.upper()])
    assert bool(get_environ_proxies(url)) is not direct


def test_without_a_proxy_there_are_no_variables() -> None:
    assert proxied() == {}
    assert proxied(https_proxy="http://proxy.test:3128").keys() == {"HTTPS_PROXY", "NO_PROXY"}


def test_the_name_of_an_application_credential_rolls_the_pods_and_its_secret_does_not() -> None:
    first, same, next_one = controller("a", "k-1"), controller("b", "k-1"), controller("a", "k-2")
    assert first["spec"]["template"] == same["spec"]["template"]
    assert first["spec"]["template"] != next_one["spec"]["template"]
    annotations = next_one["spec"]["template"]["metadata"]["annotations"]
    assert annotations[controllers.CREDENTIAL_ANNOTATION] == "k-2"


def rules(combination: Combination, account: str) -> list[dict[str, Any]]:
    [role] = [
        item
        for item in rendered(combination.site)
        if item["kind"] == "ClusterRole" and item["metadata"]["name"] == account
    ]
    return list(role["rules"])


@pytest.mark.parametrize("combination", ALL, ids=str)
def test_roles_hold_no_wildcard_and_delete_only_what_is_kuryrs_own(
    combination: Combination,
) -> None:
    for rule in rules(combination, "kuryr-controller") + rules(combination, "kuryr-daemon"):
        assert "*" not in {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}
        changes = {"create", "delete", "deletecollection", "update"} & set(rule["verbs"])
        own = rule["apiGroups"] == ["openstack.org"] or rule["resources"] == ["events"]
        assert own or not changes


@pytest.mark.parametrize("combination", ALL, ids=str)
def test_daemons_make_events_and_look_at_the_rest(combination: Combination) -> None:
    for rule in rules(combination, "kuryr-daemon"):
        looks = set(rule["verbs"]) <= {"get", "list", "watch"}
        assert looks or (rule["resources"], rule["verbs"]) == (["events"], ["create"])


def of_release(name: str) -> Site:
    return next(c.site for c in ALL if c.release == name)


def test_custom_resources_are_defined_before_the_controller_that_watches_them() -> None:
    site = of_release("victoria")
    objects = controllers.controller_manifests(site, IMAGE, config(SECRET_WORD))
    definitions = [item for item in objects if item["kind"] == "CustomResourceDefinition"]
    assert len(definitions) == 4
    assert objects[-1]["kind"] == "Deployment"
    for item in definitions:
        [version] = item["spec"]["versions"]
        plural, group = item["spec"]["names"]["plural"], item["spec"]["group"]
        assert item["metadata"]["name"] == f"{plural}.{group}"
        assert "namespace" not in item["metadata"]
        assert "subresources" not in version
        assert manifests.made_for(site, item)


def test_a_list_of_plugins_takes_the_place_of_a_single_one() -> None:
    site = of_release("victoria")
    assert json.loads(daemons.cni_conf(site))["plugins"] == [{"type": "kuryr-cni"}]
    script = daemons.install_script(site).splitlines()
    brought = script.index("mv -f /cni-conf/.10-kuryr.conflist /cni-conf/10-kuryr.conflist")
    assert script[brought + 1] == "rm -f /cni-conf/10-kuryr.conf", "it comes first by name"
    assert "/cni-conf/10-kuryr.conflist" in daemons.remove_script(site)


def test_only_the_driver_that_plugs_into_open_vswitch_sees_its_socket() -> None:
    for combination in ALL:
        objects = json.dumps(rendered(combination.site))
        plugs = combination.driver is VifDriver.NEUTRON_VIF
        assert ("/var/run/openvswitch" in objects) is plugs


def test_controller_and_daemon_have_service_accounts_of_their_own() -> None:
    assert controller()["spec"]["template"]["spec"]["serviceAccountName"] == "kuryr-controller"
    assert daemon()["spec"]["template"]["spec"]["serviceAccountName"] == "kuryr-daemon"


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({manifests.MANAGED_BY: "Helm"}, False),
        ({manifests.INSTANCE: "other"}, False),
        ({"kubernetes.io/metadata.name": "demo"}, True),
    ],
)
def test_an_object_is_ours_by_mark_and_site(changes: dict[str, str], *, ours: bool) -> None:
    labels = {**manifests.labels(site(), "demo"), **changes}
    assert manifests.made_for(site(), {"metadata": {"labels": labels}}) is ours
    assert not manifests.made_for(site(), {"metadata": {"labels": {}}})


def test_the_configuration_is_installed_last_and_whole() -> None:
    script = daemons.install_script(site()).splitlines()
    plugin = next(
        i for i, line in enumerate(script) if line.startswith("cp /opt/kuryr-cni/kuryr-cni")
    )
    conf = next(i for i, line in enumerate(script) if line.startswith("mv -f /cni-conf/."))
    assert plugin < conf


def test_a_preinstalled_plugin_is_checked_and_not_assumed() -> None:
    script = daemons.install_script(site("preinstalled"))
    assert "test -x /cni-bin/kuryr-cni" in script
    assert "exit 1" in script
    assert "cp /opt/kuryr-cni/kuryr-cni" not in script


def test_the_go_plugins_configuration_names_no_file_on_the_host() -> None:
    assert json.loads(daemons.cni_conf(site())) == {
        "cniVersion": "0.3.1",
        "name": "kuryr",
        "type": "kuryr-cni",
    }
    paths = {
        v.get("hostPath", {}).get("path") for v in daemon()["spec"]["template"]["spec"]["volumes"]
    }
    assert "/etc/kuryr" not in paths
    assert "/etc" not in paths


def test_new_network_namespaces_show_up_in_a_running_daemon() -> None:
    [container] = daemon()["spec"]["template"]["spec"]["containers"]
    netns = next(m for m in container["volumeMounts"] if m["name"] == "netns")
    assert netns["mountPropagation"] == "HostToContainer"
    assert "netns" not in {
        m["name"] for m in daemon()["spec"]["template"]["spec"]["initContainers"][0]["volumeMounts"]
    }


def test_teardown_takes_from_the_nodes_only_what_was_put_there() -> None:
    assert "/cni-bin/kuryr-cni" in daemons.remove_script(site())
    assert "/cni-bin" not in daemons.remove_script(site("preinstalled"))
    assert "/cni-conf/10-kuryr.conf" in daemons.remove_script(site("preinstalled"))
