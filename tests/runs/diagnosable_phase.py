"""Troubleshooting of a cluster and a cloud in memory, for notebooks of tests."""

from __future__ import annotations

from worlds.world import World

from kuryr_runbook.phases.troubleshooting import Troubleshooting
from kuryr_runbook.snapshots.diagnosis import DiagnosisSnapshot


class Diagnosable(Troubleshooting):
    """Three workers, several faults."""

    def read(self) -> DiagnosisSnapshot:
        """The same each time."""
        world = World(12, nodes=3)
        world.remove("port", "port-web-1")
        world.pool_members["p-default/web-0"].pop()
        world.add_rule("r-open", "g-nodes")
        world.limits = {**world.limits, "port": (100, 97)}
        self._snapshot = world.read()
        return self._snapshot
