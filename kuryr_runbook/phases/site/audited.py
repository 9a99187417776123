"""Reads a Kuryr that is installed without a site file, and describes it as a site for checks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from kuryr_runbook.clients.files import read_text, read_yaml, user_path
from kuryr_runbook.clients.kubernetes.probes import ProbingCluster
from kuryr_runbook.display.progress import say
from kuryr_runbook.model.documents import mapping
from kuryr_runbook.model.errors import CheckError, SiteError, UnknownError, UsageError
from kuryr_runbook.model.releases import RELEASES
from kuryr_runbook.model.site import Site
from kuryr_runbook.model.site_file import parse_site
from kuryr_runbook.model.site_template import keys_of
from kuryr_runbook.model.variables import SITE_VARIABLE
from kuryr_runbook.phases.site.draft import (
    EXAMPLE,
    cluster_of,
    drafted,
    read_places,
    site_blanks,
    site_text,
)
from kuryr_runbook.planning.audit import Condition, Fact, Judged, facts, judge
from kuryr_runbook.planning.draft_keys import DraftKey
from kuryr_runbook.planning.draft_kuryr import fitting_releases
from kuryr_runbook.snapshots.cluster.found_kuryr import FoundKuryr, FoundProgram
from kuryr_runbook.snapshots.cluster.programs import Place, Places
from kuryr_runbook.snapshots.cluster.remains import read_remains
from kuryr_runbook.snapshots.reading import Unreadable, attempted

T = TypeVar("T")

WHERE = (
    "openstack.cloud",
    "openstack.clouds_yaml",
    "kubernetes.kubeconfig",
    "kubernetes.context",
)
"""The keys that say where to look. All others only fill in what is not found out."""
NAMELESS = "audited"
"""The site's name, if nothing gives it one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What an audit has found out."""

    given: Mapping[str, Any]
    """The keys of a site file that were given, by their paths."""
    keys: tuple[DraftKey, ...]
    """Those that were found, or not."""
    kuryr: FoundKuryr | None
    judged: Judged

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What is said about the installed Kuryr; empty if there is none."""
        keys = {it.key: it for it in self.keys}
        return () if self.kuryr is None else tuple(facts(self.kuryr, keys))

    @property
    def installed(self) -> FoundKuryr:
        """The one Kuryr that there is.

        Raises CheckError if there is none, more than one, or half a one.
        """
        if self.kuryr is None or self.judged.condition is not Condition.ONE:
            raise CheckError(
                f"{self.judged.condition}: {self.judged.evidence}", remedy=self.judged.remedy
            )
        return self.kuryr

    @property
    def text(self) -> str:
        """The site file, with blanks for what was not found out.

        Raises CheckError if no site file can describe the installed Kuryr.
        """
        try:
            return site_text(self.given, self.keys)
        except SiteError as error:
            raise CheckError(
                f"a site file cannot describe the installed Kuryr: {error.message}",
                remedy="the runbook can neither take it over nor look further; what was "
                "recognized is shown above",
            ) from error

    @property
    def places(self) -> Places | None:
        """Where its programs are; None: where the runbook puts them."""
        kuryr = self.installed
        if kuryr.site:
            return None
        placed = {it.part: _place(it) for it in kuryr.programs}
        return Places(controller=placed["controller"], daemon=placed["daemon"])


def read_audited(given: Mapping[str, Any], name: str) -> Audited:
    """Read cloud and cluster, which the given keys name; `name` is the site's.

    Raises UnreachableError, AccessError or UsageError if the cluster does not answer, and
    UnknownError if it does not say whether it has a Kuryr.
    """
    cluster = ProbingCluster(*cluster_of(given), say)
    say(f"Kubernetes {cluster.version}")
    survey = read_places(given)
    kuryr = _sure(survey.kuryr)
    remains = () if kuryr else _sure(attempted(lambda: read_remains(cluster)))
    where = {key: given[key] for key in WHERE if key in given}
    return Audited(
        given=where,
        keys=tuple(_completed(drafted(where, name, survey), given)),
        kuryr=kuryr,
        judged=judge(kuryr, remains),
    )


def _sure(found: T | Unreadable) -> T:
    """What was read. Raises UnknownError if it could not be."""
    if isinstance(found, Unreadable):
        raise UnknownError(
            f"whether there is a Kuryr could not be read: {found.reason}",
            remedy=found.remedy
            or "use a login that may list DaemonSets, Deployments, pods and "
            "custom resource definitions in all namespaces",
        )
    return found


def _completed(keys: tuple[DraftKey, ...], given: Mapping[str, Any]) -> Iterator[DraftKey]:
    """The keys, with what was given in place of what was not found out."""
    for it in keys:
        missing = it.value is None and it.key in given
        yield replace(it, value=given[it.key], because="it was given") if missing else it
    for key in given.keys() - {*WHERE} - {it.key for it in keys}:
        yield DraftKey(key=key, value=given[key], because="it was given")


def described(audited: Audited) -> tuple[Site, frozenset[str]]:
    """The site for checks, and its keys that nobody knows and that these checks do not need.

    Raises CheckError or UnknownError if there is no such site.
    """
    kuryr = audited.installed
    blanks = {it.key: it.how for it in site_blanks(audited.text)}
    stand_ins = {key: value for key, value in _stand_ins(kuryr).items() if key in blanks}
    if missing := [f"{key}: {how}" for key, how in blanks.items() if key not in stand_ins]:
        raise UnknownError(
            "\n  ".join(["not looked at any further, since these are not known:", *missing]),
            remedy="give them in the notebook's parameters, or fill in the file that --write "
            "writes, and use it: kuryr-runbook diagnose --site FILE",
        )
    keys = [it for it in audited.keys if it.key not in stand_ins]
    keys += [
        DraftKey(key=key, value=value, because="")
        for key, value in stand_ins.items()
        if value is not None
    ]
    text = replace(audited, keys=tuple(keys)).text
    return parse_site(text, "the site of the audit"), frozenset(stand_ins)


def _stand_ins(kuryr: FoundKuryr) -> dict[str, str | None]:
    """Values for keys that only a few checks need, which are then not asked; None: the default."""
    found: dict[str, str | None] = {
        "image.repository": "registry.invalid/kuryr",
        "image.registry_auth": None,
        "kuryr.link_iface": "unknown",
    }
    has_tags = "neutron_defaults.resource_tags" in kuryr.options
    fitting = [RELEASES[name] for name in fitting_releases(kuryr)]
    usable = [it.name for it in fitting if has_tags or not it.needs_resource_tags]
    if usable:
        # Those that fit keep their state in the same places.
        found["kuryr.release"] = usable[-1]
    return found


def _place(program: FoundProgram) -> Place:
    return Place(
        kind=program.kind,
        namespace=program.namespace,
        name=program.name,
        selector="" if program.kind == "Pod" else program.selector,
        container=program.container,
    )


def given_keys(sections: Mapping[str, Any]) -> dict[str, Any]:
    """A notebook's parameters as keys of a site file; all but those that are empty.

    Without any, the place is that of the site file that KURYR_RUNBOOK_SITE names. Raises UsageError
    for a key that no site file has.
    """
    path = os.environ.get(SITE_VARIABLE)
    if path and not any(sections.values()):
        file = user_path(path, SITE_VARIABLE)
        values = dict(_flat(mapping(read_yaml(file, "site file"), file.name)))
        return {key: value for key, value in values.items() if key in (*WHERE, "name")}
    given = {key: value for key, value in _flat(sections) if value not in ("", {})}
    known = {*keys_of(read_text(EXAMPLE, "the example")), "name"}
    if unknown := sorted(given.keys() - known):
        raise UsageError(
            f"no keys of a site file: {', '.join(unknown)}",
            remedy="parameters/example.yaml has all of them",
        )
    if wrong := [key for key in (*WHERE, "name") if not isinstance(given.get(key, ""), str)]:
        raise UsageError(f"{', '.join(wrong)}: has to be text")
    return given


def _flat(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        where = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping) and value:
            yield from _flat(value, where)
        else:
            yield where, value


def name_of(given: Mapping[str, Any]) -> str:
    """The site's name: the given one, or that of the cloud in the form of a DNS label."""
    cloud = str(given.get("openstack.cloud", "")).lower()
    label = re.sub(r"[^a-z0-9]+", "-", cloud).strip("-")[:50].strip("-")
    return str(given.get("name") or label or NAMELESS)
