"""The Kubernetes objects of the Kuryr daemon, and the files that it puts on the nodes."""

from __future__ import annotations

import json
from typing import Any

from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.placement import resources
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs import kuryr_conf
from kuryr_runbook.specs.image import PLUGIN_PATH
from kuryr_runbook.specs.manifests import (
    PULL_SECRET,
    config_map,
    daemon_placement,
    digest,
    labels,
    metadata,
    pod_template,
    probe,
    program_metadata,
    role,
    service_account,
)
from kuryr_runbook.specs.privilege import (
    NODE_FILES,
    TMP,
    TMP_MOUNT,
    daemon_privilege,
    footprint,
    pod_security,
)

DAEMON = "kuryr-daemon"
CLEANER = "kuryr-cleaner"
DAEMON_CONFIG = "kuryr-daemon-config"
CNI_CONFIG = "kuryr-cni-conf"
PLUGIN = "kuryr-cni"

# The directory of ovsdb-server's socket on the node: the daemon plugs pods into the bridge with
# ovs-vsctl, which uses it.
OVS_VOLUME = {"name": "openvswitch", "hostPath": {"path": "/var/run/openvswitch"}}
OVS_MOUNT = {"name": "openvswitch", "mountPath": "/var/run/openvswitch", "readOnly": True}

# dockershim's network namespaces are named by processes of the node.
PROC_VOLUME = {"name": "proc", "hostPath": {"path": "/proc"}}
PROC_MOUNT = {"name": "proc", "mountPath": kuryr_conf.PROC_DIRECTORY, "readOnly": True}


def daemon_manifests(
    site: Site, image: str, conf: str, *, dockershim: bool = False
) -> list[Manifest]:
    """All objects of the daemon, in the order in which they are applied."""
    cni = cni_conf(site)
    return [
        config_map(site, DAEMON_CONFIG, {"kuryr.conf": conf}),
        config_map(site, CNI_CONFIG, {site.release.cni_file: cni}),
        service_account(site, DAEMON),
        *role(site, DAEMON, site.release.daemon_rules),
        _daemon_set(site, image, digest(conf, cni, install_script(site)), dockershim=dockershim),
    ]


def cni_conf(site: Site) -> str:
    """The kubelet's configuration. The Go plugin has no keys of its own, and knows the daemon.

    The one in Python finds it in kuryr.conf, at the daemon's place for that (cni/main.py).
    """
    head = {"cniVersion": "0.3.1", "name": "kuryr"}
    plugin = {"type": PLUGIN}
    if site.image.cni_plugin_language == "python":
        plugin["kuryr_conf"] = kuryr_conf.CONF_FILE
    is_list = site.release.cni_file.endswith(".conflist")
    return json.dumps(head | ({"plugins": [plugin]} if is_list else plugin)) + "\n"


def install_script(site: Site) -> str:
    """Puts plugin and CNI configuration on a node; the configuration last.

    The kubelet considers a node ready as soon as there is a configuration, so the plugin has to be
    there before. Both are moved into place as a whole. The last line shows which configuration the
    kubelet uses: the first by name.
    """
    bring = (
        f"cp {PLUGIN_PATH} /cni-bin/.{PLUGIN} && mv -f /cni-bin/.{PLUGIN} /cni-bin/{PLUGIN}"
        if site.kuryr.cni_plugin == "install"
        else f"test -x /cni-bin/{PLUGIN} || "
        f"{{ echo 'no executable {PLUGIN} in /opt/cni/bin of this node'; exit 1; }}"
    )
    file = site.release.cni_file
    return "\n".join(
        [
            "set -e",
            bring,
            f"cp /cni-source/{file} /cni-conf/.{file}",
            f"mv -f /cni-conf/.{file} /cni-conf/{file}",
            *_remove_earlier(file),
            'echo "plugin sha256: $(sha256sum < /cni-bin/' + PLUGIN + ' | cut -d" " -f1)"',
            'echo "first configuration: $(ls /cni-conf | head -n 1)"',
        ]
    )


def _remove_earlier(file: str) -> list[str]:
    """Removes other releases' files, which may be first by name, so that the kubelet uses them."""
    earlier = [f"/cni-conf/{name}" for name in _conf_files() if name < file]
    return [f"rm -f {' '.join(earlier)}"] if earlier else []


def _conf_files() -> list[str]:
    """The configuration's name in any release, since an upgrade may have been interrupted."""
    return sorted({release.cni_file for release in RELEASES.values()})


def remove_script(site: Site) -> str:
    """Removes what the init container put on a node; a preinstalled plugin stays.

    It repeats this every second, and at the end: a daemon that restarts would put it back.
    """
    files = [f"/cni-conf/{name}" for name in _conf_files()]
    if site.kuryr.cni_plugin == "install":
        files.append(f"/cni-bin/{PLUGIN}")
    remove = f"rm -f {' '.join(files)}"
    return f"trap '{remove}; exit' TERM\nwhile {remove}; do sleep 1; done"


def cleaner_manifest(site: Site, image: str) -> Manifest:
    """A DaemonSet that removes plugin and configuration from every node until it is deleted.

    It also shows, after an interrupted teardown, that nodes still have to be cleaned.
    """
    name = CLEANER
    gone = " && ".join(f"test ! -e /cni-conf/{file}" for file in _conf_files())
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": metadata(site, name),
        "spec": {
            "selector": {"matchLabels": {"name": name}},
            "template": {
                "metadata": {"labels": {"name": name, **labels(site, name)}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "hostNetwork": True,
                    **daemon_placement(site),
                    "terminationGracePeriodSeconds": 5,
                    "imagePullSecrets": [{"name": PULL_SECRET}],
                    "securityContext": pod_security(NODE_FILES),
                    "containers": [
                        {
                            "name": "cleaner",
                            "image": image,
                            "command": ["sh", "-c", remove_script(site)],
                            "securityContext": NODE_FILES.security_context,
                            "resources": footprint(cpu="10m", memory="16Mi", limit="128Mi"),
                            "readinessProbe": {
                                "exec": {"command": ["sh", "-c", gone]},
                                "periodSeconds": 1,
                            },
                            "volumeMounts": _cni_mounts(),
                        }
                    ],
                    "volumes": _cni_volumes(),
                },
            },
        },
    }


def daemon_reference(site: Site) -> Manifest:
    """A reference to the daemon's DaemonSet."""
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata(site, DAEMON)}


def _daemon_set(site: Site, image: str, config: str, *, dockershim: bool) -> Manifest:
    privilege = daemon_privilege(site, dockershim=dockershim)
    seen = [
        *([(PROC_VOLUME, PROC_MOUNT)] if dockershim else ()),
        *([(OVS_VOLUME, OVS_MOUNT)] if site.driver.plugs_into_ovs else ()),
    ]
    container = _daemon_container(site, image)
    container["securityContext"] = privilege.security_context
    container["volumeMounts"] += [mount for _, mount in seen]
    volumes = [*_daemon_volumes(), *(volume for volume, _ in seen), *_cni_volumes()]
    template = pod_template(site, DAEMON, config, privilege, [container], volumes)
    template["spec"].update(daemon_placement(site))
    template["spec"]["initContainers"] = [
        {
            "name": "install-cni",
            "image": image,
            "command": ["sh", "-c", install_script(site)],
            "securityContext": NODE_FILES.security_context,
            "resources": footprint(cpu="10m", memory="32Mi", limit="128Mi"),
            "volumeMounts": [
                *_cni_mounts(),
                {"name": "cni-source", "mountPath": "/cni-source", "readOnly": True},
            ],
        }
    ]
    return {
        **daemon_reference(site),
        "metadata": program_metadata(site, DAEMON),
        "spec": {
            "selector": {"matchLabels": {"name": DAEMON}},
            "updateStrategy": {"type": "RollingUpdate"},
            "template": template,
        },
    }


def _daemon_container(site: Site, image: str) -> dict[str, Any]:
    field = {"fieldRef": {"fieldPath": "spec.nodeName"}}
    pod_field = {"fieldRef": {"fieldPath": "metadata.name"}}
    return {
        "name": "daemon",
        "image": image,
        "command": ["kuryr-daemon", "--config-file", kuryr_conf.CONF_FILE],
        "env": [
            {"name": "KUBERNETES_NODE_NAME", "valueFrom": field},
            {"name": "KURYR_CNI_POD_NAME", "valueFrom": pod_field},
        ],
        "resources": resources(site.kuryr.daemon),
        "readinessProbe": probe("/ready", site.release.health_ports.daemon, delay=1),
        "livenessProbe": probe("/alive", site.release.health_ports.daemon, delay=60),
        "volumeMounts": [
            {"name": "config", "mountPath": kuryr_conf.CONF_DIRECTORY, "readOnly": True},
            {"name": "lock", "mountPath": kuryr_conf.LOCK_DIRECTORY},
            TMP_MOUNT,
            {
                "name": "netns",
                "mountPath": "/var/run/netns",
                "readOnly": True,
                # Namespaces created after the daemon's start have to be visible, too.
                "mountPropagation": "HostToContainer",
            },
        ],
    }


def _daemon_volumes() -> list[Manifest]:
    return [
        {"name": "config", "configMap": {"name": DAEMON_CONFIG}},
        {"name": "cni-source", "configMap": {"name": CNI_CONFIG}},
        {"name": "lock", "emptyDir": {}},
        TMP,
        {"name": "netns", "hostPath": {"path": "/var/run/netns"}},
    ]


def _cni_volumes() -> list[Manifest]:
    return [
        {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}}
        for name, path in (("cni-bin", "/opt/cni/bin"), ("cni-conf", "/etc/cni/net.d"))
    ]


def _cni_mounts() -> list[Manifest]:
    return [
        {"name": "cni-bin", "mountPath": "/cni-bin"},
        {"name": "cni-conf", "mountPath": "/cni-conf"},
    ]
