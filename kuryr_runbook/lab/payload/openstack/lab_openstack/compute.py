"""The lab's compute service for Octavia: amphorae that consist only of their Neutron ports.

The lab's compute agent runs a haproxy in place of an amphora. All that is left of Nova's work is
binding the amphora's ports.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from octavia.common import clients, constants, data_models
from octavia.compute import compute_base
from oslo_utils import uuidutils

from .options import lab_options


class Attachment(NamedTuple):
    """The fields of Nova's interface attachment that Octavia reads."""

    net_id: str
    port_id: str
    fixed_ips: list[dict[str, str]]


class ServerGroup(NamedTuple):
    """The field of Nova's server group that Octavia reads."""

    id: str


class LabComputeDriver(compute_base.ComputeBase):
    """Amphorae exist as soon as they are requested; their ports are bound to the lab's host."""

    def build(self, *args: Any, **kwargs: Any) -> str:
        """Return the id of a new amphora, which needs no building."""
        return str(uuidutils.generate_uuid())

    def delete(self, compute_id: str) -> None:
        """Unbind the remaining ports, as Nova does when a server is deleted."""
        neutron = _neutron()
        for port in list(neutron.ports(device_id=compute_id)):
            _release(neutron, port.id)

    def status(self, compute_id: str) -> str:
        """An amphora is always up."""
        return constants.UP

    def get_amphora(
        self, compute_id: str, management_network_id: str | None = None
    ) -> tuple[data_models.Amphora, None]:
        """Return the amphora, ACTIVE; it has no address on a management network."""
        return data_models.Amphora(compute_id=compute_id, status=constants.ACTIVE), None

    def create_server_group(self, name: str, policy: str) -> ServerGroup:
        """Return a group, which has no meaning with one host."""
        return ServerGroup(uuidutils.generate_uuid())

    def delete_server_group(self, server_group_id: str) -> None:
        """Do nothing, since nothing was created."""

    def attach_network_or_port(
        self,
        compute_id: str,
        network_id: str | None = None,
        ip_address: str | None = None,
        port_id: str | None = None,
    ) -> Attachment:
        """Bind the port, or a new one on the network, to the amphora."""
        neutron = _neutron()
        if port_id is None:
            wanted = [{"ip_address": ip_address}] if ip_address else None
            extra = {"fixed_ips": wanted} if wanted else {}
            port_id = neutron.create_port(network_id=network_id, **extra).id
        port = neutron.update_port(
            port_id,
            device_id=compute_id,
            device_owner=lab_options().amphora_owner,
            binding_host_id=lab_options().amphora_host,
        )
        return Attachment(port.network_id, port.id, port.fixed_ips)

    def detach_port(self, compute_id: str, port_id: str) -> None:
        """Unbind the port."""
        _release(_neutron(), port_id)

    def validate_flavor(self, flavor_id: str) -> None:
        """Accept every flavour."""

    def validate_availability_zone(self, availability_zone: str) -> None:
        """Accept every zone."""


def _neutron() -> Any:
    return clients.NeutronAuth.get_neutron_client().network


def _release(neutron: Any, port_id: str) -> None:
    neutron.update_port(port_id, device_id="", device_owner="", binding_host_id="")
