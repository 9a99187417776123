"""What commands of `openstack` accept, asked of the client itself: writes the table for tests.

    PYTHONPATH=tests python -m making.openstack_commands

Makes a virtual environment with the client and its plugin for Octavia, which the project's own does
not have; needs the package index. Add a command below when a remedy begins to use it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TABLE = Path(__file__).parents[1] / "worlds" / "openstack_commands.json"
CLIENTS = ("python-openstackclient", "python-octaviaclient")
GROUPS = ("openstack.network.v2", "openstack.load_balancer.v2", "openstack.common")
COMMANDS = (
    "floating ip create", "floating ip delete", "floating ip set", "floating ip unset",
    "loadbalancer delete", "loadbalancer failover", "loadbalancer listener delete",
    "loadbalancer listener set", "loadbalancer listener unset", "loadbalancer member delete",
    "loadbalancer member set", "loadbalancer pool delete", "loadbalancer pool set",
    "loadbalancer quota set", "loadbalancer set", "network agent list", "network agent set",
    "network delete", "network set", "network trunk create", "network trunk set",
    "network trunk unset", "port delete", "port set", "port unset", "quota set",
    "router add subnet", "router remove subnet", "router set", "security group delete",
    "security group rule create", "security group rule delete", "security group set",
    "subnet pool set", "subnet set",
)  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="openstack-client-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *CLIENTS], check=True)
        answer = subprocess.run([python, __file__, "ask"], check=True, stdout=subprocess.PIPE)
    lines = [f" {json.dumps(key)}: {json.dumps(it)}" for key, it in json.loads(answer.stdout)]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def ask() -> None:
    """Within that environment: each command's arguments and options."""
    found = {
        point.name.replace("_", " "): point
        for group in GROUPS
        for point in entry_points(group=group)
    }
    manager = SimpleNamespace(is_network_endpoint_enabled=lambda: True)
    app = SimpleNamespace(client_manager=manager, api_version={}, NAME="openstack")
    said = [(name, _accepted(found[name].load()(app, None).get_parser(name))) for name in COMMANDS]
    sys.stdout.write(json.dumps(said))


def _accepted(parser: argparse.ArgumentParser) -> dict[str, Any]:
    arguments: list[tuple[str, Any]] = []
    options: dict[str, str] = {}
    for action in parser._actions:
        kind = "flag" if action.nargs == 0 else "value"
        if action.option_strings:
            options |= dict.fromkeys(action.option_strings, kind)
        else:
            arguments.append((action.dest, action.nargs))
    return {"arguments": arguments, "options": options}


if __name__ == "__main__":
    ask() if sys.argv[1:] == ["ask"] else main()
