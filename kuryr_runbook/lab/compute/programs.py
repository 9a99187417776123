"""The agent and the lab's internet, for the supervisor."""

from __future__ import annotations

import sys

from kuryr_runbook.lab.network.internet import PORT
from kuryr_runbook.lab.programs import CommandHealth, HttpHealth, Program
from kuryr_runbook.lab.settings import CLOUD_ADDRESS, INTERNET_ADDRESS, INTERNET_NS, LabSettings


def programs(settings: LabSettings) -> tuple[Program, ...]:
    """The lab's internet, and the agent, which needs the cloud."""
    url = f"http://{INTERNET_ADDRESS}:{PORT}/"
    internet = Program(
        name="internet",
        command=(sys.executable, "-m", "kuryr_runbook.lab.network.internet"),
        health=HttpHealth(url=url),
        netns=INTERNET_NS,
        address=url,
    )
    machines = settings.machine_names
    module = (sys.executable, "-m", "kuryr_runbook.lab.compute", "--state", str(settings.state))
    agent = Program(
        name="compute",
        command=(*module, *(("--virtual", *machines) if machines else ())),
        health=CommandHealth(command=(*module, "--check")),
        netns=INTERNET_NS,
        # The cloud is not behind the machine's proxy.
        environment={"NO_PROXY": str(CLOUD_ADDRESS), "no_proxy": str(CLOUD_ADDRESS)},
    )
    return internet, agent
