"""Serve one of the three APIs over HTTPS, in this process, until SIGTERM."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

from .sqlite import bear_concurrent_writers

THREADS = 16
KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 2
"""How long requests may continue after SIGTERM."""
BACKLOG = 128

Application = Callable[..., Any]
Finish = Callable[[], None]


def main() -> None:
    """Command line: service, configuration file, address, and certificate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", choices=sorted(SERVICES))
    parser.add_argument("--config-file", required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    arguments = parser.parse_args()
    logging.captureWarnings(capture=True)
    bear_concurrent_writers()
    application, finish = SERVICES[arguments.service](arguments.config_file)
    server = wsgi.Server(
        (arguments.address, arguments.port),
        application,
        numthreads=THREADS,
        request_queue_size=BACKLOG,
        timeout=KEEP_ALIVE_SECONDS,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    server.ssl_adapter = BuiltinSSLAdapter(arguments.certificate, arguments.key)
    signal.signal(signal.SIGTERM, _leave)
    try:
        server.safe_start()
    finally:
        server.stop()
        finish()
        # Threads of the services' libraries would keep the interpreter alive for minutes.
        os._exit(0)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def load_keystone(config_file: str) -> tuple[Application, Finish]:
    """Keystone's application."""
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = config_file
    sys.argv = ["keystone"]
    from keystone.wsgi.api import application

    return application, _nothing


def load_neutron(config_file: str) -> tuple[Application, Finish]:
    """Neutron's application."""
    os.environ["OS_NEUTRON_CONFIG_FILES"] = config_file
    sys.argv = ["neutron-api"]
    from .heartbeats import write_heartbeats_aside

    write_heartbeats_aside()
    from neutron.wsgi.api import application

    return application, _nothing


def load_octavia(config_file: str) -> tuple[Application, Finish]:
    """Octavia's application and its worker, which share the in-memory message queue."""
    sys.argv = ["octavia-api", "--config-file", config_file]
    from .sockets import lead_drivers_to_the_agent

    lead_drivers_to_the_agent()
    from octavia.controller.queue.v2 import consumer
    from octavia.wsgi.api import application
    from oslo_config import cfg

    from .interrupted import fail_interrupted_work

    fail_interrupted_work()
    worker = consumer.ConsumerService(0, cfg.CONF)
    worker.run()
    return application, worker.terminate


def _nothing() -> None:
    return None


SERVICES: dict[str, Callable[[str], tuple[Application, Finish]]] = {
    "keystone": load_keystone,
    "neutron": load_neutron,
    "octavia": load_octavia,
}

if __name__ == "__main__":
    main()
