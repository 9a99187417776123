"""Phase 05's findings: a failure is diagnosed at once, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from worlds.memory_cloud import MemoryCloud
from worlds.memory_cluster import MemoryCluster
from worlds.sites import lab_site
from worlds.verification import NO, PODS, healthy, probe

from kuryr_runbook.model.errors import CheckError
from kuryr_runbook.phases.verification import Verification
from kuryr_runbook.phases.workload import checks
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot, read_diagnosis
from kuryr_runbook.snapshots.reading import Unreadable


@pytest.fixture
def phase(monkeypatch: pytest.MonkeyPatch) -> Verification:
    """The phase on a lab where all is well; diagnosis can look at nothing."""
    made = Verification(lab_site())
    made.cluster, made.cloud = MemoryCluster(), MemoryCloud()  # type: ignore[assignment]
    monkeypatch.setattr(checks, "read_verification", lambda *_: healthy())

    def read(site: Any, *_: Any) -> DiagnosisSnapshot:
        read_sites.append(site)
        return read_diagnosis(site, Unreadable("not asked"), Unreadable("not asked"))

    read_sites.clear()
    monkeypatch.setattr(checks, "read_diagnosis", read)
    return made


read_sites: list[Any] = []


def test_what_passes_is_not_diagnosed(phase: Verification) -> None:
    phase.check()
    assert read_sites == []


def test_what_fails_is_diagnosed_once_and_shown_with_its_cause(
    phase: Verification, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = {name: replace(probe(index), vip=(NO,)) for index, name in enumerate(PODS)}
    spoilt = replace(healthy(), probes=probes)
    monkeypatch.setattr(checks, "read_verification", lambda *_: spoilt)
    with pytest.raises(CheckError, match="cause: diagnosis finds none"):
        phase.check()
    assert len(read_sites) == 1
