"""Runs supervisord: its configuration, starting and stopping it, and its XML-RPC.

It is started detached and outlives the command that started it. Its XML-RPC is on a unix socket; no
TCP port is opened.
"""

from __future__ import annotations

import http.client
import os
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from kuryr_runbook.lab import identities, launching
from kuryr_runbook.lab.identities import Identity
from kuryr_runbook.lab.programs import Program
from kuryr_runbook.model.errors import LabError

ANSWER_SECONDS = 60.0
"""A call may stop a program, which takes its `stop_seconds`."""
START_SECONDS = 20.0
STOP_MARGIN_SECONDS = 15.0
RETRIES = 3
"""How often to restart a program that dies immediately, each time after one more second."""
LOG_BYTES = 10 * 1024 * 1024

RUNNING, STARTING, BACKOFF, STOPPING = "RUNNING", "STARTING", "BACKOFF", "STOPPING"


class CallError(LabError):
    """supervisord refused a call."""


@dataclass(frozen=True, slots=True)
class Info:
    """What supervisord knows about a process."""

    state: str
    """STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL or UNKNOWN."""
    pid: int
    """0 if it is not running."""
    uptime: float
    """Seconds; 0 if it is not running."""
    said: str
    """supervisord's description, such as why it could not be started."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A supervisord with its files in a directory."""

    directory: Path
    logs: Path

    @property
    def socket(self) -> Path:
        """The socket of its XML-RPC."""
        return self.directory / "supervisor.sock"

    @property
    def programs(self) -> Path:
        """Directory with a configuration file for each program, read at start and on request."""
        return self.directory / "programs"

    @property
    def configuration(self) -> Path:
        """supervisord.conf."""
        return self.directory / "supervisord.conf"

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        try:
            with self._api() as api:
                return bool(api.supervisor.getState())
        except OSError:
            return False

    def _api(self) -> AbstractContextManager[xmlrpc.client.ServerProxy]:
        """Its API for one call (supervisord.org/api.html). Raises OSError if it is not running."""
        return xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(self.socket))

    def start(self) -> None:
        """Start it detached, without starting any of its programs."""
        for directory in (self.directory, self.programs, self.logs):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.configuration.write_text(render_configuration(self))
        try:
            subprocess.run(
                (sys.executable, "-m", "supervisor.supervisord", "-c", str(self.configuration)),
                env=launching.clean_environment(),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=True,
                timeout=START_SECONDS,
            )
        except subprocess.CalledProcessError as error:
            raise LabError(
                f"supervisord did not start: {(error.stderr or error.stdout).strip()}",
                remedy=f"see {self.logs / 'supervisord.log'}",
            ) from error
        deadline = time.monotonic() + START_SECONDS
        while not self.alive:
            if time.monotonic() > deadline:
                raise LabError(
                    f"supervisord does not answer on {self.socket} after {START_SECONDS:.0f} s",
                    remedy=f"see {self.logs / 'supervisord.log'}",
                )
            time.sleep(0.05)

    def shut_down(self, stop_seconds: float) -> None:
        """Stop all its programs in parallel, and itself; wait until it is gone."""
        daemon = identities.identity(int(str(self.call("getPID"))))
        self.call("shutdown")
        deadline = time.monotonic() + stop_seconds + STOP_MARGIN_SECONDS
        while daemon is not None and daemon.alive:
            if time.monotonic() > deadline:
                raise LabError(
                    f"supervisord (pid {daemon.pid}) did not stop its programs within "
                    f"{stop_seconds + STOP_MARGIN_SECONDS:.0f} s",
                    remedy=f"see {self.logs / 'supervisord.log'}, then `kuryr-runbook lab destroy`",
                )
            time.sleep(0.1)

    def identities(self) -> tuple[Identity, ...]:
        """Every supervisord with this configuration, even if it does not answer."""
        wanted = ["-c", str(self.configuration)]
        found = (
            identities.identity(process.pid)
            for process in psutil.process_iter(["cmdline"])
            if (process.info["cmdline"] or [])[-2:] == wanted
        )
        return tuple(identity for identity in found if identity is not None)

    def info(self) -> dict[str, Info]:
        """Every process that it knows, by name; nothing if it is not running."""
        try:
            with self._api() as api:
                answers: Any = api.supervisor.getAllProcessInfo()
        except OSError:
            return {}
        return {answer["name"]: _info(answer) for answer in answers}

    def call(self, method: str, *arguments: object) -> object:
        """Call one method; raises CallError when it refuses, LabError when it does not answer."""
        try:
            with self._api() as api:
                answer: object = getattr(api.supervisor, method)(*arguments)
                return answer
        except xmlrpc.client.Fault as error:
            raise CallError(f"supervisord: {method}{arguments}: {error.faultString}") from error
        except OSError as error:
            raise LabError(
                f"supervisord does not answer on {self.socket}: {error}",
                remedy="run `kuryr-runbook lab up` again, which restarts it",
            ) from error


def render_configuration(daemon: Daemon) -> str:
    """supervisord.conf."""
    return f"""\
[supervisord]
logfile = {_value(daemon.logs / "supervisord.log")}
logfile_maxbytes = {LOG_BYTES}
logfile_backups = 1
pidfile = {_value(daemon.directory / "supervisord.pid")}
childlogdir = {_value(daemon.logs)}
directory = {_value(daemon.directory)}
user = {os.geteuid()}
umask = 022

[unix_http_server]
file = {_value(daemon.socket)}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[include]
files = programs/*.ini
"""


def render_program(program: Program, script: Path, log: Path) -> str:
    """A program's configuration file.

    autostart is off: programs depend on each other, and `lab up` knows the order.
    """
    return f"""\
[program:{program.name}]
command = {_value(shlex.join(("/bin/sh", str(script))))}
autostart = false
autorestart = true
startsecs = 1
startretries = {RETRIES}
stopsignal = TERM
stopwaitsecs = {program.stop_seconds}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {_value(log)}
stdout_logfile_maxbytes = {LOG_BYTES}
stdout_logfile_backups = 1
"""


def _value(text: object) -> str:
    # supervisord expands %(name)s in every value.
    return str(text).replace("%", "%%")


def _info(answer: Mapping[str, Any]) -> Info:
    runs = answer["statename"] in (RUNNING, STARTING, STOPPING)
    return Info(
        state=str(answer["statename"]),
        pid=int(answer["pid"]),
        uptime=float(answer["now"] - answer["start"]) if runs else 0.0,
        said=str(answer["spawnerr"] or answer["description"]),
    )


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path)
        self._connection = host, connection  # what `close` closes
        return connection
