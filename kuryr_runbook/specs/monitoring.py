"""What a Prometheus needs to watch Kuryr: rules for alerts, and where Kuryr's own metrics are.

The first alerts are about the metrics that `diagnose --metrics` and `plan --metrics` write
(display/metrics.py); each names the finding. The others are about those that Kuryr serves itself
from Yoga on (kuryr_kubernetes/controller/prometheus_exporter.py and cni/prometheus_exporter.py);
their limits are those with which OpenShift's network operator alerted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kuryr_runbook.model.errors import UsageError
from kuryr_runbook.model.objects import Manifest
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.specs.controller import CONTROLLER
from kuryr_runbook.specs.daemon import DAEMON

NAME = "kuryr"
PORT = "metrics"
OPERATOR = "monitoring.coreos.com/v1"
"""The API of the Prometheus operator."""
FOUND = "{{ $labels.title }}{{ with $labels.subject }}: {{ . }}{{ end }}"
LOOK = "kuryr-runbook diagnose names victims, evidence and what to do."


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule."""

    name: str
    expression: str
    """In PromQL: what is wrong as long as it returns anything."""
    lasting: str
    """How long it has to be so."""
    severity: str
    summary: str
    description: str = LOOK


ALERTS = (
    Alert(
        name="KuryrFault",
        expression='kuryr_runbook_finding{status="fail"} > 0',
        lasting="0m",
        severity="critical",
        summary=f"Site {{{{ $labels.site }}}}: {FOUND}",
    ),
    Alert(
        name="KuryrNotChecked",
        expression='kuryr_runbook_finding{status="unknown"} > 0',
        lasting="30m",
        severity="warning",
        summary=f"Site {{{{ $labels.site }}}}, could not be checked: {FOUND}",
    ),
    Alert(
        name="KuryrWarning",
        expression='kuryr_runbook_finding{status="warn"} > 0',
        lasting="1h",
        severity="info",
        summary=f"Site {{{{ $labels.site }}}}: {FOUND}",
    ),
    Alert(
        name="KuryrDrift",
        expression="sum by (site, phase) (kuryr_runbook_plan_changes) > 0",
        lasting="1h",
        severity="warning",
        summary="Site {{ $labels.site }}: {{ $value }} changes in phase {{ $labels.phase }}",
        description="It is no longer as its site file says. kuryr-runbook plan names each change.",
    ),
    Alert(
        name="KuryrDiagnosisOld",
        expression="time() - kuryr_runbook_diagnosis_timestamp_seconds > 2 * 3600",
        lasting="0m",
        severity="warning",
        summary="Site {{ $labels.site }}: no diagnosis for {{ $value | humanizeDuration }}",
        description="What starts kuryr-runbook diagnose --metrics does not, or the command fails.",
    ),
    Alert(
        name="KuryrPlanOld",
        expression="time() - kuryr_runbook_plan_timestamp_seconds > 26 * 3600",
        lasting="0m",
        severity="warning",
        summary="Site {{ $labels.site }}: no plan for {{ $value | humanizeDuration }}",
        description="What starts kuryr-runbook plan --metrics does not, or the command fails.",
    ),
    Alert(
        name="KuryrQuotaLow",
        # -1 says that there is no limit.
        expression="kuryr_quota_free_count >= 0 and kuryr_quota_free_count < 10",
        lasting="10m",
        severity="warning",
        summary="Kuryr's project has {{ $value }} of {{ $labels.resource }} left in its quota",
        description="Without any, new pods or Services get none. Raise the project's quota.",
    ),
    Alert(
        name="KuryrSubnetFull",
        expression="kuryr_port_quota_per_subnet < 10",
        lasting="10m",
        severity="warning",
        summary="Subnet {{ $labels.subnet_name }} has {{ $value }} addresses left for pods",
        description="Without any, new pods get no network.",
    ),
    Alert(
        name="KuryrPodsSlow",
        expression=(
            "histogram_quantile(0.95, sum by (le) (rate(kuryr_pod_creation_latency_bucket[15m])))"
            " > 120"
        ),
        lasting="15m",
        severity="warning",
        summary="One in twenty new pods waits {{ $value | humanizeDuration }} for its port",
    ),
    Alert(
        name="KuryrCniSlow",
        expression=(
            "histogram_quantile(0.95, sum by (le, command) "
            "(rate(kuryr_cni_request_duration_seconds_bucket[15m]))) > 60"
        ),
        lasting="15m",
        severity="warning",
        summary="One in twenty CNI {{ $labels.command }} takes {{ $value | humanizeDuration }}",
    ),
)


def rules() -> dict[str, Any]:
    """The alerts as a file of rules."""
    return {"groups": [{"name": NAME, "rules": [_rule(alert) for alert in ALERTS]}]}


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.lasting,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.description},
    }


def rules_manifest() -> Manifest:
    """The same for the Prometheus operator."""
    return {
        "apiVersion": OPERATOR,
        "kind": "PrometheusRule",
        "metadata": {"name": NAME},
        "spec": rules(),
    }


def exporters(site: Site) -> Iterator[Manifest]:
    """A headless Service and a ServiceMonitor each for the controller's and the daemon's metrics.

    Raises UsageError for a release without any.
    """
    ports = RELEASES[site.kuryr.release].metrics_ports
    if ports is None:
        raise UsageError(
            f"Kuryr {site.kuryr.release} serves no metrics of its own: releases do from Yoga on",
            remedy="use those of `diagnose --metrics` and `plan --metrics`, which need no release",
        )
    for name, port in ((CONTROLLER, ports.controller), (DAEMON, ports.daemon)):
        metadata = {
            "name": f"{name}-metrics",
            "namespace": site.kubernetes.namespace,
            "labels": {"name": name},
        }
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                # Headless: Kuryr makes no load balancer for it.
                "clusterIP": "None",
                "selector": {"name": name},
                "ports": [{"name": PORT, "port": port, "targetPort": port}],
            },
        }
        yield {
            "apiVersion": OPERATOR,
            "kind": "ServiceMonitor",
            "metadata": metadata,
            "spec": {
                "selector": {"matchLabels": {"name": name}},
                "endpoints": [{"port": PORT, "interval": "30s"}],
            },
        }
