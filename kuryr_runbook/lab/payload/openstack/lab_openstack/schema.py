"""Makes the database of one service, completely or not at all.

Neutron's and Octavia's migrations do not run on SQLite: their tables are made from the models, with
the rows that migrations would have inserted. Keystone's migrations do run, and its bootstrap (admin
user, roles, its own endpoints) is done here, too.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import sqlalchemy
from oslo_utils import uuidutils


def main() -> None:
    """Command line: service, configuration file, database file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", choices=sorted(SCHEMAS))
    parser.add_argument("--config-file", required=True)
    parser.add_argument("--database", type=Path, required=True)
    arguments = parser.parse_args()
    sys.argv = sys.argv[:1]  # the services' libraries read it, too
    database: Path = arguments.database
    # If one is left from an interrupted `up`, it loses its file, and fails instead of interfering.
    for leftover in database.parent.glob(f"{database.stem}.building-*"):
        leftover.unlink()
    building = database.with_suffix(f".building-{os.getpid()}")
    SCHEMAS[arguments.service](arguments.config_file, f"sqlite:///{building}")
    with sqlite3.connect(building) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # stored in the file
    connection.close()
    building.replace(database)


def make_keystone(config_file: str, url: str) -> None:
    """Migrate, make the token keys, and bootstrap the cloud's administrator.

    Needs OS_BOOTSTRAP_PASSWORD, OS_BOOTSTRAP_REGION_ID and OS_BOOTSTRAP_PUBLIC_URL.
    """
    from keystone import server
    from keystone.cmd import bootstrap
    from keystone.common import fernet_utils
    from keystone.common.sql import upgrades
    from keystone.conf import CONF as conf  # noqa: N811

    server.configure(config_files=[config_file])
    conf.set_override("connection", url, group="database")
    upgrades.offline_sync_database_to_version()
    for section in ("fernet_tokens", "credential"):
        keys = fernet_utils.FernetUtils(
            conf[section].key_repository,
            conf.fernet_tokens.max_active_keys,
            section,
        )
        keys.create_key_directory()
        keys.initialize_key_repository()
    cloud = bootstrap.Bootstrapper()
    cloud.admin_username = cloud.project_name = cloud.admin_role_name = "admin"
    cloud.admin_password = os.environ["OS_BOOTSTRAP_PASSWORD"]
    cloud.region_id = os.environ["OS_BOOTSTRAP_REGION_ID"]
    cloud.service_name = "keystone"
    cloud.public_url = cloud.internal_url = cloud.admin_url = os.environ["OS_BOOTSTRAP_PUBLIC_URL"]
    cloud.immutable_roles = True
    cloud.bootstrap()


def make_neutron(_config_file: str, url: str) -> None:
    """Make the tables, and the default rules, without which new security groups have no egress."""
    from neutron.db.migration.models import head

    tables = head.get_metadata()
    engine = sqlalchemy.create_engine(url)
    tables.create_all(engine)
    attributes = tables.tables["standardattributes"]
    rules = tables.tables["securitygroupdefaultrules"]
    with engine.begin() as connection:
        for direction, remote_group in (("egress", None), ("ingress", "PARENT")):
            for ether_type in ("IPv4", "IPv6"):
                attribute = connection.execute(
                    sqlalchemy.insert(attributes)
                    .values(
                        resource_type="securitygroupdefaultrules",
                        revision_number=0,
                        description=f"Default {direction} rule for {ether_type}",
                    )
                    .returning(attributes.c.id)
                ).scalar_one()
                connection.execute(
                    sqlalchemy.insert(rules).values(
                        id=uuidutils.generate_uuid(),
                        direction=direction,
                        ethertype=ether_type,
                        remote_group_id=remote_group,
                        used_in_default_sg=True,
                        used_in_non_default_sg=direction == "egress",
                        standard_attr_id=attribute,
                    )
                )
    engine.dispose()


def make_octavia(_config_file: str, url: str) -> None:
    """Make the tables, lookup tables, and the placeholders for deleted flavours and zones."""
    from octavia.common import constants as k
    from octavia.db import base_models, models

    lookups = {
        models.ProvisioningStatus: k.SUPPORTED_PROVISIONING_STATUSES,
        models.OperatingStatus: k.SUPPORTED_OPERATING_STATUSES,
        models.HealthMonitorType: k.SUPPORTED_HEALTH_MONITOR_TYPES,
        models.Algorithm: k.SUPPORTED_LB_ALGORITHMS,
        models.Protocol: k.SUPPORTED_PROTOCOLS,
        models.SessionPersistenceType: k.SUPPORTED_SP_TYPES,
        models.AmphoraRoles: k.SUPPORTED_AMPHORA_ROLES,
        models.LBTopology: k.SUPPORTED_LB_TOPOLOGIES,
        models.VRRPAuthMethod: k.SUPPORTED_VRRP_AUTH,
        models.L7RuleType: k.SUPPORTED_L7RULE_TYPES,
        models.L7RuleCompareType: k.SUPPORTED_L7RULE_COMPARE_TYPES,
        models.L7PolicyAction: k.SUPPORTED_L7POLICY_ACTIONS,
        models.ClientAuthenticationMode: k.SUPPORTED_CLIENT_AUTH_MODES,
    }
    deleted = {"name": "DELETED-PLACEHOLDER", "provider_name": k.DELETED}
    unusable = {"enabled": False, "description": "Placeholder for what was deleted"}
    rows = [(model, [{"name": name} for name in names]) for model, names in lookups.items()]
    rows += [
        (models.FlavorProfile, [deleted | {"id": k.NIL_UUID, "flavor_data": "{}"}]),
        (
            models.Flavor,
            [
                unusable
                | {"id": k.NIL_UUID, "flavor_profile_id": k.NIL_UUID, "name": deleted["name"]}
            ],
        ),
        (
            models.AvailabilityZoneProfile,
            [deleted | {"id": k.NIL_UUID, "availability_zone_data": "{}"}],
        ),
        (
            models.AvailabilityZone,
            [unusable | {"name": k.NIL_UUID, "availability_zone_profile_id": k.NIL_UUID}],
        ),
    ]
    engine = sqlalchemy.create_engine(url)
    base_models.BASE.metadata.create_all(engine)
    with engine.begin() as connection:
        for model, values in rows:
            connection.execute(sqlalchemy.insert(model.__table__), values)
    engine.dispose()


SCHEMAS: dict[str, Callable[[str, str], None]] = {
    "keystone": make_keystone,
    "neutron": make_neutron,
    "octavia": make_octavia,
}

if __name__ == "__main__":
    main()
