"""The lab's OpenStack: Keystone, Neutron and Octavia, with a project ready for an operator."""

from __future__ import annotations

from kuryr_runbook.lab.openstack.clients import connect, explained
from kuryr_runbook.lab.openstack.configuration import Files
from kuryr_runbook.lab.openstack.installation import install, remove_others
from kuryr_runbook.lab.openstack.passwords import ensure_passwords
from kuryr_runbook.lab.openstack.services import (
    make_databases,
    programs,
    start,
    write_clouds_yaml,
    write_files,
)
from kuryr_runbook.lab.openstack.tenant import NodePort, Tenant, ensure_tenant, read_tenant
from kuryr_runbook.lab.programs import Lab

__all__ = ["NodePort", "Tenant", "connect", "install", "programs", "read_tenant", "up"]


def up(lab: Lab) -> None:
    """Bring the cloud up, from nothing or from any state in between.

    Needs INTERNET_NS with CLOUD_ADDRESS. If everything is there, it only takes a few list calls.
    """
    from kuryr_runbook.lab.openstack.bootstrap import bootstrap

    settings = lab.settings
    venv = install(lab)
    passwords = ensure_passwords(Files(settings).passwords)
    write_files(settings, passwords, venv)
    make_databases(lab, passwords, venv)
    start(lab)
    with explained():
        bootstrap(connect(settings, "admin"), passwords)
        ensure_tenant(settings)
    write_clouds_yaml(settings, passwords)
    remove_others(settings)
