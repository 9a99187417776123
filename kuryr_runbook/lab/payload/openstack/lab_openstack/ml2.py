"""Neutron's back end of the lab: answers at once what agents would report later.

The fabric agent makes the data plane from Neutron's API, so nothing is sent from here.
"""

from __future__ import annotations

from typing import Any

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins import constants as plugins
from neutron_lib.plugins import directory
from neutron_lib.plugins.ml2 import api

from .options import lab_options
from .trunk import LabTrunkDriver

ROUTER_OWNERS = (constants.DEVICE_OWNER_ROUTER_INTF, constants.DEVICE_OWNER_ROUTER_GW)


class LabMechanismDriver(api.MechanismDriver):
    """Binds the ports of the lab's hosts; router ports and used floating IPs are ACTIVE."""

    connectivity = portbindings.CONNECTIVITY_L2

    def initialize(self) -> None:
        """Neutron's call when it has read its configuration."""
        self.hosts = frozenset(lab_options().hosts)
        self.trunk_driver = LabTrunkDriver.create()
        for event in (events.AFTER_CREATE, events.AFTER_UPDATE):
            registry.subscribe(_report_floating_ip, resources.FLOATING_IP, event)

    def bind_port(self, context: api.PortContext) -> None:
        """Bind on the lab's hosts only; anywhere else Neutron says binding_failed."""
        if context.host not in self.hosts:
            return
        for segment in context.segments_to_bind:
            context.set_binding(
                segment[api.ID],
                portbindings.VIF_TYPE_OVS,
                {
                    portbindings.CAP_PORT_FILTER: True,
                    portbindings.OVS_HYBRID_PLUG: False,
                    portbindings.VIF_DETAILS_CONNECTIVITY: self.connectivity,
                },
                status=constants.PORT_STATUS_ACTIVE,
            )
            return

    def create_port_postcommit(self, context: api.PortContext) -> None:
        """Report router ports ACTIVE, as the L3 agent would."""
        _report_router_port(context)

    def update_port_postcommit(self, context: api.PortContext) -> None:
        """Report router ports ACTIVE, as the L3 agent would."""
        _report_router_port(context)

    def check_vlan_transparency(self, context: api.NetworkContext) -> bool:
        """The lab's bridges do not look at VLAN tags."""
        return True


def _report_router_port(port: api.PortContext) -> None:
    current = port.current
    if (
        current["device_owner"] in ROUTER_OWNERS
        and current["status"] != constants.PORT_STATUS_ACTIVE
    ):
        directory.get_plugin().update_port_status(
            port.plugin_context, current["id"], constants.PORT_STATUS_ACTIVE
        )


def _report_floating_ip(_resource: str, _event: str, _trigger: object, payload: Any) -> None:
    """ACTIVE while associated, else DOWN, as the L3 agent would report it."""
    # The caller's session: when a port is deleted, this runs inside of the transaction that does.
    admin = payload.context.elevated()
    floating_ip = payload.latest_state
    status = (
        constants.FLOATINGIP_STATUS_ACTIVE
        if floating_ip["port_id"]
        else constants.FLOATINGIP_STATUS_DOWN
    )
    directory.get_plugin(plugins.L3).update_floatingip_status(admin, payload.resource_id, status)
