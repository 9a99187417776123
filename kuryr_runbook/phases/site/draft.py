"""Drafts a site file for a cloud and a cluster, before there is a site."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kuryr_runbook.clients.files import read_text, user_path
from kuryr_runbook.clients.kubernetes.client import KubernetesClient
from kuryr_runbook.clients.kubernetes.probes import ProbingCluster
from kuryr_runbook.clients.openstack.cloud_config import ENVIRONMENT
from kuryr_runbook.clients.openstack.probes import ProbingCloud
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, table
from kuryr_runbook.model.packaged import packaged
from kuryr_runbook.model.site_file import Blank, drafted_blanks
from kuryr_runbook.model.site_template import filled, keys_of, with_schema
from kuryr_runbook.phases.site.probing import Question, ask_nodes
from kuryr_runbook.planning.draft_keys import DraftKey, unknown
from kuryr_runbook.planning.draft_kuryr import HOME
from kuryr_runbook.planning.site_draft import draft_site
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr
from kuryr_runbook.snapshots.reading import Unreadable, attempted
from kuryr_runbook.snapshots.survey import Survey, read_survey, with_own

EXAMPLE = packaged("parameters") / "example.yaml"
SCHEMA = packaged("parameters") / "schema.json"
NOTHING = "NOT FOUND"
COLUMNS = ("line", "key", "how to look it up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A look at the nodes with a pod on each."""

    image: str
    """Empty: one that the node has."""


def surveyed(given: Mapping[str, str], name: str, probe: Probe | None) -> tuple[DraftKey, ...]:
    """The remaining keys of a site file, found in the cloud and cluster that the given ones name.

    `name` is the site's, unless Kuryr is already installed for another one.
    """
    survey = read_places(given)
    if probe is not None:
        where = cluster_of(given)
        survey = _looked(survey, name, probe, lambda: KubernetesClient(*where, say))
    return drafted(given, name, survey)


def read_places(given: Mapping[str, Any]) -> Survey:
    """What the cloud and the cluster that the given keys name have; either may not answer.

    `openstack.cloud`, `openstack.clouds_yaml`, `kubernetes.kubeconfig` and `kubernetes.context`
    say where these are.
    """
    login, where = _login(given), cluster_of(given)
    clouds_yaml = named_file(given, "openstack.clouds_yaml")
    say("asking Keystone, Neutron, Octavia and Kubernetes")
    return read_survey(
        Unreadable(login.because)
        if login.value is None
        else attempted(lambda: ProbingCloud(str(login.value), clouds_yaml, say)),
        attempted(lambda: ProbingCluster(*where, say)),
    )


def cluster_of(given: Mapping[str, Any]) -> tuple[Path | None, str | None]:
    """The kubeconfig and its context that the given keys name."""
    return named_file(given, "kubernetes.kubeconfig"), given.get("kubernetes.context")


def drafted(given: Mapping[str, Any], name: str, survey: Survey) -> tuple[DraftKey, ...]:
    """The keys that were found, without those that are given, in the order of a site file."""
    mine = DraftKey(key="name", value=name, because="the name of the file")
    found = {it.key: it for it in (mine, _login(given), *draft_site(survey, name))}
    order = keys_of(read_text(EXAMPLE, "the example"))
    return tuple(found[key] for key in order if key in found and key not in given)


def named_file(given: Mapping[str, Any], key: str) -> Path | None:
    """The file that a key of a site names, if any. Raises UsageError if it is in no home."""
    text = given.get(key, "").strip()
    return user_path(text, key) if text else None


def _looked(
    survey: Survey, name: str, probe: Probe, connect: Callable[[], KubernetesClient]
) -> Survey:
    """The survey, with what pods on the nodes see of their interfaces."""
    if isinstance(survey.nodes, Unreadable):
        return survey
    kuryr = survey.kuryr if isinstance(survey.kuryr, FoundKuryr) else None
    question = Question(
        site=name,
        namespace=kuryr.namespace if kuryr else HOME,
        look=probe.image,
        preferred=kuryr.images if kuryr else (),
    )
    found = ask_nodes(question, survey.nodes, connect())
    if isinstance(found, Unreadable):
        say(f"the nodes could not be looked at: {found.reason}")
        return survey
    for it in found:
        if isinstance(it.own, Unreadable):
            say(f"node {it.node}: {it.own.reason}")
    return with_own(survey, found)


def _login(given: Mapping[str, Any]) -> DraftKey:
    """The entry of clouds.yaml: the given one, or that of the environment."""
    key = "openstack.cloud"
    if key in given:
        return DraftKey(key=key, value=given[key], because="it was given")
    for variable in ("OS_CLOUD", "OS_AUTH_URL"):
        if value := os.environ.get(variable):
            name = value if variable == "OS_CLOUD" else ENVIRONMENT
            return DraftKey(key=key, value=name, because=f"{variable} is set")
    return unknown(key, "no cloud was named, and OS_CLOUD and OS_AUTH_URL are not set")


def site_text(given: Mapping[str, Any], found: tuple[DraftKey, ...]) -> str:
    """The example site file with the given and found values, and blanks for what was not found.

    Raises SiteError when these values do not make a valid site, apart from the blanks.
    """
    values = dict(given) | {told.key: told.written for told in found}
    text = with_schema(filled(read_text(EXAMPLE, "the example"), values), SCHEMA)
    site_blanks(text)
    return text


def site_blanks(text: str) -> tuple[Blank, ...]:
    """The blanks that are left in a drafted site file. Raises SiteError with all other problems."""
    return drafted_blanks(text, "the drafted site file")


def survey_data(
    file: Path | None, found: tuple[DraftKey, ...], blanks: Sequence[Blank]
) -> dict[str, Any]:
    """What was found and what is blank as JSON values, with the file if one was written."""
    return {
        "file": None if file is None else str(file),
        "keys": [{"key": told.key, "value": told.value, "because": told.because} for told in found],
        "blanks": [asdict(blank) for blank in blanks],
    }


def survey_view(found: tuple[DraftKey, ...]) -> View:
    """What was found, with the reasons; what was not found comes last."""
    rows = [(told.key, told.shown or NOTHING, told.because) for told in found]
    return table(
        "Found in cloud and cluster",
        ("key", "value", "because"),
        sorted(rows, key=lambda row: row[1] == NOTHING),
    )


def blanks_view(blanks: Sequence[Blank]) -> View:
    """The blanks, with their lines in the file and how to look each of them up."""
    rows = [(blank.line, blank.key, blank.how) for blank in blanks]
    return table("Left blank: the file does not load before these are filled in", COLUMNS, rows)
