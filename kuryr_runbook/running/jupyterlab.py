"""Starts JupyterLab, with its settings, for one person on this machine."""

from __future__ import annotations

import errno
import json
import os
import socket
from importlib.util import find_spec
from pathlib import Path

from kuryr_runbook.clients.writing import make_directory, write_file
from kuryr_runbook.display.frontend import VARIABLE
from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.running import served_records

ADDRESS = "127.0.0.1"
START = "start.ipynb"
"""The notebook that is opened first."""
OWN = ".jupyterlab"
"""Directory for JupyterLab's own state and settings, inside the served one."""
CONFIG_PATH = "JUPYTER_CONFIG_PATH"
OUT = "@jupyterlab/apputils-extension:announcements"
"""A disabled extension, which would offer to fetch news: nothing is fetched from any server."""
INTERPRETER = "kuryr_runbook.running.kernels.ThisInterpreter"


def refuse_missing() -> None:
    """Raise UsageError when JupyterLab is not installed."""
    if find_spec("jupyterlab") is None:
        raise UsageError(
            "JupyterLab is not installed",
            remedy="pip install 'kuryr-runbook[ui]', or in a checkout `make setup`",
        )


def refuse_taken(port: int) -> None:
    """Raise UsageError when another program listens on that port."""
    with socket.socket() as probe:
        # As the server does: recently closed connections do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise UsageError(
                f"port {port} of {ADDRESS} "
                + ("is taken" if taken else f"cannot be used: {error.strerror}"),
                remedy="choose another --port, or omit it to use a free one",
            ) from error


def settings(directory: Path, port: int | None, *, browser: bool) -> list[str]:
    """The server's arguments. It shows only `directory`; without a port it finds one from 8888."""
    wanted = {
        "ServerApp.ip": ADDRESS,
        "ServerApp.root_dir": directory,
        "ServerApp.open_browser": browser,
        # Ctrl-C ends it without asking.
        "ServerApp.answer_yes": True,
        # It is reachable only from this machine, and only with the token; the lab needs root.
        "ServerApp.allow_root": True,
        "ServerApp.kernel_spec_manager_class": INTERPRETER,
        # Kernels work in the current directory, as those of runs do, so that the relative paths in
        # a site file mean the same everywhere.
        "MappingKernelManager.root_dir": Path.cwd(),
        "ServerApp.log_level": "WARN",
        "LabApp.default_url": f"/lab/tree/{START}",
        "LabApp.workspaces_dir": directory / OWN / "workspaces",
        "LabApp.extension_manager": "readonly",
    }
    if port is not None:
        wanted |= {"ServerApp.port": port, "ServerApp.port_retries": 0}
    return [f"--{name}={value}" for name, value in wanted.items()]


def serve(directory: Path, arguments: list[str]) -> None:
    """Run the server until Ctrl-C. Only its kernels show widgets."""
    from jupyterlab.labapp import LabApp

    os.environ[VARIABLE] = str(os.getpid())
    paths = [str(_page_config(directory)), *filter(None, [os.environ.get(CONFIG_PATH)])]
    os.environ[CONFIG_PATH] = os.pathsep.join(paths)
    LabApp.launch_instance(argv=arguments)


def _page_config(directory: Path) -> Path:
    place = directory / OWN
    extension = {"ServerApp": {"jpserver_extensions": {served_records.__name__: True}}}
    for name, content in (
        ("labconfig/page_config.json", {"disabledExtensions": {OUT: True}}),
        ("jupyter_server_config.d/kuryr_runbook.json", extension),
    ):
        make_directory((place / name).parent)
        write_file(place / name, json.dumps(content))
    return place
