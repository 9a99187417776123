"""Manages the haproxy of each load balancer: finds, starts, reloads, ends and queries it.

A haproxy leaves the agent's process group, so that it survives a restart of the agent. Its
configuration, process id and socket are in one directory. A reload hands over the listening
sockets; existing connections stay with the old process until they end.
"""

from __future__ import annotations

import csv
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kuryr_runbook.lab.compute.parts import Balancer
from kuryr_runbook.lab.compute.proxying import carried, render_haproxy
from kuryr_runbook.lab.network.kernel import NAMESPACES, run
from kuryr_runbook.lab.network.namespaces import end_processes
from kuryr_runbook.lab.programs import Progress
from kuryr_runbook.lab.settings import LabSettings

SOCKET_SECONDS = 5.0
"""How long haproxy may take to answer."""
_SERVERS = "show stat -1 4 -1"
"""haproxy's command that lists all servers of all backends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberState:
    """A member as its haproxy sees it."""

    load_balancer_id: str
    listener_id: str
    pool_id: str
    member_id: str
    address: str
    status: str
    """UP or DOWN with haproxy's details; `no check` without a health monitor."""


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of a load balancer's haproxy."""

    directory: Path
    load_balancer_id: str

    def _file(self, suffix: str) -> Path:
        # A socket's path can have about 100 characters, so the id is cut, as Neutron does.
        return self.directory / f"lb-{self.load_balancer_id[:11]}.{suffix}"

    @property
    def configuration(self) -> Path:
        return self._file("cfg")

    @property
    def pid(self) -> Path:
        return self._file("pid")

    @property
    def socket(self) -> Path:
        return self._file("sock")

    def remove(self) -> None:
        for file in (self.configuration, self.pid, self.socket):
            file.unlink(missing_ok=True)


def directory(settings: LabSettings) -> Path:
    """Where the agent keeps its files."""
    return settings.state / "compute"


def ensure_proxy(settings: LabSettings, balancer: Balancer, say: Progress) -> None:
    """Ensure a haproxy with the right configuration, unless it would have nothing to do."""
    if carried(balancer.load_balancer):
        directory(settings).mkdir(parents=True, exist_ok=True)
        _ensure(_Files(directory(settings), balancer.load_balancer.id), balancer, say)


def end_others(settings: LabSettings, balancers: Iterable[Balancer], say: Progress) -> None:
    """End the haproxies of load balancers that are gone or have nothing to listen on."""
    home = directory(settings)
    wanted = {_Files(home, b.load_balancer.id).pid for b in balancers if carried(b.load_balancer)}
    for file in home.glob("lb-*.pid"):
        if file not in wanted:
            _end(_Files(home, file.stem.removeprefix("lb-")), say)


def _ensure(files: _Files, balancer: Balancer, say: Progress) -> None:
    wanted = render_haproxy(balancer.load_balancer, files.socket)
    alive = _alive(files, balancer.namespace)
    if alive and files.configuration.exists() and files.configuration.read_text() == wanted:
        return
    fresh = files.configuration.with_suffix(".new")
    fresh.write_text(wanted)
    reload = ("-x", str(files.socket), "-sf", str(alive)) if alive else ()
    run(
        *("haproxy", "-D", "-f", str(fresh), "-p", str(files.pid), *reload),
        namespace=balancer.namespace,
    )
    os.replace(fresh, files.configuration)
    done = "reloaded" if alive else "started"
    listeners = carried(balancer.load_balancer)
    members = sum(len(listener.pool.members) for listener in listeners if listener.pool)
    say(
        f"load balancer {balancer.load_balancer.name} ({balancer.load_balancer.vip}) {done}: "
        f"listeners {len(listeners)}, members {members}"
    )


def _alive(files: _Files, namespace: str | None) -> int | None:
    """The process, if it is a haproxy, in the given namespace if any."""
    try:
        pid = int(files.pid.read_text())
        process = Path(f"/proc/{pid}")
        is_haproxy = (process / "comm").read_text().strip() == "haproxy"
        if namespace is not None:
            own = (process / "ns" / "net").stat()
            is_haproxy &= own.st_ino == (NAMESPACES / namespace).stat().st_ino
    except (OSError, ValueError):
        return None
    return pid if is_haproxy else None


def _end(files: _Files, say: Progress) -> None:
    pid = _alive(files, None)
    if pid is not None:
        end_processes({pid: f"haproxy of load balancer {files.load_balancer_id}"}, say)
    files.remove()


def member_states(settings: LabSettings) -> tuple[MemberState, ...]:
    """The states of members according to their haproxies; those that do not answer are skipped."""
    found: list[MemberState] = []
    for file in sorted(directory(settings).glob("lb-*.sock")):
        try:
            owner = file.with_suffix(".cfg").read_text().partition("\n")[0].removeprefix("# ")
            found += _parse(owner, _ask(file, _SERVERS))
        except OSError:
            continue
    return tuple(found)


def _ask(file: Path, question: str) -> str:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SOCKET_SECONDS)
        connection.connect(str(file))
        connection.sendall(f"{question}\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts).decode()


def _parse(load_balancer_id: str, answer: str) -> Iterator[MemberState]:
    for row in csv.DictReader(answer.removeprefix("# ").splitlines()):
        pool, _, listener = row["pxname"].partition(":")
        yield MemberState(
            load_balancer_id=load_balancer_id,
            listener_id=listener,
            pool_id=pool,
            member_id=row["svname"],
            address=row["addr"],
            status=row["status"],
        )
