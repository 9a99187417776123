"""What explains a failure on the lab, read before the lab is gone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.lab.remembering import remembered
from kuryr_runbook.lab.settings import LabSettings
from kuryr_runbook.model.errors import RunbookError

LINES = 150
"""How much of a log is shown; what a controller tripped over is at the end of its log."""


def controller_logs(settings: LabSettings) -> list[tuple[str, str]]:
    """The ends of the logs of Kuryr's controller, of before its last restart too, with headings.

    None without a lab, or without Kuryr; what cannot be read has its error in place of the log.
    """
    if not remembered(settings):
        return []
    try:
        return list(_logs(KubernetesClient(settings.kubeconfig)))
    except RunbookError as error:
        return [("Kuryr's controller", str(error))]


def _logs(cluster: KubernetesClient) -> Iterator[tuple[str, str]]:
    text = cluster.session.text
    pods = cluster.list_objects("v1", "Pod", labels="name=kuryr-controller")
    for pod, previous in product(pods, (True, False)):
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        restarts = sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ()))
        if previous and not restarts:
            continue
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/log"
        query = {"tailLines": LINES, "previous": str(previous).lower()}
        when = "before its last restart" if previous else f"{restarts} restarts"
        yield f"{name}, {when}", cluster.session.ask(f"log of {name}", partial(text, path, query))
