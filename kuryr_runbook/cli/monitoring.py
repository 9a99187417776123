"""`kuryr-runbook monitoring`: what a Prometheus needs to watch Kuryr, printed for it."""

from __future__ import annotations

from pathlib import Path

import click

from kuryr_runbook.cli.conventions import Group
from kuryr_runbook.cli.options import site_option
from kuryr_runbook.display.terminal import echo_json, echo_yaml


@click.group(
    cls=Group,
    examples=[
        "kuryr-runbook monitoring rules --manifest",
        "kuryr-runbook monitoring dashboard",
        "kuryr-runbook monitoring exporters --site my-site.yaml",
    ],
)
def monitoring() -> None:
    """Alert rules, a dashboard, and where Kuryr's own metrics are, for Prometheus.

    Prints YAML or JSON and changes nothing. The metrics that the first rules are about are
    written by `diagnose --metrics` and `plan --metrics`.
    """


@monitoring.command(
    examples=[
        "kuryr-runbook monitoring rules",
        "kuryr-runbook monitoring rules --manifest",
    ]
)
@click.option("--manifest", is_flag=True, help="As a PrometheusRule, for the Prometheus operator.")
def rules(*, manifest: bool) -> None:
    """Print the alert rules: each alert names the finding.

    A file of rules for Prometheus itself, or with --manifest an object of
    Kubernetes. They are the same for all sites.
    """
    from kuryr_runbook.specs import monitoring as specs

    echo_yaml(specs.rules_manifest() if manifest else specs.rules())


@monitoring.command(examples=["kuryr-runbook monitoring dashboard"])
def dashboard() -> None:
    """Print a dashboard for Grafana, as JSON to be imported.

    It is the same for all sites, and lets you choose among them.
    """
    from kuryr_runbook.specs import dashboard as specs

    echo_json(specs.dashboard())


@monitoring.command(examples=["kuryr-runbook monitoring exporters --site my-site.yaml"])
@site_option(required=True)
def exporters(*, site_file: Path) -> None:
    """Print Services and ServiceMonitors for the metrics that Kuryr itself serves.

    It does from Yoga on; refused for earlier releases.
    """
    from kuryr_runbook.phases.site.reading import read_site
    from kuryr_runbook.specs import monitoring as specs

    for manifest in [*specs.exporters(read_site(site_file))]:
        echo_yaml(manifest, is_one_of_several=True)
