"""Connections to the lab's cloud that only depend on the lab's own files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kuryr_runbook.lab.openstack import configuration
from kuryr_runbook.lab.openstack.passwords import read_passwords
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import LabError

if TYPE_CHECKING:
    from openstack.connection import Connection


def connect(settings: LabSettings, cloud: str) -> Connection:
    """Return a connection as `cloud`: admin, k8s, kuryr, member or lbmember.

    OS_* variables and the operator's own clouds.yaml are ignored.
    """
    import openstack

    passwords = read_passwords(configuration.Files(settings).passwords)
    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        **configuration.clouds(settings, passwords)[cloud],
    )


@contextmanager
def explained() -> Iterator[None]:
    """Turn the SDK's exceptions into a LabError that says where to look."""
    from keystoneauth1.exceptions import ClientException
    from openstack.exceptions import SDKException

    try:
        yield
    except (ClientException, SDKException) as error:
        raise LabError(
            f"the lab's cloud at {configuration.auth_url()} refused what it should grant: {error}",
            remedy="see `kuryr-runbook lab logs keystone` (neutron, octavia); a cloud whose state "
            "is damaged goes with `kuryr-runbook lab destroy`",
        ) from error
