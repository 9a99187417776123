"""kuryr.conf for a release and a VIF driver, rendered as the INI text that oslo.config reads.

Source of the options: kuryr-kubernetes `config.py`, kuryr-lib `opts.py`.
"""

from __future__ import annotations

import configparser
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kuryr_runbook.model.drivers import VifDriver
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.port_pools import NO_POOL
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.support import IDLE_OPTIONS

CONF_DIRECTORY = "/etc/kuryr"
CONF_FILE = f"{CONF_DIRECTORY}/kuryr.conf"
CA_DIRECTORY = "/etc/os_credentials"
CA_FILE = f"{CA_DIRECTORY}/os_ca.crt"
LOCK_DIRECTORY = "/var/lib/kuryr-lock"
PROC_DIRECTORY = "/host_proc"
OVSDB = "unix:/var/run/openvswitch/db.sock"
"""The database of the node's Open vSwitch."""
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

Conf = dict[str, dict[str, str]]
"""Sections, with their options."""

AUTH_OPTIONS = {
    "auth_url": "auth_url",
    "username": "username",
    "password": "password",
    "project_name": "project_name",
    "project_id": "project_id",
    "user_domain_name": "user_domain_name",
    "user_domain_id": "user_domain_id",
    "project_domain_name": "project_domain_name",
    "project_domain_id": "project_domain_id",
}
"""Keys of clouds.yaml's `auth` that keystoneauth's password plugin also accepts in kuryr.conf."""

LOGIN = "neutron"
"""The section with Kuryr's login."""
CREDENTIAL_SECRET = "application_credential_secret"  # noqa: S105 - the name of an option
CREDENTIAL_OPTIONS = (
    "auth_url",
    "application_credential_id",
    "application_credential_name",
    CREDENTIAL_SECRET,
    "username",
    "user_id",
    "user_domain_name",
    "user_domain_id",
)
"""The same for its plugin v3applicationcredential, which refuses a project's options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KuryrIds:
    """The ids that Kuryr uses, under the original's names."""

    k8s_project_id: str
    external_network_id: str
    node_subnet_id: str
    kuryr_pod_subnet_id: str
    kuryr_service_subnet_id: str
    pod_security_group_id: str
    router_id: str
    namespace_pool_id: str
    """Empty if namespaces have no subnets of their own."""


def controller_conf(site: Site, ids: KuryrIds, neutron: Mapping[str, str], api_root: str) -> Conf:
    """The controller's configuration. It contains the password, so it may only go into a Secret.

    `neutron` is the section with the login, from `login`.
    """
    return {
        "DEFAULT": _logging(site),
        "neutron": dict(neutron),
        "neutron_defaults": _neutron_defaults(site, ids) | _resource_tags(site) | _bridge(site),
        "pod_vif_nested": {site.release.worker_subnet_option: ids.node_subnet_id},
        **_segmentation(site),
        **_namespaces(site, ids),
        "octavia_defaults": dict(site.provider.options) | _idle(site),
        "kubernetes": _kubernetes(site, api_root)
        | _octavia_provider(site)
        | {
            "enabled_handlers": ",".join(_handlers(site)),
            "pod_vif_driver": site.release.vif_drivers[site.kuryr.vif_driver],
            "vif_pool_driver": _pool_driver(site),
        }
        | _drivers(site),
        **_pool(site),
        "health_server": {"port": str(site.release.health_ports.controller)},
        "oslo_concurrency": {"lock_path": LOCK_DIRECTORY},
    }


def _handlers(site: Site) -> tuple[str, ...]:
    return (*site.release.handlers, *(name for it in site.extensions for name in it.handlers))


def _drivers(site: Site) -> dict[str, str]:
    """Those that depend on namespaces and policies."""
    groups = ("pod_security_groups_driver", "service_security_groups_driver")
    enabled = site.network.namespace_subnets.enabled
    subnets = {"pod_subnets_driver": "namespace"} if enabled else {}
    return subnets | (dict.fromkeys(groups, "policy") if site.kuryr.network_policies else {})


def _namespaces(site: Site, ids: KuryrIds) -> Conf:
    if not site.network.namespace_subnets.enabled:
        return {}
    return {
        "namespace_subnet": {
            "pod_router": ids.router_id,
            "pod_subnet_pool": ids.namespace_pool_id,
        }
    }


def _segmentation(site: Site) -> Conf:
    """kuryr-lib allocates VLAN ids only if this names its driver for them, and not by default.

    Source: kuryr-lib 2.1.0 to 3.0.0, segmentation_type_drivers. Without it every pod of nested-vlan
    fails with `'str' object has no attribute 'allocate_segmentation_id'`, as seen with 2024.1.
    """
    if site.kuryr.vif_driver is not VifDriver.NESTED_VLAN:
        return {}
    return {"binding": {"default_driver": "kuryr.lib.binding.drivers.vlan"}}


def daemon_conf(site: Site, api_root: str, *, dockershim: bool) -> Conf:
    """The daemon's configuration: how to reach Kubernetes and plug a pod, without credentials.

    With dockershim the network namespace's path is below /proc, which the pod sees as /host_proc;
    containerd and CRI-O bind it to /var/run/netns.
    """
    docker = {"docker_mode": "true", "netns_proc_dir": PROC_DIRECTORY}
    conf: Conf = {
        "DEFAULT": _logging(site),
        "binding": {"link_iface": site.kuryr.link_iface},
        "kubernetes": _kubernetes(site, api_root),
        "cni_daemon": {
            "bind_address": site.release.cni_plugin.daemon_address,
            "vif_annotation_timeout": str(site.kuryr.pod_plug_seconds),
            **(docker if dockershim else {"docker_mode": "false"}),
        },
        "cni_health_server": {"port": str(site.release.health_ports.daemon)},
        "oslo_concurrency": {"lock_path": LOCK_DIRECTORY},
    }
    if site.driver.plugs_into_ovs:
        conf["neutron_defaults"] = _bridge(site)
        # os-vif would look for the switch's database at a TCP port, where nobody serves it.
        conf["os_vif_ovs"] = {"ovsdb_connection": OVSDB}
        helper = {"helper_command": "privsep-helper"}
        conf["vif_plug_ovs_privileged"] = helper
        conf["vif_plug_linux_bridge_privileged"] = helper
    return conf


def render_conf(conf: Conf) -> str:
    """The INI text, from which oslo.config reads the same values. Raises UsageError.

    A value that does not fit into a single line is refused. Source of the rest: oslo.config,
    iniparser.py and cfg.py, `_substitute`.
    """
    blocks = []
    for section, options in conf.items():
        for name, value in options.items():
            _refuse_lines(value, f"{section}.{name}")
        lines = [f"{name} = {_written(value)}".rstrip() for name, value in options.items()]
        blocks.append("\n".join([f"[{section}]", *lines]))
    return "\n\n".join(blocks) + "\n"


def _refuse_lines(value: str, where: str) -> None:
    """Refuse what ends a line for any parser; the value may be a secret."""
    if any(unicodedata.category(letter) in UNWRITABLE for letter in value):
        raise UsageError(
            f"{where}: the value contains a line break or another control character, which "
            "kuryr.conf cannot contain",
            remedy="remove it where the value comes from: the cloud's entry, or the site file",
        )


UNWRITABLE: Final = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, lone surrogates and line separators."""
_QUOTES = ("'", '"')
_DOLLAR = re.compile(r"(\\)?\$")


def _written(value: str) -> str:
    """The value, written so that oslo.config reads it unchanged.

    oslo.config substitutes `$name`, so each `$` is doubled; for one after a backslash it does that
    itself, and removes the backslash. It strips blanks at both ends and then one pair of quotes, so
    a value that would be stripped is put into quotes.
    """
    is_quoted = value.startswith(_QUOTES) and value[0] == value[-1]
    text = f'"{value}"' if is_quoted or value != value.strip() else value
    return _DOLLAR.sub(lambda found: r"\\$" if found[1] else "$$", text)


def _read(text: str) -> str:
    """The inverse of `_written`."""
    if len(text) > 1 and text.startswith(_QUOTES) and text[0] == text[-1]:
        text = text[1:-1]
    return text.replace(r"\$", "$$").replace("$$", "$")


def option_names(site: Site) -> dict[str, set[str]]:
    """Every option that the site may write for controller or daemon, by section."""
    nothing = KuryrIds(**dict.fromkeys(KuryrIds.__slots__, ""))
    every_key = login(dict.fromkeys(AUTH_OPTIONS, "-"), "-", private_ca=True)
    files = [controller_conf(site, nothing, every_key, "")]
    files += [daemon_conf(site, "", dockershim=shim) for shim in (True, False)]
    names: dict[str, set[str]] = {}
    for conf in files:
        for section, options in conf.items():
            names.setdefault(section, set()).update(options)
    return names


def login(auth: Mapping[str, str], region: str, *, private_ca: bool) -> dict[str, str]:
    """The section `neutron`, from clouds.yaml's `auth`.

    Without a private CA the system's are trusted. Raises UsageError if Kuryr cannot use it.
    """
    for name, value in auth.items():
        _refuse_lines(value, f"{name} of the cloud's `auth`")
    if CREDENTIAL_SECRET in auth:
        options = {"auth_type": "v3applicationcredential"}
        options |= {key: value for key, value in auth.items() if key in CREDENTIAL_OPTIONS}
    else:
        options = {"auth_type": "password"} | _password(auth)
    if region:
        options["region_name"] = region
    if private_ca:
        options["cafile"] = CA_FILE
    return options


def logged_in(conf: Conf, credential_id: str, secret: str) -> Conf:
    """The configuration with the application credential's id and secret."""
    filled = {"application_credential_id": credential_id, CREDENTIAL_SECRET: secret}
    return {**conf, "neutron": conf["neutron"] | filled}


def parse_conf(text: str) -> Conf:
    """The sections of a rendered configuration; empty if it is not one of ours."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False, default_section="")
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {
        section: {name: _read(value) for name, value in parser.items(section)}
        for section in parser.sections()
    }


def parse_login(text: str) -> dict[str, str]:
    """The section of the login of a rendered configuration; empty when it is none of ours."""
    return parse_conf(text).get(LOGIN, {})


def _password(auth: Mapping[str, str]) -> dict[str, str]:
    missing = [name for name in ("auth_url", "username", "password") if not auth.get(name)]
    if missing:
        raise UsageError(
            f"the cloud's entry has no {', '.join(missing)}: Kuryr logs in with a user's password, "
            "or with an application credential",
            remedy="complete the entry's `auth` in clouds.yaml, or the OS_* variables",
        )
    return {AUTH_OPTIONS[key]: value for key, value in auth.items() if key in AUTH_OPTIONS}


def _neutron_defaults(site: Site, ids: KuryrIds) -> dict[str, str]:
    outside = site.network.external_subnet_id
    return {
        "project": ids.k8s_project_id,
        "pod_subnet": ids.kuryr_pod_subnet_id,
        "pod_security_groups": ids.pod_security_group_id,
        "service_subnet": ids.kuryr_service_subnet_id,
        "external_svc_net": ids.external_network_id,
        **({"external_svc_subnet": outside} if outside else {}),
        "lbaas_activation_timeout": str(site.kuryr.lb_activation_seconds),
    }


def _resource_tags(site: Site) -> dict[str, str]:
    tags = site.kuryr.resource_tags
    return {"resource_tags": ",".join(tags)} if tags else {}


def _pool_driver(site: Site) -> str:
    return site.driver.pool if site.kuryr.port_pool.enabled and site.driver.pool else NO_POOL


def _pool(site: Site) -> Conf:
    pool = site.kuryr.port_pool
    if not pool.enabled:
        return {}
    sizes = {
        "ports_pool_min": pool.min_ports,
        "ports_pool_batch": pool.batch,
        "ports_pool_max": pool.max_ports,
        "ports_pool_update_frequency": pool.update_seconds,
    }
    return {"vif_pool": {name: str(size) for name, size in sizes.items()}}


def _bridge(site: Site) -> dict[str, str]:
    """The bridge that pods are plugged into, which not every Neutron names in a port's details."""
    return {"ovs_bridge": "br-int"} if site.driver.plugs_into_ovs else {}


def _octavia_provider(site: Site) -> dict[str, str]:
    if not site.provider.is_named:
        return {}
    return {"endpoints_driver_octavia_provider": site.kuryr.octavia_provider}


def _logging(site: Site) -> dict[str, str]:
    debug = {"debug": "true"} if site.kuryr.log_level == "debug" else {}
    return {"use_stderr": "true", **debug}


def _idle(site: Site) -> dict[str, str]:
    seconds = site.kuryr.lb_idle_seconds
    return dict.fromkeys(IDLE_OPTIONS, str(1000 * seconds)) if seconds else {}


def _kubernetes(site: Site, api_root: str) -> dict[str, str]:
    return {
        "api_root": api_root,
        "watch_retry_timeout": str(site.kuryr.watch_retry_seconds),
        "ssl_ca_crt_file": f"{SERVICE_ACCOUNT}/ca.crt",
        "ssl_verify_server_crt": "true",
        "token_file": f"{SERVICE_ACCOUNT}/token",
    }
