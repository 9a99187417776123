"""A Grafana dashboard of what the runbook found, by site, and of Kuryr's own metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

WIDTH = 24
"""Columns of Grafana's grid."""
HEIGHT = 8
SCHEMA = 39
"""The format of Grafana 10 and 11, which later versions migrate."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
OF_SITE = 'site=~"$site"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel."""

    title: str
    kind: str
    """Grafana's name for it."""
    expression: str
    """In PromQL."""
    width: int
    legend: str = ""
    unit: str = "short"
    is_now: bool = False
    """Whether it shows the newest values only, and no history."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Other fields of the panel."""


HIDDEN = {"Time": True, "Value": True, "__name__": True, "instance": True, "job": True}
PANELS = (
    Panel(
        title="Faults",
        kind="stat",
        expression=f'sum by (site) (kuryr_runbook_findings{{status="fail", {OF_SITE}}})',
        width=8,
        legend="{{site}}",
        is_now=True,
    ),
    Panel(
        title="Changes that a run would make",
        kind="stat",
        expression=f"sum by (site) (kuryr_runbook_plan_changes{{{OF_SITE}}})",
        width=8,
        legend="{{site}}",
        is_now=True,
    ),
    Panel(
        title="Since the last diagnosis",
        kind="stat",
        expression=f"time() - kuryr_runbook_diagnosis_timestamp_seconds{{{OF_SITE}}}",
        width=8,
        legend="{{site}}",
        unit="s",
        is_now=True,
    ),
    Panel(
        title="What did not pass",
        kind="table",
        expression=f"kuryr_runbook_finding{{{OF_SITE}}} > 0",
        width=WIDTH,
        is_now=True,
        more={"transformations": [{"id": "organize", "options": {"excludeByName": HIDDEN}}]},
    ),
    Panel(
        title="Findings over time",
        kind="timeseries",
        expression=(
            f'sum by (site, status) (kuryr_runbook_findings{{status=~"fail|unknown|warn", '
            f"{OF_SITE}}})"
        ),
        width=12,
        legend="{{site}} {{status}}",
    ),
    Panel(
        title="Changes by phase",
        kind="timeseries",
        expression=f"sum by (site, phase) (kuryr_runbook_plan_changes{{{OF_SITE}}})",
        width=12,
        legend="{{site}} {{phase}}",
    ),
    Panel(
        title="Left in the project's quota (Yoga on)",
        kind="timeseries",
        expression="kuryr_quota_free_count >= 0",
        width=12,
        legend="{{resource}}",
    ),
    Panel(
        title="Addresses left for pods (Yoga on)",
        kind="timeseries",
        expression="kuryr_port_quota_per_subnet",
        width=12,
        legend="{{subnet_name}}",
    ),
    Panel(
        title="New pods' ports, 95th percentile (Yoga on)",
        kind="timeseries",
        expression=(
            "histogram_quantile(0.95, sum by (le) (rate(kuryr_pod_creation_latency_bucket[15m])))"
        ),
        width=12,
        legend="seconds",
        unit="s",
    ),
    Panel(
        title="CNI requests, 95th percentile (Yoga on)",
        kind="timeseries",
        expression=(
            "histogram_quantile(0.95, sum by (le, command) "
            "(rate(kuryr_cni_request_duration_seconds_bucket[15m])))"
        ),
        width=12,
        legend="{{command}}",
        unit="s",
    ),
)
"""From left to right, and from the top down."""


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it; it asks for the data source."""
    return {
        "title": "Kuryr",
        "uid": "kuryr-runbook",
        "tags": ["kuryr"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": [_sources(), _sites()]},
        "panels": [*_panels()],
    }


def _sources() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }


def _sites() -> dict[str, Any]:
    query = "label_values(kuryr_runbook_diagnosis_timestamp_seconds, site)"
    return {
        "name": "site",
        "label": "Site",
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": "sites"},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> Iterator[dict[str, Any]]:
    left = top = 0
    for number, panel in enumerate(PANELS, 1):
        if left + panel.width > WIDTH:
            left, top = 0, top + HEIGHT
        yield {
            "id": number,
            "title": panel.title,
            "type": panel.kind,
            "datasource": SOURCE,
            "gridPos": {"x": left, "y": top, "w": panel.width, "h": HEIGHT},
            "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
            "targets": [_target(panel)],
            **panel.more,
        }
        left += panel.width


def _target(panel: Panel) -> dict[str, Any]:
    return {
        "refId": "A",
        "datasource": SOURCE,
        "expr": panel.expression,
        "legendFormat": panel.legend,
        "instant": panel.is_now,
        "range": not panel.is_now,
        "format": "table" if panel.kind == "table" else "time_series",
    }
