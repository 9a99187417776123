"""Connections to the lab's cloud that depend on nothing but the lab's own files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kuryr_runbook.lab.openstack import configuration
from kuryr_runbook.lab.openstack.passwords import ensure_passwords
from kuryr_runbook.lab.settings import LabSettings

if TYPE_CHECKING:
    from openstack.connection import Connection


def connect(settings: LabSettings, cloud: str) -> Connection:
    """Return a connection as `cloud`: admin, k8s, member or lbmember.

    Neither OS_* variables nor a clouds.yaml of the operator have a say.
    """
    import openstack

    passwords = ensure_passwords(configuration.Files(settings).passwords)
    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        **configuration.clouds(settings, passwords)[cloud],
    )
