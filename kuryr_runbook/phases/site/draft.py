"""Drafts a site file for a cloud and a cluster, before there is a site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kuryr_runbook.clients.files import read_text
from kuryr_runbook.clients.kubernetes.probes import ProbingCluster
from kuryr_runbook.clients.openstack.probes import ProbingCloud
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.model.site_template import filled
from kuryr_runbook.planning.site_draft import DraftKey, draft_site
from kuryr_runbook.snapshots.reading import attempted
from kuryr_runbook.snapshots.survey import read_survey

EXAMPLE = "example.yaml"


def surveyed(given: Mapping[str, str]) -> tuple[DraftKey, ...]:
    """The remaining keys of a site file, found in the cloud and cluster that the given ones name.

    `openstack.cloud`, `openstack.clouds_yaml`, `kubernetes.kubeconfig` and `kubernetes.context`
    say where these are.
    """
    clouds_yaml = given.get("openstack.clouds_yaml")
    kubeconfig = given.get("kubernetes.kubeconfig")
    say("asking Keystone, Neutron, Octavia and Kubernetes")
    survey = read_survey(
        attempted(
            lambda: ProbingCloud(
                given["openstack.cloud"],
                Path(clouds_yaml).expanduser() if clouds_yaml else None,
                say,
            )
        ),
        attempted(
            lambda: ProbingCluster(
                Path(kubeconfig).expanduser() if kubeconfig else None,
                given.get("kubernetes.context"),
                say,
            )
        ),
    )
    return tuple(told for told in draft_site(survey) if told.key not in given)


def site_text(given: Mapping[str, str], found: tuple[DraftKey, ...]) -> str:
    """The example site file with the given and found values; what was not found is marked.

    Raises SiteError when these values do not make a valid site.
    """
    values = dict(given) | {told.key: told.value for told in found if told.value is not None}
    remarks = {told.key: f"NOT FOUND: {told.because}" for told in found if told.value is None}
    text = filled(read_text(packaged("parameters") / EXAMPLE, "the example"), values, remarks)
    parse_site(text, "the drafted site file")
    return text


def survey_view(found: tuple[DraftKey, ...]) -> View:
    """What was found, with the reasons; what was not found comes last."""
    rows = sorted(
        ((told.key, told.value or "NOT FOUND", told.because) for told in found),
        key=lambda row: row[1] == "NOT FOUND",
    )
    return table("Found in cloud and cluster", ("key", "value", "because"), rows)
