"""Neutron's ports, by whichever client the installed Kuryr has.

Stein and Train hold a neutronclient, later releases an openstacksdk. Which of them it is, Kuryr's
own module `clients` tells; both are reduced to what a driver of VIFs needs. Ports are read as
mappings, which both give.

A controller that meets an error which it does not know declares itself dead, and misses the pods
that end while it is started again: their ports and pairs stay. So a request that Neutron cannot
answer for the moment is repeated here, and then handed to Kuryr as what it tries again itself.
"""

import functools
import logging
import time
from typing import Any, Callable, List

from keystoneauth1 import exceptions as keystone_errors
from kuryr_kubernetes import clients
from kuryr_kubernetes import exceptions as kuryr_errors
from kuryr_kubernetes.controller.drivers import utils

Pair = Any
"""A mapping of ip_address and mac_address."""

PAUSES = (0.5, 1, 2, 4)
"""Seconds before a request is repeated, each time."""

SERVER_ERROR = 500
"""From this status on, HTTP's errors are those of the server or of a proxy before it."""

LOG = logging.getLogger(__name__)


def is_transient(error: Exception) -> bool:
    """Whether the same request may succeed later: no connection, or the server's own error."""
    status = getattr(error, "status_code", None) or getattr(error, "http_status", None) or 0
    return isinstance(error, keystone_errors.ConnectionError) or status >= SERVER_ERROR


def patient(*pauses: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Repeat a request after each of the pauses; without any, it is made once.

    What then still has no answer is ResourceNotReady: Kuryr repeats the whole event for 3 minutes.
    """

    def decorate(ask: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(ask)
        def asked(*arguments: Any) -> Any:
            for pause in (*pauses, None):
                try:
                    return ask(*arguments)
                except Exception as error:
                    if not is_transient(error):
                        raise
                    LOG.warning("Neutron has no answer for now: %s", error)
                    if pause is None:
                        raise kuryr_errors.ResourceNotReady("Neutron") from error
                    time.sleep(pause)

        return asked

    return decorate


class Changed(Exception):  # noqa: N818 - an answer, which the caller expects
    """The port was changed by another after it was read; nothing was written."""


class NeutronclientPorts:
    """The ports as Stein and Train see them."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._neutron = clients.get_neutron_client()

    @patient()
    def create(self, request: Any) -> Any:
        """Creates a port; `request` is what Kuryr's own method made. Not repeated: it may exist."""
        port = self._neutron.create_port(request)["port"]
        utils.tag_neutron_resources("ports", [port["id"]])
        return port

    @patient(*PAUSES)
    def worker(self, address: str) -> Any:
        """The port of the worker with that address."""
        return self._driver._get_parent_port_by_host_ip(self._neutron, address)

    @patient(*PAUSES)
    def set_pairs(self, port: Any, pairs: List[Pair]) -> None:
        """Replaces the allowed address pairs. Raises Changed if `port` is out of date."""
        from neutronclient.common import exceptions

        try:
            self._neutron.update_port(
                port["id"],
                {"port": {"allowed_address_pairs": pairs}},
                revision_number=port.get("revision_number"),
            )
        except exceptions.NeutronClientException as error:
            raise_changed(error)
            raise

    @patient(*PAUSES)
    def delete(self, port: str) -> None:
        """Deletes a port; fine when it is gone."""
        from neutronclient.common import exceptions

        try:
            self._neutron.delete_port(port)
        except exceptions.PortNotFoundClient:
            LOG.warning("Port %s is gone already", port)


class SdkPorts:
    """The ports as Ussuri and later releases see them."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._network = clients.get_network_client()

    @patient()
    def create(self, request: Any) -> Any:
        """Creates a port; `request` is what Kuryr's own method made. Not repeated: it may exist."""
        port = self._network.create_port(**request)
        # From Wallaby on the request has the tags, where Neutron takes them there.
        if not getattr(self._driver, "_tag_on_creation", False):
            utils.tag_neutron_resources([port])
        return port

    @patient(*PAUSES)
    def worker(self, address: str) -> Any:
        """The port of the worker with that address."""
        return self._driver._get_parent_port_by_host_ip(address)

    @patient(*PAUSES)
    def set_pairs(self, port: Any, pairs: List[Pair]) -> None:
        """Replaces the allowed address pairs. Raises Changed if `port` is out of date."""
        from openstack import exceptions

        try:
            self._network.update_port(
                port["id"], if_revision=port["revision_number"], allowed_address_pairs=pairs
            )
        except exceptions.HttpException as error:
            raise_changed(error)
            raise

    @patient(*PAUSES)
    def delete(self, port: str) -> None:
        """Deletes a port; fine when it is gone."""
        self._network.delete_port(port, ignore_missing=True)


PRECONDITION_FAILED = 412
"""What Neutron answers to If-Match when the port is no longer of that revision."""


def raise_changed(error: Any) -> None:
    """Raises Changed if that is what the error says."""
    if error.status_code == PRECONDITION_FAILED:
        raise Changed from error


def ports_of(driver: Any) -> Any:
    """The ports, by the client that this Kuryr has."""
    make: Callable[[Any], Any] = (
        SdkPorts if hasattr(clients, "get_network_client") else NeutronclientPorts
    )
    return make(driver)
