"""Trunks at the API's level: trunk and subports come out ACTIVE as soon as they are wired."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from neutron.objects import ports
from neutron.services.trunk.drivers import base
from neutron_lib import constants, context
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.db import api as database
from neutron_lib.services.trunk import constants as trunks


class LabTrunkDriver(base.DriverBase):
    """The driver that Neutron's trunk plugin insists on."""

    @classmethod
    def create(cls) -> Self:
        """A driver for what the lab's mechanism driver binds."""
        return cls(
            "lab",
            interfaces=(portbindings.VIF_TYPE_OVS,),
            segmentation_types=(trunks.SEGMENTATION_TYPE_VLAN,),
            agent_type=None,
            can_trunk_bound_port=True,
        )

    @property
    def is_loaded(self) -> bool:
        """The mechanism driver made it, so it is."""
        return True

    @registry.receives(resources.TRUNK_PLUGIN, [events.AFTER_INIT])
    def register(self, resource: str, event: str, trigger: Any, payload: Any = None) -> None:
        """Neutron's call when the trunk plugin is up."""
        super().register(resource, event, trigger, payload=payload)
        registry.subscribe(_trunk_created, resources.TRUNK, events.AFTER_CREATE)
        registry.subscribe(_trunk_deleted, resources.TRUNK, events.AFTER_DELETE)
        registry.subscribe(_subports_added, resources.SUBPORTS, events.AFTER_CREATE)
        registry.subscribe(_subports_removed, resources.SUBPORTS, events.AFTER_DELETE)


def _trunk_created(_resource: str, _event: str, _trigger: object, payload: Any) -> None:
    trunk = payload.states[0]
    _wire(trunk.sub_ports)
    trunk.update(status=trunks.TRUNK_ACTIVE_STATUS)


def _trunk_deleted(_resource: str, _event: str, _trigger: object, payload: Any) -> None:
    _unwire(payload.states[0].sub_ports)


def _subports_added(_resource: str, _event: str, _trigger: object, payload: Any) -> None:
    _wire(payload.metadata["subports"])
    payload.states[0].update(status=trunks.TRUNK_ACTIVE_STATUS)


def _subports_removed(_resource: str, _event: str, _trigger: object, payload: Any) -> None:
    _unwire(payload.metadata["subports"])
    payload.states[0].update(status=trunks.TRUNK_ACTIVE_STATUS)


def _wire(subports: Iterable[Any]) -> None:
    _set_ports(subports, trunks.TRUNK_SUBPORT_OWNER, constants.PORT_STATUS_ACTIVE)


def _unwire(subports: Iterable[Any]) -> None:
    _set_ports(subports, "", constants.PORT_STATUS_DOWN)


def _set_ports(subports: Iterable[Any], owner: str, status: str) -> None:
    admin = context.get_admin_context()
    for subport in subports:
        with database.CONTEXT_WRITER.using(admin):
            port = ports.Port.get_object(admin, id=subport.port_id)
            if port:
                port.device_owner = owner
                port.status = status
                port.update()
