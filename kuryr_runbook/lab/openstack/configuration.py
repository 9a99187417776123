"""Configuration of the three services and their clients, rendered from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.lab import settings as names
from kuryr_runbook.lab.openstack.passwords import Passwords
from kuryr_runbook.lab.ovn.places import places
from kuryr_runbook.lab.settings import LabSettings

Sections = Mapping[str, Mapping[str, object]]

DOMAIN = "Default"
SERVICE_PROJECT = "service"
PORTS = {
    "keystone": names.KEYSTONE_PORT,
    "neutron": names.NEUTRON_PORT,
    "octavia": names.OCTAVIA_PORT,
}
SERVICES = tuple(PORTS)
"""In the order of their dependencies."""
CATALOG = {"neutron": "network", "octavia": "load-balancer"}
"""The types of the services that Keystone's own bootstrap does not put into its catalogue."""
UNLIMITED = -1
LOCK_TIMEOUT = 60
"""Seconds that a writer waits for the database."""

LOG_LEVELS = ",".join(
    (
        "sqlalchemy=WARNING",
        "keystonemiddleware=WARNING",
        "keystoneauth=WARNING",
        # They warn about what the lab does not have: Nova, Glance, Cinder, memcached.
        "openstack=ERROR",
        "stevedore=CRITICAL",
        "urllib3.connectionpool=ERROR",
    )
)

KURYR_ROLE = "kuryr"
"""A role for Kuryr alone, which the policies below allow what is otherwise for admins only."""

PORT_BINDING = {
    "create_port:binding:host_id": f"rule:admin_only or rule:service_api or role:{KURYR_ROLE}"
}
"""Changes the only rule in Neutron's default policy for which Kuryr needs an admin."""

LOAD_BALANCER_ROLES = {
    "context_is_admin": "role:admin or role:load-balancer_admin",
    "load-balancer:admin": "is_admin:True or role:admin or role:load-balancer_admin",
    "load-balancer:global_observer": "role:load-balancer_global_observer",
    "load-balancer:member_and_owner": (
        f"(role:load-balancer_member or role:{KURYR_ROLE}) and rule:load-balancer:owner"
    ),
    "load-balancer:observer_and_owner": (
        "role:load-balancer_observer and rule:load-balancer:owner"
    ),
    "load-balancer:quota-admin": "role:load-balancer_quota_admin",
}
"""Octavia's own role policy ("advanced RBAC"): plain members may not use load balancers."""

POLICIES: Mapping[str, Mapping[str, str]] = {
    "neutron": PORT_BINDING,
    "octavia": LOAD_BALANCER_ROLES,
}
"""Differences from the default policy, by service."""


@dataclass(frozen=True, slots=True)
class Files:
    """The paths of the cloud's files."""

    settings: LabSettings

    @property
    def root(self) -> Path:
        """Directory of the cloud's state, readable only by its owner."""
        return self.settings.state / "openstack"

    @property
    def passwords(self) -> Path:
        """The secrets, as JSON."""
        return self.root / "passwords.json"

    @property
    def octavia_ca_key(self) -> Path:
        """The CA's key, encrypted, for Octavia."""
        return self.root / "octavia-ca.key"

    @property
    def agent_sockets(self) -> Mapping[str, Path]:
        """The sockets of Octavia's driver agent, by purpose."""
        return {name: self.root / f"{name}.sock" for name in ("status", "stats", "get")}

    @property
    def certificate_name(self) -> str:
        """Name in the lab's PKI of the certificate that all three services use."""
        return "openstack"

    def configuration(self, service: str) -> Path:
        """A service's configuration file."""
        return self.root / f"{service}.conf"

    def policy(self, service: str) -> Path:
        """A service's policy file, if it is in POLICIES."""
        return self.root / f"{service}-policy.yaml"

    def database(self, service: str) -> Path:
        """A service's database."""
        return self.root / f"{service}.sqlite"


def url(service: str) -> str:
    """A service's URL, without a path."""
    return f"https://{names.CLOUD_ADDRESS}:{PORTS[service]}"


def auth_url() -> str:
    """Keystone's v3 API."""
    return f"{url('keystone')}/v3"


def keystone_sections(settings: LabSettings) -> Sections:
    """Configuration of Keystone."""
    files = Files(settings)
    tokens = {"key_repository": files.root / "fernet-keys"}
    return {
        "DEFAULT": {"public_endpoint": url("keystone"), "default_log_levels": LOG_LEVELS},
        "database": _database(files, "keystone"),
        "token": {"provider": "fernet", "expiration": 86400},
        "fernet_tokens": tokens,
        "fernet_receipts": tokens,
        "credential": {"key_repository": files.root / "credential-keys"},
        # Hashing makes logins slow, and these passwords are random 128-bit values anyway.
        "identity": {"password_hash_rounds": 4, "max_password_length": 72},
        "cache": {"enabled": True, "backend": "oslo_cache.dict", "expiration_time": 600},
    }


def neutron_sections(settings: LabSettings, passwords: Passwords, venv: Path) -> Sections:
    """Configuration of Neutron."""
    files = Files(settings)
    resources = (
        *("network", "subnet", "port", "router", "floatingip"),
        *("security_group", "security_group_rule", "trunk"),
    )
    return {
        "DEFAULT": {
            "core_plugin": "ml2",
            "service_plugins": "ovn-router,trunk",
            "auth_strategy": "keystone",
            "transport_url": "fake:///",
            "api_paste_config": venv / "etc" / "neutron" / "api-paste.ini",
            "state_path": files.root / "neutron",
            "host": names.CHASSIS,
            "max_allowed_address_pair": settings.max_allowed_address_pair,
            "notify_nova_on_port_status_changes": False,
            "notify_nova_on_port_data_changes": False,
            "default_log_levels": LOG_LEVELS,
        },
        "database": _database(files, "neutron"),
        "keystone_authtoken": _token_validation(settings, "neutron", passwords.neutron),
        "oslo_policy": {"policy_file": files.policy("neutron")},
        "oslo_concurrency": {"lock_path": files.root / "neutron" / "lock"},
        "ml2": {
            "type_drivers": "flat,geneve",
            # From 2026.1 on it is called project_network_types, but this name still works.
            "tenant_network_types": "geneve",
            "mechanism_drivers": "ovn",
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": names.PHYSICAL_NETWORK},
        "ml2_type_geneve": {"vni_ranges": "1:2000", "max_header_size": 38},
        "ovn": {
            **_ovn(settings),
            # Nothing here uses metadata, and all traffic leaves through the only chassis.
            "ovn_metadata_enabled": False,
            "enable_distributed_floating_ip": False,
        },
        "quotas": {f"quota_{resource}": UNLIMITED for resource in resources},
    }


def octavia_sections(settings: LabSettings, passwords: Passwords) -> Sections:
    """Configuration of Octavia, API and worker."""
    files = Files(settings)
    login = _login(settings, "octavia", passwords.octavia)
    return {
        "DEFAULT": {
            "transport_url": "fake:///",
            "host": names.CHASSIS,
            "default_log_levels": LOG_LEVELS,
        },
        "lab": {"amphora_host": names.CHASSIS, "amphora_owner": names.AMPHORA_OWNER},
        "api_settings": {
            "auth_strategy": "keystone",
            "enabled_provider_drivers": ", ".join(
                f"{name}:{text}" for name, text in _providers(settings).items()
            ),
            "default_provider_driver": "amphora",
        },
        # Unless it is empty, pool_timeout is passed to SQLite's pool, which does not know it.
        "database": _database(files, "octavia") | {"pool_timeout": ""},
        "keystone_authtoken": _token_validation(settings, "octavia", passwords.octavia),
        "service_auth": login,
        "neutron": {
            "region_name": names.REGION,
            "endpoint_override": url("neutron"),
            "valid_interfaces": "public",
            "cafile": settings.ca,
        },
        "oslo_policy": {"policy_file": files.policy("octavia"), "enforce_new_defaults": True},
        "oslo_messaging": {"topic": "octavia_prov"},
        "controller_worker": {
            "amphora_driver": "amphora_noop_driver",
            "compute_driver": "compute_lab_driver",
            "network_driver": "allowed_address_pairs_driver",
            "image_driver": "image_noop_driver",
            "volume_driver": "volume_noop_driver",
            "amp_flavor_id": "lab",
            "amp_image_tag": "amphora",
            "loadbalancer_topology": "SINGLE",
            "client_ca": settings.ca,
        },
        "certificates": {
            "cert_manager": "local_cert_manager",
            "cert_generator": "local_cert_generator",
            "ca_certificate": settings.ca,
            "ca_private_key": files.octavia_ca_key,
            "ca_private_key_passphrase": passwords.ca_passphrase,
            "server_certs_key_passphrase": passwords.certificate_passphrase,
        },
        "health_manager": {"heartbeat_key": passwords.heartbeat},
        "driver_agent": {
            "enabled_provider_agents": "ovn" if settings.octavia_ovn else "",
            **{f"{name}_socket_path": path for name, path in files.agent_sockets.items()},
        },
        "ovn": _ovn(settings),
    }


def _providers(settings: LabSettings) -> Mapping[str, str]:
    """Octavia's providers, each with the description that the API shows."""
    amphora = {"amphora": "Amphorae made by the compute agent"}
    return amphora | ({"ovn": "Load balancers of OVN"} if settings.octavia_ovn else {})


def _ovn(settings: LabSettings) -> Mapping[str, object]:
    """The connections to OVN's databases."""
    remote = places(settings).remote
    return {"ovn_nb_connection": remote, "ovn_sb_connection": remote}


def render(sections: Sections) -> str:
    """The sections in oslo.config's INI dialect."""
    blocks = (
        f"[{section}]\n" + "".join(f"{key} = {_plain(value)}\n" for key, value in options.items())
        for section, options in sections.items()
    )
    return "\n".join(blocks)


def clouds(settings: LabSettings, passwords: Passwords) -> dict[str, dict[str, Any]]:
    """The clouds of clouds.yaml, by name."""
    logins = {
        "admin": ("admin", passwords.admin),
        "k8s": (names.PROJECT, passwords.k8s),
        "kuryr": (names.PROJECT, passwords.kuryr),
        "member": (names.PROJECT, passwords.member),
        "lbmember": (names.PROJECT, passwords.lbmember),
    }
    return {
        cloud: {
            "auth": {
                "auth_url": auth_url(),
                "username": cloud,
                "password": password,
                "project_name": project,
                "user_domain_name": DOMAIN,
                "project_domain_name": DOMAIN,
            },
            "region_name": names.REGION,
            "identity_api_version": "3",
            "cacert": str(settings.ca),
        }
        for cloud, (project, password) in logins.items()
    }


def _database(files: Files, service: str) -> dict[str, object]:
    return {
        "connection": f"sqlite:///{files.database(service)}?timeout={LOCK_TIMEOUT}",
        "sqlite_synchronous": False,
    }


def _login(settings: LabSettings, user: str, password: str) -> dict[str, object]:
    return {
        "www_authenticate_uri": url("keystone"),
        "auth_type": "password",
        "auth_url": auth_url(),
        "username": user,
        "password": password,
        "project_name": SERVICE_PROJECT,
        "user_domain_name": DOMAIN,
        "project_domain_name": DOMAIN,
        "region_name": names.REGION,
        "cafile": settings.ca,
    }


def _token_validation(settings: LabSettings, service: str, password: str) -> dict[str, object]:
    """How a service validates tokens; without its type it refuses those with access rules."""
    return _login(settings, service, password) | {"service_type": CATALOG[service]}


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
