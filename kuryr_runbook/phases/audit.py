"""Phase 10: what Kuryr is there, whoever installed it? Needs no site file, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from kuryr_runbook.checking import diagnosis, preflight
from kuryr_runbook.checking.audit import NOT_LOOKED_AT, applicable, not_asked, of_others
from kuryr_runbook.checking.checks import Check
from kuryr_runbook.checking.diagnosis import Place, check_diagnosis
from kuryr_runbook.checking.paths import trace
from kuryr_runbook.checking.picture.topology import topology_of
from kuryr_runbook.checking.preflight import check_preflight
from kuryr_runbook.checking.view.cloud import Look
from kuryr_runbook.clients.files import user_path
from kuryr_runbook.clients.kubernetes.probes import ProbingCluster
from kuryr_runbook.clients.openstack.probes import AskingCloud, ProbingCloud
from kuryr_runbook.clients.writing import write_new
from kuryr_runbook.display.audit import facts_view, take_over_view
from kuryr_runbook.display.findings import causes_view, findings_view
from kuryr_runbook.display.progress import say
from kuryr_runbook.display.tables import View, stacked, table
from kuryr_runbook.display.topology import topology_view
from kuryr_runbook.display.trees import path_view
from kuryr_runbook.model.errors import CheckError
from kuryr_runbook.model.findings import Finding
from kuryr_runbook.model.options import Options
from kuryr_runbook.model.plan import Outcome, Plan
from kuryr_runbook.model.site import Site
from kuryr_runbook.phases.base import Phase
from kuryr_runbook.phases.earlier.image import registry_of
from kuryr_runbook.phases.parameters import read_parameters
from kuryr_runbook.phases.site.audited import (
    Audited,
    described,
    given_keys,
    name_of,
    read_audited,
)
from kuryr_runbook.phases.site.draft import blanks_view, site_blanks, survey_data, survey_view
from kuryr_runbook.planning.takeover import losses, moves, refusal
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot, read_diagnosis
from kuryr_runbook.snapshots.preflight import read_preflight
from kuryr_runbook.snapshots.reading import Unreadable, attempted


def recognized_view(audited: Audited) -> View:
    """What was recognized, whatever there is."""
    return facts_view(audited.judged, audited.facts)


def take_over_of(audited: Audited) -> View:
    """The order of a take-over. Raises CheckError if there is not one Kuryr."""
    kuryr = audited.installed
    return take_over_view(refusal(kuryr), [*losses(kuryr)], moves(kuryr))


class Audit(Phase):
    """Looks at one Kuryr, and writes a site file for it; there is nothing to plan or to apply."""

    name = "audit"
    lasting = False

    def __init__(
        self,
        site: Site,
        *,
        audited: Audited,
        unknown: frozenset[str] = frozenset(),
        dry_run: bool = False,
        options: Options | None = None,
    ) -> None:
        """`unknown`: the keys of the site that have a stand-in, since nobody knows them."""
        super().__init__(site, dry_run=dry_run, options=options)
        self.audited = audited
        self._unknown = unknown
        self._not_asked = not_asked(audited.installed, unknown)

    @classmethod
    def begin(cls, namespace: Mapping[str, Any]) -> Self:
        """Read what is there; the parameters only have to name the cloud and the cluster.

        Shows what was recognized, and raises CheckError if that is not one Kuryr, or UnknownError
        if too little is known about it to look further.
        """
        parameters = read_parameters(namespace)
        given = given_keys(parameters.site)
        audited = read_audited(given, name_of(given))
        try:
            return cls.of_audited(audited)
        except CheckError:
            recognized_view(audited).show()
            raise

    @classmethod
    def of_audited(cls, audited: Audited) -> Self:
        """The audit of what was read. Raises CheckError or UnknownError if it ends there."""
        site, unknown = described(audited)
        return cls(site, audited=audited, unknown=unknown)

    @cached_property
    def asked_cluster(self) -> ProbingCluster:
        """The connection to the cluster: it cannot change anything."""
        return ProbingCluster(self.site.kubernetes.kubeconfig, self.site.kubernetes.context, say)

    @cached_property
    def look(self) -> Look:
        """Cluster and cloud, read once."""
        say("reading cluster and cloud")
        return Look(self._read())

    def _read(self) -> DiagnosisSnapshot:
        where = self.site.openstack
        return read_diagnosis(
            self.site,
            attempted(lambda: self.asked_cluster),
            attempted(lambda: AskingCloud(where.cloud, where.clouds_yaml, say)),
            self.audited.places,
        )

    def recognized(self) -> View:
        """What is installed, and how that is known."""
        return recognized_view(self.audited)

    def take_over(self) -> View:
        """The order in which the runbook could take it over, and go back."""
        return take_over_of(self.audited)

    def preflight(self) -> View:
        """Preflight's checks, as far as they apply to what is installed."""
        return findings_view(f"Preflight{self._of}", self.preflight_findings, "preflight")

    @cached_property
    def preflight_findings(self) -> tuple[Finding, ...]:
        """The results of preflight's checks."""
        say("reading what cloud, cluster and registry permit")
        where = self.site.openstack
        snapshot = read_preflight(
            self.site,
            attempted(lambda: ProbingCloud(where.cloud, where.clouds_yaml, say)),
            attempted(lambda: self.asked_cluster),
            Unreadable(f"{NOT_LOOKED_AT}: image.repository is not known")
            if "image.repository" in self._unknown
            else attempted(lambda: registry_of(self.site)),
        )
        return self._about(check_preflight(snapshot, self._asked(preflight.CHECKS)))

    def check(self) -> View:
        """Diagnosis, as far as it applies. Findings are results here, not errors."""
        return causes_view(f"Diagnosis{self._of}", self.diagnosed, anchored=True)

    @property
    def _of(self) -> str:
        """What was looked at, for titles."""
        name, release = f" of {self.site.name}", self.site.kuryr.release
        return f"{name}, as if it were {release}" if "kuryr.release" in self._unknown else name

    @cached_property
    def diagnosed(self) -> tuple[Finding, ...]:
        """The causes that diagnosis finds, deepest first."""
        return self._about(check_diagnosis(self.look, checks=self._asked(diagnosis.CHECKS)))

    def _asked(self, checks: Sequence[Check]) -> list[Check]:
        return [*applicable(checks, self._not_asked)]

    def _about(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        return tuple(found if self.audited.installed.site else of_others(found))

    def picture(self) -> View:
        """Draw what is there; what has findings leads to them in what check() shows."""
        topology = topology_of(self.look, self.diagnosed)
        return topology_view(topology, f"Topology of {self.site.name}", linked=True)

    def trace(self, *, pod: str = "", service: str = "", namespace: str = "default") -> View:
        """Draw the path to a pod or a Service."""
        if not pod and not service:
            return table("Path", ("nothing was drawn",), [("name a pod or a service",)])
        place = Place(namespace=namespace, pod=pod or None, service=service or None)
        return path_view(f"Path to {place}", trace(self.look, place))

    def write(self, path: str | Path = "") -> View:
        """Write a site file to that path, which must not exist; without one, only show its keys."""
        return written_view(self.audited, Path(path) if path else None)

    def make_plan(self) -> Plan:
        """An empty plan."""
        return Plan(phase=self.name, steps=())

    def carry_out(self, plan: Plan) -> list[Outcome]:
        """Does nothing."""
        return []

    def findings(self) -> Iterable[Finding]:
        """Those of diagnosis."""
        return self.diagnosed


def written_view(audited: Audited, path: Path | None) -> View:
    """The keys of the site file, and its blanks; written if there is a path.

    Raises FileError if it exists, and CheckError if no site file can describe what is there.
    """
    text = audited.text
    if path is not None:
        write_new(user_path(path, "site file"), text)
    blanks = site_blanks(text)
    where = f"{path} was written" if path else "nothing was written: name a path"
    views = [survey_view(audited.keys), *([blanks_view(blanks)] if blanks else [])]
    view = stacked([*views, table("Site file", ("file",), [(where,)])])
    return replace(view, data={"site_file": survey_data(path, audited.keys, blanks)})
